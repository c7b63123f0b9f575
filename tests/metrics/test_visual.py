"""The visual distance is that of SSIMULACRA 2, and its gradients are those of the distance."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from licodec.evaluate.peers import find_peer
from licodec.metrics.butteraugli import butteraugli_distance
from licodec.metrics.distortion import (
    BUTTERAUGLI_SHARE,
    DISTORTIONS,
    FINETUNED_DISTORTIONS,
    SQUARED_ERROR_SHARE,
    SQUARED_LEVELS_PER_UNIT,
    TRAINED_DISTORTIONS,
    TRAINED_SQUARED_ERROR_SHARE,
    Distortion,
    stage_name,
)
from licodec.metrics.phases import PHASES, cut, draw_phases
from licodec.metrics.ssimulacra2 import ssimulacra2
from licodec.metrics.visual import visual_distance
from tests.photos import crop

DECODED = [
    (name, quality, picture)
    for picture in ("coffee", "chelsea")
    for name, quality in (("jpeg", 30), ("jpeg", 60), ("jpeg", 95), ("avif", 45), ("avif", 85))
]


def batch(pixels: np.ndarray) -> torch.Tensor:
    """(H, W, 3) uint8 to (1, 3, H, W) float32."""
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float()


def score(distance: torch.Tensor) -> float:
    return 100 - 10 * distance.item() ** 0.6276336467831387


@pytest.mark.parametrize(("name", "quality", "picture"), DECODED)
def test_distance_gives_the_score_that_is_measured(name: str, quality: int, picture: str) -> None:
    reference, peer = crop(320, 256, name=picture), find_peer(name)
    decoded = np.asarray(peer.decode(peer.encode(Image.fromarray(reference), quality)))
    measured = ssimulacra2(reference, decoded)
    found = score(visual_distance(batch(reference), batch(decoded)))
    assert found == pytest.approx(measured, abs=0.5 + 0.06 * (100 - measured))


def test_equal_pictures_have_hardly_any_distance() -> None:
    pixels = batch(crop(128, 128))
    assert visual_distance(pixels, pixels).item() < 0.05


def test_levels_beyond_the_range_count_as_its_ends() -> None:
    reference = batch(crop(64, 64))
    decoded = reference * 1.5 - 60
    expected = visual_distance(reference, decoded.clamp(0, 255))
    assert visual_distance(reference, decoded).allclose(expected)


def test_small_crops_are_compared_at_the_scales_that_they_have() -> None:
    reference = batch(crop(8, 8))
    assert visual_distance(reference, reference + 9).isfinite().all()


def test_gradient_is_that_of_finite_differences() -> None:
    torch.manual_seed(0)
    reference = batch(crop(64, 64))
    decoded = (reference + 6 * torch.randn_like(reference)).clamp(2, 253).requires_grad_(True)
    visual_distance(reference, decoded).sum().backward()
    assert decoded.grad is not None
    for seed in range(4):
        torch.manual_seed(seed + 1)
        # A direction with a large share of the slope: others drown in float32's rounding.
        way = decoded.grad.sign() * (torch.rand_like(decoded) < 0.5)
        with torch.no_grad():
            ahead, behind = (visual_distance(reference, decoded + s * way) for s in (0.05, -0.05))
        expected = (decoded.grad * way).sum()
        assert ((ahead - behind).sum() / 0.1).item() == pytest.approx(expected.item(), rel=0.03)


@pytest.mark.parametrize("distance", [visual_distance, butteraugli_distance])
def test_gradient_is_finite_on_black_and_on_equal_pictures(distance: Distortion) -> None:
    black = torch.zeros(1, 3, 64, 64)
    for reference, decoded in ((black, black.clone()), (black, black + 0.3)):
        decoded.requires_grad_(True)
        distance(reference, decoded).sum().backward()
        assert decoded.grad is not None
        assert decoded.grad.isfinite().all()


def test_visual_distortion_has_a_share_of_the_squared_error() -> None:
    reference = batch(crop(64, 64))
    decoded = reference + torch.tensor([3.0, -2.0, 1.0])[:, None, None]
    error = DISTORTIONS["psnr"](reference, decoded)
    assert error.item() == pytest.approx((9 + 4 + 1) / 3, rel=1e-4)
    assert DISTORTIONS["visual"](reference, decoded) > SQUARED_ERROR_SHARE * error


def test_what_is_seen_is_the_mean_over_cuts() -> None:
    torch.manual_seed(4)
    reference = batch(crop(64, 64))
    decoded = reference + 6 * torch.randn_like(reference)
    each = [DISTORTIONS["visual"](reference, decoded, phases=[phase]) for phase in PHASES]
    found = DISTORTIONS["visual"](reference, decoded)
    torch.testing.assert_close(found, torch.stack(each).mean(0))
    error = SQUARED_ERROR_SHARE * DISTORTIONS["psnr"](reference, decoded)
    seen = SQUARED_LEVELS_PER_UNIT * visual_distance(reference, decoded, PHASES[1:2])
    torch.testing.assert_close(each[1], (1 - SQUARED_ERROR_SHARE) * seen + error)


def test_squares_begin_at_the_cut() -> None:
    """Of all scales but the finest, which has no squares: theirs are those of cut pictures."""
    torch.manual_seed(4)
    reference = batch(crop(64, 64))
    decoded = reference + 6 * torch.randn_like(reference)
    found, whole = (visual_distance(reference, decoded, [p]) for p in ((1, 3), (0, 0)))
    alone = visual_distance(reference[..., 1:, 3:], decoded[..., 1:, 3:])
    torch.testing.assert_close(found, alone, rtol=0.02, atol=0)
    assert abs(found - alone) < 0.5 * abs(found - whole)


def test_errors_that_halves_do_not_have_are_seen_in_cut_pictures() -> None:
    """What networks would learn from one place of the squares by which the measure halves."""
    reference = batch(crop(64, 64))
    decoded = F.interpolate(F.avg_pool2d(reference, 2), scale_factor=2)
    whole = DISTORTIONS["visual"](reference, decoded, phases=[(0, 0)])
    assert DISTORTIONS["visual"](reference, decoded) > 1.1 * whole


def test_a_picture_too_small_for_every_cut_has_its_squared_error() -> None:
    reference = batch(crop(64, 10))
    decoded = reference + 3
    assert DISTORTIONS["visual"](reference, decoded).item() == pytest.approx(9)
    assert DISTORTIONS["visual"](reference, decoded, phases=[(0, 0)]).item() != pytest.approx(9)


def test_finetuning_draws_cuts_for_what_is_seen() -> None:
    torch.manual_seed(4)
    reference = batch(crop(64, 64))
    decoded = reference + 6 * torch.randn_like(reference)
    torch.manual_seed(7)
    found = FINETUNED_DISTORTIONS["visual"](reference, decoded)
    torch.manual_seed(7)
    expected = DISTORTIONS["visual"](reference, decoded, phases=draw_phases())
    assert torch.equal(found, expected)


def test_cuts_are_drawn_from_three_halvings() -> None:
    torch.manual_seed(0)
    drawn = [draw_phases() for _ in range(2000)]
    every = {(down, right) for down in range(8) for right in range(8)}
    assert {first for first, _ in drawn} == every == {second for _, second in drawn}


def test_the_squares_of_both_drawn_cuts_lie_across_each_other() -> None:
    torch.manual_seed(0)
    for first, second in (draw_phases() for _ in range(50)):
        assert all((a - b) % 2 for a, b in zip(first, second, strict=True))


def test_butteraugli_has_its_norm_and_gradient() -> None:
    torch.manual_seed(5)
    reference = batch(crop(64, 64))
    decoded = (reference + 6 * torch.randn_like(reference)).clamp(2, 253).requires_grad_(True)
    norm = butteraugli_distance(reference, decoded)
    assert norm.shape == (1,)
    (norm.sum() * 100).backward()
    assert decoded.grad is not None
    way = decoded.grad.sign() * (torch.rand_like(decoded) < 0.5)
    with torch.no_grad():
        ahead, behind = (butteraugli_distance(reference, decoded + s * way) for s in (0.05, -0.05))
    expected = (decoded.grad * way).sum() / 100
    assert ((ahead - behind).sum() / 0.1).item() == pytest.approx(expected.item(), rel=0.03)


def test_training_for_the_eye_sees_butteraugli_in_the_first_half_of_the_crops() -> None:
    torch.manual_seed(5)
    reference = batch(crop(64, 64)).repeat(3, 1, 1, 1)
    decoded = reference + 6 * torch.randn_like(reference[:1])
    torch.manual_seed(6)
    trained = TRAINED_DISTORTIONS["visual"](reference, decoded)
    torch.manual_seed(6)
    phases = draw_phases()
    error = TRAINED_SQUARED_ERROR_SHARE * DISTORTIONS["psnr"](reference, decoded)
    seen = SQUARED_LEVELS_PER_UNIT * visual_distance(reference, decoded, phases)
    torch.testing.assert_close(
        trained[1:], (1 - TRAINED_SQUARED_ERROR_SHARE) * seen[1:] + error[1:]
    )
    norm = butteraugli_distance(*(cut(x[:1], phases[0]) for x in (reference, decoded)))
    other = SQUARED_LEVELS_PER_UNIT * 3.24 * norm**1.63
    mixed = (1 - BUTTERAUGLI_SHARE) * seen[:1] + BUTTERAUGLI_SHARE * other
    torch.testing.assert_close(trained[:1], (1 - TRAINED_SQUARED_ERROR_SHARE) * mixed + error[:1])


def test_stages_of_both_tunes_have_different_names() -> None:
    assert stage_name("joint", "psnr") != stage_name("joint", "visual")
