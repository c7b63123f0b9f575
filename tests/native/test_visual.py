"""The visual distance in the native library is that of torch, and so is its gradient."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from licodec.metrics import visual, visual_reference
from licodec.metrics.phases import PHASES, UNCUT
from licodec.metrics.ssimulacra2_rules import native_rules
from licodec.metrics.visual import visual_distance
from licodec.native import threads
from licodec.native.visual import weighted_norms
from tests.photos import crop


def pair(height: int, width: int, *, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Two photographs and what noise and a blur make of them, (2, 3, H, W) float32."""
    torch.manual_seed(seed)
    parts = [crop(width, height, name=name) for name in ("coffee", "chelsea")]
    pictures = torch.from_numpy(np.stack(parts)).permute(0, 3, 1, 2).float()
    blurred = torch.nn.functional.avg_pool2d(pictures, 3, 1, 1, count_include_pad=False)
    return pictures, (blurred + 3 * torch.randn_like(pictures)).clamp(0, 255)


def distance_and_slope(
    reference: torch.Tensor, decoded: torch.Tensor, phases=PHASES
) -> tuple[torch.Tensor, torch.Tensor]:
    """The distances, and the gradient of a sum that weighs them differently."""
    decoded = decoded.clone().requires_grad_(True)
    distance = visual_distance(reference, decoded, phases)
    (distance * torch.arange(1, len(distance) + 1)).sum().backward()
    assert decoded.grad is not None
    return distance.detach(), decoded.grad


@pytest.mark.parametrize(
    ("height", "width", "phases"),
    [
        (200, 300, PHASES),
        (131, 97, ((5, 2), (0, 3))),
        (64, 64, (UNCUT,)),
        (19, 40, PHASES),
        (9, 8, (UNCUT,)),
    ],
)
def test_distance_and_slope_are_those_of_torch(height, width, phases, libraries, monkeypatch):
    reference, decoded = pair(height, width)
    monkeypatch.setattr(visual.native, "find", lambda: None)
    distance, slope = distance_and_slope(reference, decoded, phases)
    for library in libraries:
        monkeypatch.setattr(visual.native, "find", lambda library=library: library)
        found, found_slope = distance_and_slope(reference, decoded, phases)
        torch.testing.assert_close(found, distance, rtol=1e-4, atol=1e-5)
        assert (found_slope - slope).norm() < 2e-3 * slope.norm()


def light(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    reference, decoded = (x[0].numpy() / 255 for x in pair(height, width))
    return np.ascontiguousarray(reference), np.ascontiguousarray(decoded)


@pytest.mark.parametrize("scales", [range(1), range(1, 4), range(3)])
@pytest.mark.parametrize("content", ["photograph", "equal", "black and white"])
def test_every_instruction_set_and_numpy_give_the_same_numbers(
    content: str, scales: range, libraries
):
    original, shown = light(75, 110)
    if content == "equal":
        shown = original.copy()
    if content == "black and white":
        original, shown = (np.round(x) for x in (original, shown))
    expected, expected_slope = visual_reference.weighted_norms(
        original, shown, native_rules(), scales
    )
    for library in libraries:
        total, slope = weighted_norms(
            original, shown, native_rules(), scales, library, has_slope=True
        )
        assert total == expected
        np.testing.assert_array_equal(slope, expected_slope)


def test_a_part_of_a_picture_is_that_part_alone_and_needs_no_slope(libraries):
    original, shown = light(80, 96)
    parts = original[:, 3:70, 5:], shown[:, 3:70, 5:]
    copies = [np.ascontiguousarray(part) for part in parts]
    for scales in (range(1), range(1, 3)):
        found = weighted_norms(*parts, native_rules(), scales, libraries[-1], has_slope=False)
        assert found[1] is None
        alone = weighted_norms(*copies, native_rules(), scales, libraries[-1], has_slope=True)
        assert found[0] == alone[0]


@pytest.mark.usefixtures("restored_threads")
def test_threads_change_nothing():
    reference, decoded = pair(90, 120)
    threads.set_num_threads(1)
    expected = distance_and_slope(reference, decoded)
    for number in (2, 3, 16):
        threads.set_num_threads(number)
        found = distance_and_slope(reference, decoded)
        assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


def test_what_fails_on_a_thread_fails_here():
    def fail(item: int) -> None:
        if item == 3:
            raise MemoryError

    threads.set_num_threads(2)
    try:
        with pytest.raises(MemoryError):
            threads.over_items(fail, 5)
    finally:
        threads.set_num_threads(None)


def test_pictures_that_the_library_does_not_take_are_refused(libraries):
    original, shown = light(16, 16)
    with pytest.raises(ValueError, match="refuses its arguments"):
        weighted_norms(original, shown, native_rules(), range(6), libraries[0], has_slope=False)
    with pytest.raises(ValueError, match="expected rows"):
        weighted_norms(
            original[..., ::2],
            shown[..., ::2],
            native_rules(),
            range(1),
            libraries[0],
            has_slope=False,
        )
    with pytest.raises(ValueError, match="differently"):
        weighted_norms(
            original, shown[:, :8], native_rules(), range(1), libraries[0], has_slope=False
        )
