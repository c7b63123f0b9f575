"""Every layout of a TIFF gives the same picture, or is refused in one line that names it."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from licodec.errors import ImageError
from licodec.image.colours import convert_to_srgb
from licodec.image.convert import picture_from
from licodec.image.files import read_picture
from licodec.image.icc import DISPLAY_P3, make_profile
from licodec.image.picture import Picture
from tests.image.writers import raw_tiff
from tests.photos import crop

HEIGHT, WIDTH = 13, 21
RGB = crop(WIDTH, HEIGHT, name="chelsea")
GREY = crop(WIDTH, HEIGHT, "L", name="chelsea")
ALPHA = np.broadcast_to(np.linspace(0, 255, WIDTH).astype(np.uint8), (HEIGHT, WIDTH))
SHAPES = {
    "grey": (GREY, 1, None),
    "grey and alpha": (np.dstack([GREY, ALPHA]), 1, 2),
    "RGB": (RGB, 2, None),
    "RGB and alpha": (np.dstack([RGB, ALPHA]), 2, 2),
}
TYPES = ("u1", "u2", "u4", "i1", "i2", "i4", "f2", "f4", "f8")


def read(data: bytes) -> Picture:
    return read_picture(io.BytesIO(data))


def stretched(levels: np.ndarray, kind: str) -> np.ndarray:
    """0 to 255 over the whole range of a type, or 0 to 1."""
    dtype = np.dtype(kind)
    if dtype.kind == "f":
        return (levels / 255).astype(dtype)
    black, top = (0, 2 ** (8 * dtype.itemsize) - 1)
    black = -(2 ** (8 * dtype.itemsize - 1)) if dtype.kind == "i" else black
    return np.rint(levels / 255 * top + black).astype(dtype)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("is_planar", [False, True])
@pytest.mark.parametrize(("compression", "predictor"), [(1, 1), (8, 1), (8, 2), (8, 3)])
def test_layout_gives_the_picture(
    shape: str, kind: str, order: str, is_planar: bool, compression: int, predictor: int
) -> None:
    levels, photometric, extra = SHAPES[shape]
    if predictor == 3 and (np.dtype(kind).kind != "f" or kind == "f2"):
        predictor = 1  # for floats; of 16 bits, none is written
    if predictor == 2 and np.dtype(kind).kind == "f":
        predictor = 1
    data = raw_tiff(
        stretched(levels, kind).astype(f"{order}{kind}"),
        photometric=photometric,
        is_planar=is_planar and levels.ndim == 3,
        compression=compression,
        predictor=predictor,
        extra=extra,
    )
    picture = read(data)
    wanted = GREY if photometric == 1 else RGB
    seen = ALPHA > 0 if extra else np.ones_like(ALPHA, bool)
    assert picture.pixels.shape == wanted.shape
    assert np.abs(picture.pixels.astype(int) - wanted)[seen].max() <= 1
    if extra is None:
        assert picture.alpha is None
    else:
        np.testing.assert_array_equal(picture.alpha, ALPHA)
    assert bool(picture.notes) == (kind != "u1")


@pytest.mark.parametrize("num_bits", [3, 6, 10, 12, 14, 20, 24])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("photometric", [0, 1, 2])
def test_samples_of_no_whole_bytes_use_their_range(
    num_bits: int, order: str, photometric: int
) -> None:
    levels = RGB if photometric == 2 else GREY
    top = 2**num_bits - 1
    samples = np.rint(levels / 255 * top).astype(f"{order}u4")
    stored = (top - samples).astype(f"{order}u4") if photometric == 0 else samples
    picture = read(raw_tiff(stored, photometric=photometric, num_bits=num_bits))
    assert np.abs(picture.pixels.astype(int) - levels).max() <= 255 // min(top, 255) / 2 + 1


def test_white_is_zero_holds_for_every_type() -> None:
    for kind in ("u2", "u4", "f4"):
        for order in "<>":
            samples = stretched(255 - GREY, kind).astype(f"{order}{kind}")
            picture = read(raw_tiff(samples, photometric=0))
            assert np.abs(picture.pixels.astype(int) - GREY).max() <= 1


def test_one_infinite_sample_and_no_numbers_change_nothing_else() -> None:
    samples = (GREY / 255).astype("<f4")
    samples[2, 3], samples[4, 5], samples[6, 7] = np.inf, -np.inf, np.nan
    picture = read(raw_tiff(samples, photometric=1))
    wanted = GREY.copy()
    wanted[2, 3], wanted[4, 5], wanted[6, 7] = 255, 0, 0
    np.testing.assert_array_equal(picture.pixels, wanted)


@pytest.mark.parametrize("white", [1, 255, 65535])
def test_white_of_floats_is_what_most_of_them_speak_for(white: int) -> None:
    samples = (GREY / 255 * white).astype("<f4")
    samples[0, 0] = 3.5 * white
    picture = read(raw_tiff(samples, photometric=1))
    assert picture.notes[0].endswith(f"values taken as 0 to {white}")
    assert np.abs(picture.pixels.astype(int) - GREY)[1:].max() <= 1


def test_colours_multiplied_by_alpha_are_divided() -> None:
    samples = np.dstack([RGB.astype(np.uint32) * ALPHA[:, :, None] // 255, ALPHA])
    picture = read(raw_tiff(stretched(samples, "f4"), photometric=2, extra=1))
    assert "colours divided by alpha" in picture.notes
    seen = ALPHA > 100
    assert np.abs(picture.pixels.astype(int) - RGB)[seen].max() <= 3


def test_orientation_is_applied_once() -> None:
    samples = stretched(RGB, "i2").astype("<i2")
    data = raw_tiff(samples, photometric=2, tags=[(274, 3, 1, 6)])
    picture = read(data)
    assert np.abs(picture.pixels.astype(int) - np.rot90(RGB, -1)).max() <= 1


def test_loaded_image_is_read_as_its_file_says(tmp_path: object) -> None:
    data = raw_tiff((GREY.astype(np.uint16) * 16).astype("<u2"), photometric=1, num_bits=12)
    path = f"{tmp_path}/a.tif"
    with open(path, "wb") as stream:
        stream.write(data)
    image = Image.open(path)
    image.load()
    np.testing.assert_array_equal(picture_from(image).pixels, read(data).pixels)


def test_16_bits_in_linear_light_take_the_curve_of_srgb_before_the_cut() -> None:
    dark = (RGB.astype(np.uint16) * 8).astype("<u2")
    linear = make_profile(DISPLAY_P3, 1.0)
    data = raw_tiff(dark, photometric=2)
    with Image.open(io.BytesIO(data)) as image:
        assert len(np.unique(np.asarray(image))) <= 8
    picture = read(with_profile(data, linear, 8 + dark.nbytes))
    assert len(np.unique(picture.pixels)) > 20
    assert picture.icc is not None
    light = (dark / 65535) @ np.ones(3)
    shown = convert_to_srgb(picture.pixels, picture.icc)
    assert np.corrcoef(light.ravel(), shown.sum(2).ravel() ** 2.2)[0, 1] > 0.98


def with_profile(data: bytes, icc: bytes, table: int) -> bytes:
    """The file with its directory written anew behind everything, a profile among its tags."""
    (count,) = struct.unpack_from("<H", data, table)
    entries = [data[table + 2 + 12 * i : table + 14 + 12 * i] for i in range(count)]
    entries.append(struct.pack("<HHII", 34675, 7, len(icc), len(data)))
    start = len(data) + len(icc)
    directory = struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)
    return data[:4] + struct.pack("<I", start) + data[8:] + icc + directory


@pytest.mark.parametrize(
    ("photometric", "num_samples", "tags", "name"),
    [
        (10, 3, (), "3 x 8-bit unsigned ITULab"),
        (32845, 3, (), "3 x 8-bit unsigned LogLuv"),
        (6, 3, ((530, 3, 1, 2),), "3 x 8-bit unsigned YCbCr"),
        (6, 3, ((530, 3, 1, 1), (532, 3, 6, 16)), "3 x 8-bit unsigned YCbCr"),
        (4, 1, (), "1 x 8-bit unsigned mask"),
        (5, 4, ((332, 3, 1, 2),), "4 x 8-bit unsigned inks that are no CMYK"),
        (2, 3, ((259, 3, 1, 50001),), "3 x 8-bit unsigned RGB, compression WebP"),
        (1, 1, ((258, 3, 1, 12), (259, 3, 1, 7)), "1 x 12-bit unsigned grey, compression JPEG"),
        (1, 1, ((339, 3, 1, 6),), "1 x 8-bit format 6 grey"),
        (1, 1, ((32997, 4, 1, 16),), "1 x 8-bit unsigned grey in slices"),
    ],
)
def test_layout_that_nobody_reads_is_named(
    photometric: int, num_samples: int, tags: tuple, name: str
) -> None:
    samples = np.zeros((4, 4, num_samples), "<u1")
    with pytest.raises(ImageError) as caught:
        read(raw_tiff(samples, photometric=photometric, tags=tags))
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_palette_of_8_bit_values_is_not_black() -> None:
    few = Image.fromarray(RGB).quantize(16)
    stream = io.BytesIO()
    few.save(stream, "TIFF")
    with Image.open(stream) as image:
        colours = image.tag_v2[320]
    wide = b"".join(int(v).to_bytes(2, "little") for v in colours)
    narrow = b"".join(int(v // 256).to_bytes(2, "little") for v in colours)
    data = stream.getvalue().replace(wide, narrow)
    assert data != stream.getvalue()
    np.testing.assert_array_equal(read(data).pixels, np.asarray(few.convert("RGB")))


@pytest.mark.parametrize("length", [9, 100, 400, 700])
def test_cut_files_are_refused_in_one_line(length: int) -> None:
    data = raw_tiff(stretched(RGB, "i2"), photometric=2)
    # The directory stands behind the samples, so it is put in front first.
    with pytest.raises(ImageError) as caught:
        read(data[:length])
    assert "\n" not in str(caught.value)


def test_strip_that_is_too_short_is_damage() -> None:
    data = raw_tiff(stretched(GREY, "i2"), photometric=1, tags=[(279, 4, 1, 20)])
    with pytest.raises(ImageError, match="is damaged: a strip has 20 bytes"):
        read(data)
