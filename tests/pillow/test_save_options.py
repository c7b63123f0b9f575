"""Options of Pillow's own that saving a .lic file heeds, and cases through the plugin."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import licodec
import licodec.pillow
from licodec.image.exif import EXIF_PREFIX, density_in
from licodec.image.icc import DISPLAY_P3, make_profile

CASES = Path(__file__).parents[1] / "image" / "cases"


def saved(image: Image.Image, **options: object) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, "LIC", effort=0, **options)
    return Image.open(stream)


def test_density_that_is_given_comes_back() -> None:
    back = saved(Image.new("RGB", (20, 10)), dpi=(300, 200))
    assert density_in(back.info["exif"].removeprefix(EXIF_PREFIX)) == (300, 200)
    assert back.info["dpi"] == (300, 200)
    assert "dpi" not in saved(Image.new("RGB", (20, 10))).info


@pytest.mark.parametrize("name", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize("dpi", [(300, 300), (72, 72)])
def test_density_that_is_given_goes_before_that_of_the_file(
    name: str, dpi: tuple[int, int], recwarn: pytest.WarningsRecorder
) -> None:
    exif = Image.Exif()
    exif[0x011A], exif[0x011B], exif[0x0128], exif[0x010F] = 96.0, 96.0, 2, "Maker"
    stream = io.BytesIO()
    Image.new("RGB", (20, 10)).save(stream, name, exif=exif, dpi=(96, 96))
    with Image.open(stream) as image:
        back = saved(image, dpi=dpi)
    assert back.info["dpi"] == dpi
    assert back.getexif()[0x010F] == "Maker"
    assert not recwarn.list
    assert saved(Image.new("RGB", (20, 10)), dpi=dpi, exif=None).info["dpi"] == dpi


@pytest.mark.parametrize("dpi", [300, ("a", "b"), (1, 2, 3), "300"])
def test_density_that_is_no_pair_of_numbers_is_refused(dpi: object) -> None:
    with pytest.raises(TypeError, match=r"dpi is .*, expected \(x, y\)"):
        saved(Image.new("RGB", (20, 10)), dpi=dpi)


def test_density_of_none_or_zero_states_none() -> None:
    for dpi in (None, (0, 0)):
        assert "dpi" not in saved(Image.new("RGB", (20, 10)), dpi=dpi).info


@pytest.mark.parametrize(
    "options", [{"quality": "high"}, {"size": "100KB"}, {"effort": "4"}, {"time_budget": "1s"}]
)
def test_option_that_is_no_number_is_named(options: dict[str, object]) -> None:
    (name, value) = next(iter(options.items()))
    with pytest.raises(TypeError, match=f"{name} is '{value}', expected a number"):
        Image.new("RGB", (20, 10)).save(io.BytesIO(), "LIC", **options)


def test_first_or_present_frame_of_an_animation_is_saved_and_told() -> None:
    stream = io.BytesIO()
    frames = [Image.new("RGB", (20, 10), colour) for colour in ("red", "blue")]
    frames[0].save(stream, "GIF", save_all=True, append_images=frames[1:])
    with Image.open(stream) as image:
        image.seek(1)
        with pytest.warns(licodec.PictureWarning, match="only one of 2 pictures"):
            present = saved(image, lossless=True)
        with pytest.warns(licodec.PictureWarning, match="only the first of 2 pictures"):
            first = saved(image, lossless=True, save_all=True)
        assert image.tell() == 1
    assert present.convert("RGB").getpixel((0, 0)) == (0, 0, 255)
    assert first.convert("RGB").getpixel((0, 0)) == (255, 0, 0)


def test_one_of_several_pictures_is_saved_with_a_warning() -> None:
    image = Image.new("RGB", (20, 10), "red")
    assert saved(image, save_all=True).size == (20, 10)
    with pytest.warns(licodec.PictureWarning, match="only the first of 3"):
        saved(image, save_all=True, append_images=[image, image])
    assert saved(image, save_all=True, append_images=None).size == (20, 10)


@pytest.mark.parametrize("name", ["cicp-over-iccp.png", "icc.bmp", "icc.gif"])
def test_colours_that_pillow_passes_over_are_kept(name: str) -> None:
    with Image.open(CASES / name) as image:
        icc = saved(image).info["icc_profile"]
    assert icc == make_profile(DISPLAY_P3)


@pytest.mark.parametrize(("name", "note"), [("gainmap.jpg", "gain map"), ("signed-8.tif", "-128")])
def test_what_is_dropped_or_read_otherwise_is_told(name: str, note: str) -> None:
    with Image.open(CASES / name) as image, pytest.warns(licodec.PictureWarning, match=note):
        saved(image)


def test_bytes_of_any_kind_decode_and_names_do_not() -> None:
    data = licodec.encode(np.zeros((9, 9), np.uint8), effort=0)
    for kind in (bytes, bytearray, memoryview):
        assert licodec.decode(kind(data)).size == (9, 9)
        assert licodec.info(kind(data)).width == 9
    for wrong in ("photo.lic", Path("photo.lic"), None, 7):
        with pytest.raises(TypeError, match=r"expected the bytes of a \.lic file"):
            licodec.decode(wrong)  # type: ignore[arg-type]
