"""Every kind of picture that users hold becomes grey or RGB with or without alpha."""

import io

import numpy as np
import pytest
from PIL import Image

from licodec.errors import ImageError
from licodec.image.convert import picture_from, to_image
from licodec.image.picture import Picture
from tests.image.profiles import cmyk_profile, srgb_profile
from tests.image.writers import deep_png, png_chunk, shallow_png, with_chunks

SIZES = [(1, 1), (3, 2), (17, 9)]  # width, height


def opened(file: bytes) -> Image.Image:
    return Image.open(io.BytesIO(file))


def saved_png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def random_array(*shape: int, low: int = 0) -> np.ndarray:
    return np.random.default_rng(7).integers(low, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("num_channels", [1, 2, 3, 4])
def test_arrays_keep_every_pixel_and_alpha(width: int, height: int, num_channels: int) -> None:
    array = random_array(height, width, num_channels, low=1)
    array[0, 0] = 200
    picture = picture_from(array)
    colours = array[:, :, :3] if num_channels > 2 else array[:, :, 0]
    np.testing.assert_array_equal(picture.pixels, colours)
    if num_channels in (2, 4):
        np.testing.assert_array_equal(picture.alpha, array[:, :, -1])
    else:
        assert picture.alpha is None
    assert picture.notes == ()


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_plain_modes_survive_conversion_there_and_back(mode: str, width: int, height: int) -> None:
    array = random_array(height, width, len(mode), low=1)
    array[0, 0] = 9
    image = Image.fromarray(array if len(mode) > 1 else array[:, :, 0], mode)
    returned = to_image(picture_from(image))
    assert returned.mode == mode
    assert returned.tobytes() == image.tobytes()


@pytest.mark.parametrize("mode", ["LA", "RGBA", "PA"])
def test_opaque_alpha_is_dropped(mode: str) -> None:
    image = Image.new("RGBA", (5, 4), (10, 20, 30, 255))
    if mode == "PA":
        image = Image.new("P", (5, 4)).convert("PA")
    assert picture_from(image.convert(mode)).alpha is None


def test_two_level_picture_becomes_black_and_white_grey() -> None:
    image = Image.new("1", (9, 1), 1)
    image.putpixel((4, 0), 0)
    picture = picture_from(image)
    assert picture.pixels.tolist() == [[255, 255, 255, 255, 0, 255, 255, 255, 255]]


def test_padding_channel_of_rgbx_is_no_alpha() -> None:
    picture = picture_from(Image.new("RGBX", (2, 2), (1, 2, 3, 0)))
    assert picture.alpha is None
    assert picture.pixels[0, 0].tolist() == [1, 2, 3]


def test_premultiplied_colours_are_divided_by_alpha() -> None:
    picture = picture_from(Image.new("RGBa", (1, 1), (50, 25, 0, 128)))
    assert abs(picture.pixels[0, 0].astype(int) - [100, 50, 0]).max() <= 1
    assert picture.alpha is not None
    assert picture.alpha.item() == 128
    assert picture.notes == ("colours divided by alpha",)


def test_premultiplied_grey_is_divided_by_alpha() -> None:
    picture = picture_from(Image.new("LA", (2, 1), (80, 128)).convert("La"))
    assert picture.pixels.ndim == 2
    assert abs(int(picture.pixels[0, 0]) - 80) <= 1


def palette_picture(colours: list[tuple[int, int, int]]) -> Image.Image:
    image = Image.new("P", (len(colours), 1))
    image.putpalette([value for colour in colours for value in colour])
    image.putdata(range(len(colours)))
    return image


def test_palette_becomes_its_colours() -> None:
    picture = picture_from(palette_picture([(1, 2, 3), (250, 0, 9)]))
    assert picture.pixels.tolist() == [[[1, 2, 3], [250, 0, 9]]]


def test_grey_palette_becomes_grey() -> None:
    assert picture_from(palette_picture([(7, 7, 7), (90, 90, 90)])).pixels.tolist() == [[7, 90]]


def test_grey_palette_with_colour_profile_stays_rgb() -> None:
    image = palette_picture([(7, 7, 7), (90, 90, 90)])
    image.info["icc_profile"] = srgb_profile()
    assert picture_from(image).pixels.shape == (1, 2, 3)


@pytest.mark.parametrize("transparency", [1, bytes([255, 0, 255])])
def test_transparent_palette_entry_becomes_alpha(transparency: int | bytes) -> None:
    image = palette_picture([(1, 2, 3), (250, 0, 9), (4, 4, 5)])
    image.info["transparency"] = transparency
    picture = picture_from(image)
    assert picture.alpha is not None
    assert picture.alpha.tolist() == [[255, 0, 255]]


def test_palette_with_alpha_plane_keeps_it() -> None:
    image = palette_picture([(1, 2, 3), (250, 0, 9)]).convert("PA")
    image.putpixel((1, 0), (1, 77))
    picture = picture_from(image)
    assert picture.pixels[0, 1].tolist() == [250, 0, 9]
    assert picture.alpha is not None
    assert picture.alpha.tolist() == [[255, 77]]


@pytest.mark.parametrize(("mode", "key"), [("L", 5), ("RGB", (5, 5, 5))])
def test_transparent_colour_becomes_alpha(mode: str, key: int | tuple[int, ...]) -> None:
    image = Image.new(mode, (2, 1), 200 if mode == "L" else (200, 200, 200))
    image.putpixel((0, 0), key)
    image.info["transparency"] = key
    picture = picture_from(image)
    assert picture.alpha is not None
    assert picture.alpha.tolist() == [[0, 255]]


@pytest.mark.parametrize(
    ("num_bits", "row", "grey"),
    [
        (1, b"\x80", [255, 0]),
        (2, b"\x60", [85, 170]),
        (4, b"\x1e", [17, 238]),
    ],
)
@pytest.mark.parametrize("transparent", [0, 1])
def test_transparent_grey_of_a_png_of_few_bits_becomes_alpha(
    num_bits: int, row: bytes, grey: list[int], transparent: int
) -> None:
    key = grey[transparent] * (2**num_bits - 1) // 255
    png = shallow_png(row, 2, num_bits)
    picture = picture_from(opened(with_chunks(png, [(b"tRNS", bytes([0, key]))])))
    assert picture.alpha is not None
    assert picture.alpha.tolist() == [[255, 0] if transparent else [0, 255]]
    assert picture.pixels[0, 1 - transparent] == grey[1 - transparent]


def test_transparent_colour_of_a_16_bit_png_becomes_alpha_with_a_note() -> None:
    key = (0x1234, 0x5678, 0x9ABC)
    samples = np.array([[key, (0x3412, 0x7856, 0xBC9A)]], np.uint16)
    chunk = (b"tRNS", np.array(key, ">u2").tobytes())
    picture = picture_from(opened(with_chunks(deep_png(samples), [chunk])))
    assert picture.alpha is not None
    assert picture.alpha.tolist() == [[0, 255]]
    assert any("transparent colour cut to 8 bits" in note for note in picture.notes)


@pytest.mark.parametrize(
    "keyword", ["transparency", "sizes", "photoshop", "exif", "xmp", "comment"]
)
@pytest.mark.parametrize("is_last", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "P"])
def test_png_text_is_not_taken_for_what_its_keyword_names(
    keyword: str, is_last: bool, mode: str
) -> None:
    png = saved_png(Image.new(mode, (2, 1)))
    text = (b"tEXt", f"{keyword}\0some words".encode())
    file = png[:-12] + png_chunk(*text) + png[-12:] if is_last else with_chunks(png, [text])
    image = opened(file)
    picture = picture_from(image)
    assert (picture.alpha, picture.exif, picture.xmp) == (None, None, None)
    assert picture.notes == (f"PNG text dropped: {keyword}",)
    assert keyword in image.info  # the caller's image stays as it was


@pytest.mark.parametrize("mode", ["I;16", "I;16L", "I;16B"])
def test_16_bit_grey_is_divided_by_257_and_noted(mode: str) -> None:
    values = np.array([[0, 128, 129, 257, 32768, 65535]], dtype=np.uint16)
    dtype = ">u2" if mode == "I;16B" else "<u2"
    image = Image.frombytes(mode, (6, 1), values.astype(dtype).tobytes())
    picture = picture_from(image)
    assert picture.pixels.tolist() == [[0, 0, 1, 1, 128, 255]]
    assert picture.notes == ("16-bit grey reduced to 8 bits",)


def test_transparent_value_of_16_bit_grey_becomes_alpha() -> None:
    image = Image.fromarray(np.array([[300, 40000]], dtype=np.uint16))
    image.info["transparency"] = 300
    picture = picture_from(image)
    assert picture.alpha is not None
    assert picture.alpha.tolist() == [[0, 255]]


@pytest.mark.parametrize(
    ("values", "expected"),
    [([-3, 0, 255], [0, 0, 255]), ([-3, 0, 257], [0, 0, 1]), ([65535, 70000, 514], [255, 255, 2])],
)
def test_32_bit_grey_takes_16_bits_unless_no_value_needs_them(
    values: list[int], expected: list[int]
) -> None:
    picture = picture_from(Image.fromarray(np.array([values], dtype=np.int32)))
    assert picture.pixels.tolist() == [expected]
    assert len(picture.notes) == 1


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (b"P5 3 1 65535\n\0\0\0\xff\1\1", [0, 1, 1]),
        (b"P5 3 1 65535\n\0\0\0\x40\0\x80", [0, 0, 0]),
        (b"P5 2 1 4095\n\0\0\0\x0f", [0, 1]),
        (b"P2 2 1 4095\n0 15\n", [0, 1]),
    ],
)
def test_dark_pgm_of_more_than_8_bits_stays_dark(file: bytes, expected: list[int]) -> None:
    picture = picture_from(opened(file))
    assert picture.pixels.tolist() == [expected]
    assert len(picture.notes) == 1


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 0.6, 254.5], [0, 1, 254]),
        ([-4.0, 300.0, float("nan")], [0, 255, 0]),
        ([float("inf"), float("-inf"), 7.0], [255, 0, 7]),
    ],
)
def test_float_grey_takes_255_as_white_unless_all_lies_within_1(
    values: list[float], expected: list[int]
) -> None:
    picture = picture_from(Image.fromarray(np.array([values], dtype=np.float32)))
    assert picture.pixels.tolist() == [expected]
    assert len(picture.notes) == 1


def test_cmyk_without_profile_follows_the_plain_formula() -> None:
    picture = picture_from(Image.new("CMYK", (1, 1), (255, 51, 0, 102)))
    # (255 - C)(255 - K) / 255 for C = 255, 51, 0 and K = 102
    assert abs(picture.pixels[0, 0].astype(int) - [0, 122, 153]).max() <= 1
    assert picture.notes == ("CMYK without ICC profile converted to RGB by the plain formula",)


def test_cmyk_with_profile_becomes_srgb_and_loses_the_profile() -> None:
    image = Image.new("CMYK", (3, 1))
    image.putdata([(0, 0, 0, 0), (255, 0, 0, 0), (0, 0, 0, 255)])
    image.info["icc_profile"] = cmyk_profile()
    picture = picture_from(image)
    assert picture.notes == ("CMYK converted to sRGB by its ICC profile",)
    assert picture.icc is None
    # Paper; L* 50 is 119 in sRGB; black.
    assert abs(picture.pixels[0].astype(int) - [[255] * 3, [119] * 3, [0] * 3]).max() <= 2


@pytest.mark.parametrize("profile", [b"nonsense" * 40, srgb_profile()])
def test_cmyk_with_unusable_profile_is_converted_and_noted(profile: bytes) -> None:
    image = Image.new("CMYK", (1, 1))
    image.info["icc_profile"] = profile
    picture = picture_from(image)
    assert picture.pixels[0, 0].tolist() == [255, 255, 255]
    assert "unusable" in picture.notes[0]
    assert picture.icc is None


def test_lab_becomes_srgb() -> None:
    picture = picture_from(Image.new("LAB", (1, 1), (255, 128, 128)))
    assert picture.pixels[0, 0].min() >= 253
    assert picture.notes == ("LAB converted to sRGB",)


@pytest.mark.parametrize("mode", ["YCbCr", "HSV"])
def test_other_colour_models_become_rgb(mode: str) -> None:
    image = Image.new("RGB", (2, 2), (200, 30, 90)).convert(mode)
    picture = picture_from(image)
    assert abs(picture.pixels[0, 0].astype(int) - [200, 30, 90]).max() <= 3
    assert picture.notes == (f"{mode} converted to RGB",)


def test_metadata_is_taken_from_and_given_to_pillow() -> None:
    image = Image.new("RGB", (2, 2))
    image.info |= {"icc_profile": srgb_profile(), "exif": b"Exif\0\0tags", "xmp": b"<x/>"}
    picture = picture_from(image)
    assert (picture.icc, picture.exif, picture.xmp) == (srgb_profile(), b"tags", b"<x/>")
    assert to_image(picture).info == image.info


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((2, 2), np.float32),
        np.zeros((2, 2), bool),
        np.zeros((2, 2, 5), np.uint8),
        np.zeros((2, 2, 0), np.uint8),
        np.zeros((4,), np.uint8),
        np.zeros((0, 5), np.uint8),
        np.zeros((5, 0, 3), np.uint8),
        Image.new("RGB", (0, 3)),
        "photo.png",
        None,
    ],
)
def test_what_is_no_picture_is_an_image_error(wrong: object) -> None:
    with pytest.raises(ImageError, match="expected"):
        picture_from(wrong)  # type: ignore[arg-type]


def test_given_array_is_not_changed() -> None:
    array = random_array(9, 9, 4)
    array[:3, :, 3] = 0
    before = array.copy()
    picture_from(array)
    np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize(
    "planes",
    [
        {"pixels": np.zeros((2, 2), np.int16)},
        {"pixels": np.zeros((2, 2, 4), np.uint8)},
        {"pixels": np.zeros((2, 2), np.uint8), "alpha": np.zeros((2, 3), np.uint8)},
    ],
)
def test_picture_refuses_planes_of_wrong_shape_or_type(planes: dict[str, np.ndarray]) -> None:
    with pytest.raises(ImageError, match="expected"):
        Picture(**planes)
