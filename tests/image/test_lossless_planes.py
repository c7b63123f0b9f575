"""Planes of 8 bits come back exactly, in parts, too; damaged bytes are a CorruptFileError."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from licodec.errors import CorruptFileError
from licodec.image import lossless as lossless_module
from licodec.image.lossless import (
    FAST,
    METHOD_PNG,
    METHOD_VP8L,
    THOROUGH,
    PlanesReader,
    pack_planes,
)


def reader_of(planes: np.ndarray) -> PlanesReader:
    height, width = planes.shape[:2]
    return PlanesReader(
        width=width,
        height=height,
        num_planes=1 if planes.ndim == 2 else planes.shape[2],
        what="picture",
    )


def drawing(height: int, width: int, *channels: int, seed: int = 1) -> np.ndarray:
    """A few levels in small blocks, so that both methods have something to find."""
    small = np.random.default_rng(seed).integers(
        0, 6, (-(-height // 3), -(-width // 3), *channels), np.uint8
    )
    return (40 * small).repeat(3, 0).repeat(3, 1)[:height, :width]


@given(
    st.integers(1, 50),
    st.integers(1, 50),
    st.booleans(),
    st.integers(1, 256),
    st.sampled_from([FAST, THOROUGH]),
)
def test_round_trip_is_exact(height, width, is_grey, num_levels, trial):
    shape = (height, width) if is_grey else (height, width, 3)
    planes = np.random.default_rng(height).integers(0, num_levels, shape, dtype=np.uint8)
    np.testing.assert_array_equal(reader_of(planes).read(pack_planes(planes, trial)), planes)


@pytest.mark.parametrize("channels", [(), (3,), (4,)])
@pytest.mark.parametrize("size", [(1, 1), (1, 37), (37, 1), (16, 16), (17, 33), (49, 40)])
def test_picture_of_several_tiles_comes_back_whole_and_in_parts(size, channels, monkeypatch):
    monkeypatch.setattr(lossless_module, "TILE_PX", 16)
    monkeypatch.setattr(lossless_module, "MAX_PNG_BYTES", 0)
    planes = drawing(*size, *channels)
    if channels == (4,):
        planes[planes[:, :, 3] == 0] = 0
    packed = pack_planes(planes)
    assert packed[0] == METHOD_VP8L
    reader = reader_of(planes)
    np.testing.assert_array_equal(reader.read(packed), planes)
    height, width = size
    for left, top in ((0, 0), (width // 2, height // 3), (width - 1, height - 1)):
        for right, bottom in ((width, height), (left + 1, top + 1)):
            part = reader.read(packed, (left, top, right, bottom))
            np.testing.assert_array_equal(part, planes[top:bottom, left:right])


def test_part_does_not_need_the_tiles_beside_it(monkeypatch):
    monkeypatch.setattr(lossless_module, "TILE_PX", 16)
    planes = drawing(16, 40, 3)
    first = lossless_module._to_vp8l(planes[:, :16], FAST)
    damaged = bytes([METHOD_VP8L, len(first)]) + first + b"\x01?" + b"?"
    reader = reader_of(planes)
    np.testing.assert_array_equal(reader.read(damaged, (3, 2, 16, 9)), planes[2:9, 3:16])
    with pytest.raises(CorruptFileError, match="does not begin like a VP8L"):
        reader.read(damaged, (3, 2, 17, 9))


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        (b"\xff\xff\xff\xff\x0f", "a tile has 4294967295 bytes, 4 are left"),
        (b"\x80\x00", "no length of a tile in shortest form"),
        (b"\xff" * 9, "no length of a tile in shortest form"),
        (b"", "no length of a tile in shortest form"),
    ],
)
def test_wrong_length_of_a_tile_is_refused(lengths, message, monkeypatch):
    monkeypatch.setattr(lossless_module, "TILE_PX", 16)
    tail = b"tile" if len(lengths) == 5 else b""
    reader = PlanesReader(width=40, height=16, num_planes=1, what="picture")
    with pytest.raises(CorruptFileError, match=message):
        reader.read(bytes([METHOD_VP8L]) + (lengths + tail if lengths else b"\x80"))


def test_unknown_method_is_refused():
    with pytest.raises(CorruptFileError, match="picture is coded by method 7; expected 0 or 1"):
        PlanesReader(width=1, height=1, num_planes=1, what="picture").read(b"\x07abc")


@pytest.mark.parametrize("method", [METHOD_PNG, METHOD_VP8L])
def test_three_planes_for_one_and_the_other_way_round_never_give_another_shape(method):
    grey, colour = drawing(9, 8), drawing(9, 8, 3)
    for planes, is_grey in ((grey, False), (colour, True)):
        coded = (
            lossless_module._to_png_rows(planes)
            if method == METHOD_PNG
            else lossless_module._to_vp8l(planes, FAST)
        )
        reader = PlanesReader(width=8, height=9, num_planes=1 if is_grey else 3, what="picture")
        shape = (9, 8) if is_grey else (9, 8, 3)
        with contextlib.suppress(CorruptFileError):
            assert reader.read(bytes([method]) + coded).shape == shape


@given(
    st.sampled_from([METHOD_PNG, METHOD_VP8L]), st.binary(max_size=80), st.sampled_from([1, 3, 4])
)
def test_arbitrary_bytes_are_refused_or_give_the_size(method, data, num_planes):
    reader = PlanesReader(width=3, height=2, num_planes=num_planes, what="picture")
    with contextlib.suppress(CorruptFileError):
        assert reader.read(bytes([method]) + data).shape[:2] == (2, 3)
