"""Files like those of public bug reports of peers: nothing is lost or changed in silence."""

import gzip
import io
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import licodec
from licodec.errors import ImageError, PictureWarning
from licodec.image.colours import convert_to_srgb
from licodec.image.convert import picture_from
from licodec.image.files import read_picture
from licodec.image.icc import DISPLAY_P3, make_profile, profile_space
from licodec.image.picture import Picture

CASES = Path(__file__).parent / "cases"
HEIGHT, WIDTH = 48, 64


def case(name: str) -> bytes:
    data = (CASES / name).read_bytes()
    return gzip.decompress(data) if name.endswith(".gz") else data


def read(name: str) -> Picture:
    return read_picture(io.BytesIO(case(name)))


def base(mode: str = "RGB") -> np.ndarray:
    return np.asarray(Image.open(CASES / "control-base.png").convert(mode))


def only_note(picture: Picture) -> str:
    (note,) = picture.notes
    return note


def test_tga_without_alpha_bits_is_opaque() -> None:
    picture = read("tga-attr0.tga")
    assert (picture.alpha, picture.notes) == (None, ())
    np.testing.assert_array_equal(picture.pixels, base())


@pytest.mark.parametrize("name", ["BMP", "TGA", "ICO"])
def test_alpha_of_zeros_is_taken_as_none_where_writers_leave_it_so(name: str) -> None:
    stream = io.BytesIO()
    if name == "BMP":
        stream.write(case("bmp32-v4-alpha0.bmp"))
    else:
        rgba = Image.fromarray(np.dstack([base(), np.zeros((HEIGHT, WIDTH), np.uint8)]))
        rgba.save(
            stream, name, **({"sizes": [(64, 48)], "bitmap_format": "bmp"} if name == "ICO" else {})
        )
    stream.seek(0)
    picture = read_picture(stream)
    assert picture.alpha is None
    assert only_note(picture) == "alpha is 0 everywhere and taken as none"
    np.testing.assert_array_equal(picture.pixels, base())


def test_colours_below_full_transparency_are_dropped_with_a_note() -> None:
    rgba = Image.fromarray(np.dstack([base(), np.zeros((HEIGHT, WIDTH), np.uint8)]))
    assert only_note(picture_from(rgba)).startswith("all pixels are fully transparent")
    assert picture_from(Image.new("RGBA", (9, 9))).notes == ()


def test_raw_data_of_a_camera_are_refused() -> None:
    with pytest.raises(ImageError, match="raw data of a camera"):
        read("raw-like.dng")


@pytest.mark.parametrize("name", ["cicp-over-iccp.png", "late-cicp.png.gz"])
def test_cicp_goes_before_iccp_wherever_it_stands(name: str) -> None:
    assert read(name).icc == make_profile(DISPLAY_P3)


def test_narrow_range_is_expanded_with_a_note() -> None:
    picture = read("cicp-narrow.png")
    assert "narrow range" in only_note(picture)
    assert np.abs(picture.pixels.astype(int) - base()).max() <= 1


def test_gain_map_is_dropped_with_a_note_and_xmp_claims_none() -> None:
    picture = read("gainmap.jpg")
    assert "gain map" in only_note(picture)
    assert picture.xmp is not None
    assert b"hdrgm" not in picture.xmp
    assert b"Container" not in picture.xmp


def test_video_of_a_motion_photo_is_dropped_with_a_note_and_xmp_claims_none() -> None:
    picture = read("motionphoto.jpg")
    assert "video" in only_note(picture)
    assert picture.xmp is not None
    assert b"MotionPhoto" not in picture.xmp


@pytest.mark.parametrize("name", ["broken-iccp.png", "icc-missing-chunk.jpg", "iccp-cut.png"])
def test_unreadable_profile_is_dropped_with_a_note(name: str) -> None:
    picture = read(name)
    assert picture.icc is None
    assert only_note(picture) == "ICC profile is damaged and dropped"


@pytest.mark.parametrize("name", ["icc.bmp", "icc.gif"])
def test_profiles_of_bmp_and_gif_are_kept(name: str) -> None:
    picture = read(name)
    assert picture.icc is not None
    assert profile_space(picture.icc) == "RGB"
    assert np.abs(convert_to_srgb(base(), picture.icc).astype(int) - base()).mean() > 0.5
    assert picture.notes == ()


@pytest.mark.parametrize("name", ["float-over-1.tif", "float-below-0.tif"])
def test_float_samples_a_little_outside_of_0_to_1_are_clipped(name: str) -> None:
    stored = np.frombuffer(case(name)[8 : 8 + 4 * HEIGHT * WIDTH], "<f4").reshape(HEIGHT, WIDTH)
    if not -0.01 < stored.min() < stored.max() < 1.01:  # samples stand at the end
        stored = np.frombuffer(case(name)[-4 * HEIGHT * WIDTH :], "<f4").reshape(HEIGHT, WIDTH)
    picture = read(name)
    wanted = np.clip(stored, 0, 1) * 255
    assert np.abs(picture.pixels - wanted).max() <= 0.51
    assert only_note(picture).endswith("values taken as 0 to 1")


def test_signed_samples_count_from_their_least_number() -> None:
    picture = read("signed-8.tif")
    np.testing.assert_array_equal(picture.pixels, base("L"))
    assert only_note(picture).endswith("values taken as -128 to 127")


def test_16_bits_in_linear_light_keep_their_dark_levels() -> None:
    picture = read("linear16-dark.png")
    assert len(np.unique(picture.pixels)) == 53
    assert picture.icc is None
    assert only_note(picture) == "16-bit samples reduced to 8 bits"


def test_wrong_checksum_of_an_ancillary_chunk_is_noted() -> None:
    picture = read("badcrc-ancillary.png")
    assert only_note(picture) == "PNG chunk tEXt has a wrong checksum and is dropped"
    np.testing.assert_array_equal(picture.pixels, base())


def test_missing_end_marker_is_noted_if_all_rows_are_there() -> None:
    picture = read("no-eoi.jpg")
    assert "end marker" in only_note(picture)
    np.testing.assert_array_equal(picture.pixels, read("control-whole.jpg").pixels)
    with pytest.raises(ImageError):
        read("control-cut.jpg")


def test_what_is_around_a_first_frame_is_transparent() -> None:
    picture = read("partial-first-frame.gif")
    assert picture.alpha is not None
    assert (picture.alpha == 255).sum() == 20 * 10
    assert set(np.unique(picture.alpha)) == {0, 255}


@pytest.mark.parametrize("name", ["control-base.png", "control-whole.jpg"])
def test_controls_have_no_note(name: str) -> None:
    assert read(name).notes == ()


READABLE = sorted(
    path.name
    for path in CASES.iterdir()
    if path.is_file()
    and path.name not in ("README.md", "raw-like.dng", "control-cut.jpg", "badcrc-ancillary.png")
)


@pytest.mark.parametrize("name", READABLE)
@pytest.mark.parametrize("is_loaded", [False, True])
def test_python_interface_tells_what_the_command_line_does(
    name: str, is_loaded: bool, tmp_path: Path
) -> None:
    path = tmp_path / name.removesuffix(".gz")
    path.write_bytes(case(name))
    with Image.open(path) as image:
        if is_loaded and name == "no-eoi.jpg":
            with pytest.raises(OSError, match="truncated"):
                image.load()
            return
        if is_loaded:
            image.load()
        picture = picture_from(image)
    expected = read(name)
    assert picture.notes == expected.notes
    assert (picture.icc, picture.exif, picture.xmp) == (expected.icc, expected.exif, expected.xmp)
    np.testing.assert_array_equal(picture.pixels, expected.pixels)
    np.testing.assert_array_equal(picture.alpha, expected.alpha)


def test_encode_warns_of_what_is_dropped() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        licodec.encode(Image.open(CASES / "gainmap.jpg"), effort=0)
    warned = [w for w in caught if issubclass(w.category, PictureWarning)]
    assert len(warned) == 1
    assert "gain map" in str(warned[0].message)


def test_pixels_changed_after_loading_are_taken_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(case("signed-8.tif"))
    image = Image.open(path)
    image.load()
    image.putpixel((0, 0), 77)
    picture = picture_from(image)
    assert picture.pixels[0, 0] == 77
