"""Pictures go through real files and come back: sizes, modes, quality, metadata, frame."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from PIL import Image

from licodec.api import Codec
from licodec.check import check_symbols_of
from licodec.codec.device import find_device
from licodec.codec.encode import Encoded, encode_pixels
from licodec.config import (
    DEFAULT_PROFILE,
    FAMILY_IDS,
    PROFILE_IDS,
    QUANTIZER_IDS,
    quality_to_index,
)
from licodec.container.read import read_container, read_front
from licodec.entropy.encode import encode_steps, estimated_bits
from licodec.errors import ImageError, ModelError
from licodec.image.picture import Picture
from tests.photos import crop, psnr_db

SIZES = [(1, 1), (1, 7), (7, 1), (17, 33), (63, 65), (64, 64), (200, 100)]  # width, height


def encoded_at(family, pixels: np.ndarray, quality: float) -> Encoded:
    return encode_pixels(pixels, family, quality_to_index(quality), "cpu")


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_picture_keeps_size_and_mode_and_comes_close_at_high_quality(
    width, height, mode, psnr_codec
):
    pixels = crop(width, height, mode)
    decoded = psnr_codec.decode(psnr_codec.encode(pixels, quality=90))
    assert decoded.size == (width, height)
    assert decoded.mode == mode
    assert psnr_db(pixels, np.asarray(decoded)) > 33


@pytest.mark.parametrize("level", [0, 1, 128, 254, 255])
def test_flat_picture_comes_back_within_three_levels(level, codec):
    pixels = np.full((40, 70, 3), level, np.uint8)
    decoded = np.asarray(codec.decode(codec.encode(pixels, quality=90, content="photo")))
    assert np.abs(decoded.astype(int) - level).max() <= 3


@pytest.mark.parametrize("kind", ["noise", "stripes"])
def test_what_no_neighbour_predicts_survives_the_highest_quality(kind, psnr_codec):
    pixels = np.random.default_rng(1).integers(0, 256, (70, 90, 3)).astype(np.uint8)
    if kind == "stripes":
        pixels[:] = 40
        pixels[::2] = 200
    data = psnr_codec.encode(pixels, quality=100, content="photo")
    decoded = np.asarray(psnr_codec.decode(data))
    assert psnr_db(pixels, decoded) > 30


def test_only_what_would_lose_by_skipping_is_coded_whole(codec):
    stripes = np.full((64, 64, 3), 40, np.uint8)
    stripes[::2] = 200
    whole = [
        read_front(codec.encode(pixels, quality=60, content="photo")).header.is_all_coded
        for pixels in (stripes, np.full((64, 64, 3), 90, np.uint8), crop(128, 128))
    ]
    assert whole == [True, False, False]


def test_a_fence_in_a_photograph_is_coded_whole(codec):
    pixels = crop(192, 192).copy()
    rows, columns = np.mgrid[:128, :192]
    is_picket = (columns + 0.05 * rows) / 4.5 % 1 < 0.6
    pixels[40:168] = np.where(is_picket, 178, 78)[..., None]
    data = codec.encode(pixels, quality=48, content="photo")
    assert read_front(data).header.is_all_coded
    assert psnr_db(pixels, np.asarray(codec.decode(data))) > 25


@pytest.mark.parametrize("name", ["coffee", "chelsea"])
def test_higher_quality_takes_more_bytes_and_comes_closer(name, psnr_codec):
    pixels = crop(256, 200, name=name)
    qualities = (1, 10, 30, 50, 70, 90, 100)
    files = [psnr_codec.encode(pixels, quality=quality) for quality in qualities]
    sizes = [len(data) for data in files]
    closeness = [psnr_db(pixels, np.asarray(psnr_codec.decode(data))) for data in files]
    assert sizes == sorted(set(sizes))
    assert closeness == sorted(set(closeness))


def test_encoding_twice_writes_the_same_bytes(codec):
    pixels = crop(90, 70)
    assert codec.encode(pixels, quality=40) == codec.encode(pixels, quality=40)


@pytest.mark.parametrize("setting", ["default type", "autocast"])
def test_settings_of_torch_around_the_codec_change_neither_file_nor_picture(setting, codec):
    pixels = crop(70, 40)
    data = [codec.encode(pixels, effort=effort) for effort in range(5)]
    decoded = np.asarray(codec.decode(data[4]))
    with double_by_default() if setting == "default type" else torch.autocast("cpu"):
        other = Codec(device="cpu")
        assert [other.encode(pixels, effort=effort) for effort in range(5)] == data
        np.testing.assert_array_equal(np.asarray(other.decode(data[4])), decoded)
        check_symbols_of(data[4])


@contextmanager
def double_by_default() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("quality", [50, 80])
@pytest.mark.parametrize("name", ["coffee", "chelsea"])
def test_real_bits_are_within_half_a_per_cent_of_the_estimate(name, quality, family):
    size = (600, 400) if name == "coffee" else (451, 300)
    encoded = encoded_at(family, crop(*size, name=name), quality)
    estimate = estimated_bits(encoded.batches, family.tables)
    assert 8 * len(encoded.payload) == pytest.approx(estimate, rel=0.005)


def test_elements_below_the_skip_bound_are_not_coded(family):
    encoded = encoded_at(family, crop(192, 128), 30)
    assert family.tables.skip_below >= 1
    assert min(int(i.min()) for i in encoded.tables_used if len(i)) >= family.tables.skip_below
    assert sum(len(i) for i in encoded.tables_used) < 3 * 192 * 128


def test_frame_of_a_plain_768x512_picture_takes_at_most_26_bytes(codec):
    picture = Image.fromarray(crop(384, 256)).resize((768, 512))
    data = codec.encode(picture, quality=60)
    front = read_front(data)
    assert front.frame_bytes <= 26
    assert front.num_bytes == len(data) == front.frame_bytes + front.payload_bytes
    assert (front.header.width, front.header.height) == (768, 512)


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_alpha_and_metadata_come_back_as_they_were(mode, codec):
    alpha = np.random.default_rng(2).integers(0, 256, (20, 31)).astype(np.uint8)
    picture = Picture(
        pixels=crop(31, 20, mode),
        alpha=alpha,
        icc=b"profile" * 30,
        exif=b"MM\0*" + bytes(range(60)),
        xmp=b"<x:xmpmeta/>",
    )
    decoded = codec.decode_picture(codec.encode_picture(picture, quality=75))
    np.testing.assert_array_equal(decoded.alpha, alpha)
    assert (decoded.icc, decoded.exif, decoded.xmp) == (picture.icc, picture.exif, picture.xmp)
    assert decoded.pixels.shape == picture.pixels.shape


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_pillow_picture_with_alpha_keeps_its_mode(mode, codec):
    picture = Image.fromarray(crop(30, 22)).convert(mode)
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    decoded = codec.decode(codec.encode(picture))
    assert decoded.mode == mode
    assert decoded.getchannel("A").tobytes() == picture.getchannel("A").tobytes()


def test_header_says_what_was_asked_for(codec):
    header = read_container(codec.encode(crop(33, 21, "L"), quality=100)).header
    assert (header.width, header.height, header.is_grey) == (33, 21, True)
    assert header.quality_index == 255
    expected = FAMILY_IDS[codec.info.family], PROFILE_IDS[DEFAULT_PROFILE], QUANTIZER_IDS["tcq128"]
    assert (header.family_id, header.profile_id, header.quantizer_id) == expected
    assert header.family_fingerprint == codec.info.family_fingerprint
    assert header.synthesis_fingerprint == codec.info.synthesis_fingerprint


@pytest.mark.parametrize("quality", [0, 0.99, 100.5, float("nan"), float("inf")])
def test_quality_out_of_range_is_refused(quality, codec):
    with pytest.raises(ValueError, match="expected 1 to 100"):
        codec.encode(crop(8, 8), quality=quality)


def test_side_that_no_file_holds_is_refused_before_any_work(codec, monkeypatch):
    monkeypatch.setattr("licodec.encoder.encode_pixels", None)  # a call would be a TypeError
    picture = Picture(pixels=np.zeros((1, 2**24 + 1), np.uint8))
    with pytest.raises(ImageError, match="16777217x1 pixels, no side may have more than 16777216"):
        codec.encode_picture(picture)


def test_unknown_profile_is_refused_by_a_message_that_names_the_installed_ones():
    with pytest.raises(ModelError, match=r"unknown profile 'nonsense'; installed are: .*balanced"):
        Codec("nonsense")


def test_unknown_device_is_refused():
    with pytest.raises(ValueError, match="expected auto, cpu or cuda"):
        find_device("tpu")


def test_missing_gpu_is_refused_by_name(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(ValueError, match="torch finds no CUDA device"):
        find_device("cuda")
    assert find_device("auto") == "cpu"


@pytest.mark.parametrize("effort", [0, 2, 4])
def test_symbols_are_entropy_coded_once(effort, codec, monkeypatch):
    calls = []

    def count(steps: list, tables: object) -> bytes:
        calls.append(len(steps))
        return encode_steps(steps, tables)

    monkeypatch.setattr("licodec.codec.encode.encode_steps", count)
    codec.encode(crop(120, 90), effort=effort)
    assert len(calls) == 1
    assert {"analysis", "prior", "entropy"} <= set(codec.last_timings)
