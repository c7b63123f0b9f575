"""Latent overfitting finds better files, never worse ones, and any decoder reads them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import licodec.search.objective as objective_module
import licodec.search.overfit as overfit_module
from licodec.api import Codec
from licodec.codec.decode import decode_symbols
from licodec.codec.encode import encode_pixels
from licodec.codec.fitted import fitted_latent
from licodec.codec.latent import analysed_latent
from licodec.codec.model import Family
from licodec.container.read import read_container
from licodec.search.annealing import Annealing, soft_symbols
from licodec.search.objective import Objective
from licodec.search.overfit import FIRST, Overfitted, Progress, Stage, first_stage, overfit
from licodec.search.values import values_of
from licodec.train.network import CodecNetwork
from licodec.transform.integer import IntegerSynthesis
from tests.codec.test_quantizers import file_of
from tests.photos import crop
from tests.tiny import tiny_family, tiny_network, tiny_synthesis

CPU = "cpu"
QUALITY = 120


@pytest.fixture(scope="module")
def network() -> CodecNetwork:
    return tiny_network(seed=4)


@pytest.fixture(scope="module")
def tiny(network: CodecNetwork) -> Family:
    return tiny_family(network)


@pytest.fixture(scope="module")
def synthesis(network: CodecNetwork) -> IntegerSynthesis:
    return tiny_synthesis(network)


def search(
    pixels: np.ndarray,
    family: Family,
    synthesis: IntegerSynthesis,
    *,
    choice: str = "rdoq",
    rounds: int,
) -> tuple[Overfitted, list[Progress]]:
    seen: list[Progress] = []
    found = overfit(
        pixels,
        family,
        synthesis,
        QUALITY,
        CPU,
        choice=choice,
        max_rounds=rounds,
        report=seen.append,
    )
    return found, seen


@pytest.mark.parametrize("choice", ["rounding", "dead-zone", "rdoq", "tcq8", "tcq128"])
def test_true_cost_never_rises(choice: str, tiny: Family, synthesis: IntegerSynthesis) -> None:
    found, seen = search(crop(100, 70), tiny, synthesis, choice=choice, rounds=4)
    costs = [progress.best.rd for progress in seen]
    assert len(seen) == 5
    assert costs == sorted(costs, reverse=True)
    cost = Objective(crop(100, 70), tiny, synthesis, QUALITY, CPU).cost(found.encoded)
    assert cost.rd == found.progress.best.rd <= found.progress.start.rd


@pytest.mark.parametrize("tune", ["psnr", "visual"])
def test_start_is_no_worse_than_what_the_encoder_gives_without_a_search(
    tune: str, tiny: Family, synthesis: IntegerSynthesis
) -> None:
    pixels, family = crop(100, 70), replace(tiny, tune=tune)
    found, _ = search(pixels, family, synthesis, rounds=0)
    plain = [
        encode_pixels(pixels, family, QUALITY, CPU, choice="rdoq", values=values)
        for values in (None, fitted_latent(pixels, family, synthesis, QUALITY, CPU))
    ]
    cost = Objective(pixels, family, synthesis, QUALITY, CPU).cost
    best = min(plain, key=lambda encoded: cost(encoded).rd)
    assert found.encoded.payload == best.payload


def test_short_search_begins_where_the_encoder_ends_without_one(
    tiny: Family, synthesis: IntegerSynthesis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overfit_module, "_LONG_SEARCH", math.inf)
    found, _ = search(crop(100, 70), tiny, synthesis, rounds=0)
    values = fitted_latent(crop(100, 70), tiny, synthesis, QUALITY, CPU)
    plain = encode_pixels(crop(100, 70), tiny, QUALITY, CPU, choice="rdoq", values=values)
    assert found.encoded.payload == plain.payload


def test_photograph_gets_cheaper(family: Family, codec: Codec) -> None:
    found, _ = search(crop(128, 128), family, codec._synthesis.correction, rounds=4)
    assert found.progress.gain > 0.005


def test_equal_rounds_give_equal_files(tiny: Family, synthesis: IntegerSynthesis) -> None:
    files = {search(crop(90, 80), tiny, synthesis, rounds=3)[0].encoded.payload for _ in range(2)}
    assert len(files) == 1


@pytest.fixture
def short_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    """One round, then three steps of annealing and one more round."""
    monkeypatch.setattr(overfit_module, "FIRST", Stage(0, 1, 0.3))
    monkeypatch.setattr(overfit_module, "NEXT", (Stage(3, 1, 0.15), Stage(4, 1, 0.15)))


@pytest.mark.usefixtures("short_stages")
def test_true_cost_never_rises_through_annealing(tiny: Family, synthesis: IntegerSynthesis) -> None:
    found, seen = search(crop(100, 70), tiny, synthesis, choice="tcq8", rounds=10)
    costs = [progress.best.rd for progress in seen]
    assert [progress.rounds for progress in seen] == list(range(11))
    assert costs == sorted(costs, reverse=True)
    cost = Objective(crop(100, 70), tiny, synthesis, QUALITY, CPU).cost(found.encoded)
    assert cost.rd == costs[-1]


@pytest.mark.usefixtures("short_stages")
def test_annealing_draws_the_same_each_time(tiny: Family, synthesis: IntegerSynthesis) -> None:
    runs = [search(crop(90, 80), tiny, synthesis, rounds=6) for _ in range(2)]
    assert runs[0][0].encoded.payload == runs[1][0].encoded.payload
    assert [p.present for p in runs[0][1]] == [p.present for p in runs[1][1]]


@pytest.mark.usefixtures("short_stages")
@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (17, 33)])
def test_odd_pictures_survive_annealing(
    width: int, height: int, mode: str, tiny: Family, synthesis: IntegerSynthesis
) -> None:
    pixels = crop(width, height, mode)
    found, _ = search(pixels, tiny, synthesis, choice="tcq8", rounds=7)
    container = read_container(file_of(found.encoded, pixels, QUALITY))
    np.testing.assert_array_equal(decode_symbols(container, tiny), found.encoded.planes)


@pytest.mark.usefixtures("short_stages")
def test_interrupt_within_an_annealing_keeps_the_best(
    tiny: Family, synthesis: IntegerSynthesis
) -> None:
    pixels = crop(100, 70)

    def interrupt(progress: Progress) -> None:
        if progress.rounds == 3:
            raise KeyboardInterrupt

    found = overfit(
        pixels, tiny, synthesis, QUALITY, CPU, choice="rdoq", max_rounds=9, report=interrupt
    )
    assert found.progress.rounds == 3
    assert found.progress.best.rd <= found.progress.start.rd
    read_container(file_of(found.encoded, pixels, QUALITY))


def test_annealing_goes_on_from_where_it_starts(family: Family, codec: Codec) -> None:
    pixels = crop(128, 128)
    objective = Objective(pixels, family, codec._synthesis.correction, QUALITY, CPU)
    values = values_of(analysed_latent(pixels, family, QUALITY, CPU), 2, 2)
    start = values.copy()
    encoded = encode_pixels(pixels, family, QUALITY, CPU, choice="rdoq", values=values)
    annealing = Annealing(objective, values, encoded, seed=1)
    for _ in range(4):
        annealing.step(0.0)
    for before, after in zip(start.tensors, values.tensors, strict=True):
        moves = (after - before).abs()
        assert 0 < float(moves.max()) < 0.05


def test_cold_symbols_are_the_nearest_ones() -> None:
    residual = torch.tensor([-1.3, -0.1, 0.2, 0.8, 5.4])
    random = torch.Generator().manual_seed(0)
    assert soft_symbols(residual, 0.01, random).round().tolist() == [-1, 0, 0, 1, 5]


def test_pace_falls_to_its_end() -> None:
    stage = Stage(0, 8, 0.3, 0.03)
    paces = [stage.pace(share) for share in (0.0, 0.5, 1.0)]
    assert paces == pytest.approx([0.3, 0.3 / 10**0.5, 0.03])


def test_first_steps_for_the_eye_are_smaller_at_high_quality() -> None:
    paces = [first_stage("visual", index).first_pace for index in (0, 100, 150, 200, 255)]
    assert paces == pytest.approx([0.3, 0.3, 0.225, 0.15, 0.15])
    assert first_stage("psnr", 255) == FIRST


@pytest.mark.parametrize("choice", ["rdoq", "tcq8"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (17, 33), (130, 65)])
def test_any_decoder_reads_the_file(
    width: int, height: int, mode: str, choice: str, tiny: Family, synthesis: IntegerSynthesis
) -> None:
    pixels = crop(width, height, mode)
    found, _ = search(pixels, tiny, synthesis, choice=choice, rounds=2)
    container = read_container(file_of(found.encoded, pixels, QUALITY))
    np.testing.assert_array_equal(decode_symbols(container, tiny), found.encoded.planes)


def test_picture_with_alpha_survives_a_search(codec: Codec) -> None:
    picture = Image.fromarray(crop(40, 50)).convert("RGBA")
    picture.putalpha(Image.fromarray(crop(40, 50, "L")))
    decoded = codec.decode(codec.encode(picture, time_budget=0.2))
    assert decoded.getchannel("A").tobytes() == picture.getchannel("A").tobytes()


def test_interrupt_keeps_the_best_so_far(tiny: Family, synthesis: IntegerSynthesis) -> None:
    pixels = crop(100, 70)
    seen: list[Progress] = []

    def interrupt(progress: Progress) -> None:
        seen.append(progress)
        if progress.rounds == 2:
            raise KeyboardInterrupt

    found = overfit(
        pixels, tiny, synthesis, QUALITY, CPU, choice="rdoq", max_rounds=50, report=interrupt
    )
    cost = Objective(pixels, tiny, synthesis, QUALITY, CPU).cost(found.encoded)
    assert found.progress.rounds == 2
    assert cost == seen[-1].best
    read_container(file_of(found.encoded, pixels, QUALITY))


@pytest.mark.usefixtures("short_stages")
def test_default_type_of_torch_does_not_matter(tiny: Family, synthesis: IntegerSynthesis) -> None:
    pixels = crop(40, 70)
    expected, _ = search(pixels, tiny, synthesis, choice="tcq8", rounds=8)
    torch.set_default_dtype(torch.float64)
    try:
        found, _ = search(pixels, tiny, synthesis, choice="tcq8", rounds=8)
    finally:
        torch.set_default_dtype(torch.float32)
    assert found.encoded.payload == expected.encoded.payload


def test_what_ends_a_program_ends_a_search(tiny: Family, synthesis: IntegerSynthesis) -> None:
    class Stopped(BaseException):
        pass

    def stop(progress: Progress) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        overfit(crop(70, 70), tiny, synthesis, QUALITY, CPU, choice="rdoq", report=stop)


def test_no_time_means_no_rounds(tiny: Family, synthesis: IntegerSynthesis) -> None:
    found = overfit(crop(100, 70), tiny, synthesis, QUALITY, CPU, choice="rdoq", seconds=0)
    assert found.progress.rounds == 0


def test_search_ends_by_itself(tiny: Family, synthesis: IntegerSynthesis) -> None:
    overfit(np.full((8, 8, 3), 90, np.uint8), tiny, synthesis, 0, CPU, choice="rdoq")


def test_gradient_counts_bits_with_the_shifted_scales() -> None:
    log_scale = torch.linspace(-2.9, 4, 200)[None, None].repeat(4, 1, 1)
    shifts = np.array([[3, -2], [0, 4]], np.int16)
    index = ((log_scale + 3) * 8).floor()
    expected = torch.tensor([[3.0, -2.0]] * 2 + [[0.0, 4.0]] * 2)[:, None] / 8
    low, high = expected[..., :1], expected[..., 1:]
    moved = objective_module._shift(log_scale, shifts)
    assert moved.equal(torch.where(index < 12, low, high).expand(4, 1, 200))


def test_windows_move_values_as_the_whole_picture_does(
    psnr_codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of squared errors; the norms of the visual distance are those of a window.
    family, synthesis = psnr_codec._family, psnr_codec._synthesis.correction
    pixels = crop(384, 320)
    encoded = encode_pixels(pixels, family, QUALITY, CPU, choice="rdoq")
    objective = Objective(pixels, family, synthesis, QUALITY, CPU)
    whole = objective.targets(encoded)
    monkeypatch.setattr(objective_module, "_WINDOW", 2)
    windows = objective.targets(encoded)
    for a, b in zip(whole.details[:4], windows.details[:4], strict=True):
        assert float((a - b).abs().mean()) < 0.02
