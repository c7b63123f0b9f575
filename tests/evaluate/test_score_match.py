import numpy as np
import pytest
from PIL import Image

from licodec.evaluate.codec import BenchCodec
from licodec.evaluate.metrics import psnr
from licodec.evaluate.score_match import match_score


def coarse_codec(tried: list[float]) -> BenchCodec:
    """Quality q adds an error of 101 - q levels and makes a file of 2^q bytes."""

    def encode(image: Image.Image, quality: float) -> bytes:
        tried.append(quality)
        pixels = np.asarray(image).astype(int) + 101 - round(quality)
        return pixels.astype(np.uint8).tobytes() + bytes(2 ** round(quality) - pixels.size)

    def decode(data: bytes) -> Image.Image:
        return Image.frombytes("RGB", (1, 1), data[:3])

    return BenchCodec(name="coarse", settings="", qualities=(), encode=encode, decode=decode)


def test_matching_finds_the_lowest_quality_that_reaches_the_score():
    reference = np.full((1, 1, 3), 10, np.uint8)
    tried: list[float] = []
    target = psnr(reference, reference + 92)  # exactly quality 9
    match = match_score(coarse_codec(tried), reference, target, (2, 18), psnr)
    assert (match.quality, match.num_bytes) == (9, 512)
    assert match.num_bytes_at_target == pytest.approx(512)
    assert len(tried) <= 6


def test_size_at_the_target_is_between_the_files_around_it():
    reference = np.full((1, 1, 3), 10, np.uint8)
    below, above = (psnr(reference, reference + error) for error in (93, 92))
    match = match_score(coarse_codec([]), reference, (below + above) / 2, (2, 18), psnr)
    assert match.quality == 9
    assert match.num_bytes_at_target == pytest.approx(2**8.5)


def test_matching_at_the_lowest_quality_takes_that_file_as_it_is():
    reference = np.full((1, 1, 3), 10, np.uint8)
    match = match_score(coarse_codec([]), reference, 0.1, (2, 18), psnr)
    assert (match.quality, match.num_bytes_at_target) == (2, 4)


def test_a_score_out_of_reach_has_no_match():
    reference = np.full((1, 1, 3), 10, np.uint8)
    assert match_score(coarse_codec([]), reference, 60.0, (2, 18), psnr) is None
