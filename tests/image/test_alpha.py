"""An alpha plane comes back exactly; damaged bytes are a CorruptFileError and reserve nothing."""

import contextlib
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from licodec.errors import CorruptFileError, TooLargeError
from licodec.image import lossless as lossless_module
from licodec.image.lossless import FAST, METHOD_PNG, METHOD_VP8L, pack_planes, unpack_alpha


def disc(width: int, height: int) -> np.ndarray:
    y, x = np.ogrid[:height, :width]
    distance = np.hypot(x - width / 2, y - height / 2)
    return np.clip(8 * (min(width, height) / 2 - distance), 0, 255).astype(np.uint8)


@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 2**32 - 1), st.integers(1, 256))
def test_round_trip_is_exact(width: int, height: int, seed: int, num_levels: int) -> None:
    plane = np.random.default_rng(seed).integers(0, num_levels, (height, width), dtype=np.uint8)
    np.testing.assert_array_equal(unpack_alpha(pack_planes(plane), width, height), plane)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 999), (999, 1), (301, 203)])
def test_both_methods_give_the_plane_back(
    width: int, height: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    plane = disc(width, height)
    methods = {pack_planes(plane)[0]}
    for name, method in (("_to_vp8l", METHOD_PNG), ("_to_png_rows", METHOD_VP8L)):
        with monkeypatch.context() as patch:
            patch.setattr(lossless_module, name, lambda plane, *_: bytes(10**6))
            packed = pack_planes(plane)
        assert packed[0] == method
        np.testing.assert_array_equal(unpack_alpha(packed, width, height), plane)
    assert methods <= {METHOD_PNG, METHOD_VP8L}


def test_plane_wider_than_webp_allows_is_packed() -> None:
    plane = np.zeros((2, 16384), np.uint8)
    np.testing.assert_array_equal(unpack_alpha(pack_planes(plane), 16384, 2), plane)


def test_packing_is_smaller_than_a_png_file() -> None:
    plane = disc(200, 100)
    png = io.BytesIO()
    Image.fromarray(plane).save(png, "PNG", optimize=True)
    assert len(pack_planes(plane)) < len(png.getvalue())


def packed_by(method: int) -> bytes:
    plane = disc(40, 30)
    coded = (
        lossless_module._to_png_rows(plane)
        if method == METHOD_PNG
        else lossless_module._to_vp8l(plane, FAST)
    )
    return bytes([method]) + coded


@pytest.mark.parametrize("method", [METHOD_PNG, METHOD_VP8L])
@pytest.mark.parametrize(("width", "height"), [(39, 30), (41, 30), (30, 40), (40, 29), (40, 10**6)])
def test_plane_of_another_size_is_refused(method: int, width: int, height: int) -> None:
    with pytest.raises(CorruptFileError):
        unpack_alpha(packed_by(method), width, height)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("method", "limit_px"), [(METHOD_PNG, 1000), (METHOD_PNG, 100), (METHOD_VP8L, 1000)]
)
def test_limit_above_which_pillow_warns_or_refuses_does_not_apply(
    method: int, limit_px: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = packed_by(method)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit_px)
    np.testing.assert_array_equal(unpack_alpha(packed, 40, 30), disc(40, 30))


def test_plane_that_pillow_itself_refuses_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(stream: io.BytesIO) -> None:
        raise Image.DecompressionBombError

    monkeypatch.setattr(lossless_module, "WebPImageFile", refuse)
    with pytest.raises(TooLargeError, match=r"40x30 pixels .* raise PIL\.Image\.MAX_IMAGE_PIXELS"):
        unpack_alpha(packed_by(METHOD_VP8L), 40, 30)


@pytest.mark.parametrize("method", [METHOD_PNG, METHOD_VP8L])
def test_every_proper_prefix_is_refused(method: int) -> None:
    packed = packed_by(method)
    for length in range(len(packed) - 1):
        with pytest.raises(CorruptFileError):
            unpack_alpha(packed[:length], 40, 30)


@pytest.mark.parametrize("method", [METHOD_PNG, METHOD_VP8L])
def test_flipped_bits_give_a_plane_of_the_right_size_or_an_error(method: int) -> None:
    packed = packed_by(method)
    rng = np.random.default_rng(3)
    for _ in range(300):
        damaged = bytearray(packed)
        damaged[rng.integers(len(packed))] ^= 1 << rng.integers(8)
        try:
            assert unpack_alpha(bytes(damaged), 40, 30).shape == (30, 40)
        except CorruptFileError as error:
            assert "\n" not in str(error)


@given(st.binary(max_size=80))
def test_arbitrary_bytes_are_refused_or_give_the_size(data: bytes) -> None:
    with contextlib.suppress(CorruptFileError):
        assert unpack_alpha(data, 3, 2).shape == (2, 3)
