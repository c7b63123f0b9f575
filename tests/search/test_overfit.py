"""Latent overfitting finds better files, never worse ones, and any decoder reads them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

import licodec.search.objective as objective_module
from licodec.codec.codec import Codec
from licodec.codec.decode import decode_symbols
from licodec.codec.encode import encode_pixels
from licodec.codec.model import Family
from licodec.container.read import read_container
from licodec.search.objective import Objective
from licodec.search.overfit import Overfitted, Progress, overfit
from licodec.train.network import CodecNetwork
from licodec.transform.correction import Correction
from tests.codec.test_quantizers import file_of
from tests.photos import crop
from tests.tiny import tiny_family, tiny_network

CPU = torch.device("cpu")
QUALITY = 120


@pytest.fixture(scope="module")
def network() -> CodecNetwork:
    return tiny_network(seed=4)


@pytest.fixture(scope="module")
def tiny(network: CodecNetwork) -> Family:
    return tiny_family(network)


@pytest.fixture(scope="module")
def synthesis(network: CodecNetwork) -> Correction:
    return network.synthesis


def search(
    pixels: np.ndarray, family: Family, synthesis: Correction, *, choice: str = "rdoq", rounds: int
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


@pytest.mark.parametrize("choice", ["rounding", "dead-zone", "rdoq", "tcq4", "tcq8"])
def test_true_cost_never_rises(choice: str, tiny: Family, synthesis: Correction) -> None:
    found, seen = search(crop(100, 70), tiny, synthesis, choice=choice, rounds=4)
    costs = [progress.best.rd for progress in seen]
    assert len(seen) == 5
    assert costs == sorted(costs, reverse=True)
    cost = Objective(crop(100, 70), tiny, synthesis, QUALITY, CPU).cost(found.encoded)
    assert cost.rd == found.progress.best.rd <= found.progress.start.rd


def test_start_is_what_the_encoder_gives_without_a_search(
    tiny: Family, synthesis: Correction
) -> None:
    found, _ = search(crop(100, 70), tiny, synthesis, rounds=0)
    plain = encode_pixels(crop(100, 70), tiny, QUALITY, CPU, choice="rdoq")
    assert found.encoded.payload == plain.payload


def test_photograph_gets_cheaper(family: Family, codec: Codec) -> None:
    found, _ = search(crop(128, 128), family, codec._synthesis.correction, rounds=4)
    assert found.progress.gain > 0.005


def test_equal_rounds_give_equal_files(tiny: Family, synthesis: Correction) -> None:
    files = {search(crop(90, 80), tiny, synthesis, rounds=3)[0].encoded.payload for _ in range(2)}
    assert len(files) == 1


@pytest.mark.parametrize("choice", ["rdoq", "tcq8"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (17, 33), (130, 65)])
def test_any_decoder_reads_the_file(
    width: int, height: int, mode: str, choice: str, tiny: Family, synthesis: Correction
) -> None:
    pixels = crop(width, height, mode)
    found, _ = search(pixels, tiny, synthesis, choice=choice, rounds=2)
    container = read_container(file_of(found.encoded, pixels, QUALITY))
    assert decode_symbols(container, tiny).equal(found.encoded.planes)


def test_picture_with_alpha_survives_a_search(codec: Codec) -> None:
    picture = Image.fromarray(crop(40, 50)).convert("RGBA")
    picture.putalpha(Image.fromarray(crop(40, 50, "L")))
    decoded = codec.decode(codec.encode(picture, time_budget=0.2))
    assert decoded.getchannel("A").tobytes() == picture.getchannel("A").tobytes()


def test_interrupt_keeps_the_best_so_far(tiny: Family, synthesis: Correction) -> None:
    pixels = crop(100, 70)

    def interrupt(progress: Progress) -> None:
        if progress.rounds == 2:
            raise KeyboardInterrupt

    found = overfit(
        pixels, tiny, synthesis, QUALITY, CPU, choice="rdoq", max_rounds=50, report=interrupt
    )
    whole, _ = search(pixels, tiny, synthesis, rounds=2)
    assert found.is_interrupted
    assert found.encoded.payload == whole.encoded.payload
    read_container(file_of(found.encoded, pixels, QUALITY))


def test_no_time_means_no_rounds(tiny: Family, synthesis: Correction) -> None:
    found = overfit(crop(100, 70), tiny, synthesis, QUALITY, CPU, choice="rdoq", seconds=0)
    assert found.progress.rounds == 0


def test_search_ends_by_itself(tiny: Family, synthesis: Correction) -> None:
    found = overfit(np.full((8, 8, 3), 90, np.uint8), tiny, synthesis, 0, CPU, choice="rdoq")
    assert not found.is_interrupted


def test_windows_move_values_as_the_whole_picture_does(
    family: Family, codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = crop(384, 320)
    encoded = encode_pixels(pixels, family, QUALITY, CPU, choice="rdoq")
    objective = Objective(pixels, family, codec._synthesis.correction, QUALITY, CPU)
    whole = objective.targets(encoded)
    monkeypatch.setattr(objective_module, "_WINDOW", 2)
    windows = objective.targets(encoded)
    for a, b in zip(whole.details[:4], windows.details[:4], strict=True):
        assert float((a - b).abs().mean()) < 0.02
