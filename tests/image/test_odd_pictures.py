"""Picture files of every odd kind go through a .lic file to a PNG and keep what must be kept."""

import io
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from licodec.api import Codec
from licodec.errors import ImageError
from licodec.image.colours import convert_to_srgb
from licodec.image.exif import EXIF_PREFIX, load_tags
from licodec.image.files import read_picture, render_picture
from licodec.image.formats import WRITE_FORMATS
from tests.image.odd import HEIGHT, MAKER, NO_NOTE, WIDTH, XMP, Odd, all_odd_pictures

ODD = {odd.name: odd for odd in all_odd_pictures()}
QUALITY = 90


@pytest.fixture(params=list(ODD))
def odd(request: pytest.FixtureRequest) -> Iterator[Odd]:
    return ODD[request.param]


def round_trip(codec: Codec, data: bytes) -> tuple[Image.Image, tuple[str, ...], int]:
    """The PNG that comes back, what was told, and the size of the .lic file in bytes."""
    picture = read_picture(io.BytesIO(data))
    coded = codec.encode_picture(picture, quality=QUALITY)
    png, notes = render_picture(codec.decode_picture(coded), WRITE_FORMATS["png"])
    image = Image.open(io.BytesIO(png))
    image.load()
    return image, picture.notes + notes, len(coded)


def test_there_are_at_least_40() -> None:
    assert len(ODD) >= 40


def test_round_trip_keeps_what_must_be_kept(codec: Codec, odd: Odd) -> None:
    image, notes, _ = round_trip(codec, odd.data)
    assert image.mode == odd.mode
    assert image.size == odd.shown.shape[1::-1]
    if odd.note == NO_NOTE:
        assert notes == ()
    else:
        assert odd.note in "\n".join(notes)
    seen = odd.alpha is None or odd.alpha > 0
    difference = np.abs(view(image).astype(int) - odd.shown)[seen]
    assert not difference.size or difference.mean() <= odd.tolerance
    check_alpha(image, odd)
    check_metadata(image, odd)


def view(image: Image.Image) -> np.ndarray:
    """(H, W, 3) sRGB samples, whatever alpha is, as a program that knows profiles shows them."""
    is_grey = image.mode in ("L", "LA")
    pixels = np.asarray(image.convert("L" if is_grey else "RGB"))
    icc = image.info.get("icc_profile")
    shown = pixels if icc is None else convert_to_srgb(pixels, icc)
    return np.repeat(shown[:, :, None], 3, 2) if is_grey else shown


def check_alpha(image: Image.Image, odd: Odd) -> None:
    if odd.alpha is None:
        assert "A" not in image.getbands()
        return
    alpha = np.asarray(image.getchannel("A"))
    # AVIF coded the plane with loss before it came here.
    assert np.abs(alpha.astype(int) - odd.alpha).max() <= (3 if odd.name.endswith("avif") else 0)


def check_metadata(image: Image.Image, odd: Odd) -> None:
    assert ("icc_profile" in image.info) == ("icc" in odd.keeps)
    assert image.info.get("xmp") == (XMP if "xmp" in odd.keeps else None)
    tags = load_tags(image.info.get("exif", b"").removeprefix(EXIF_PREFIX)) or {}
    assert tags.get(0x0112, 1) == 1
    assert tags.get(MAKER) == ("maker" if "exif" in odd.keeps else None)


def test_colours_under_transparent_pixels_cost_nothing(codec: Codec) -> None:
    sizes = [round_trip(codec, ODD[f"rgba{kind}.png"].data)[2] for kind in ("", "-noise-below")]
    assert sizes[0] == sizes[1]


def test_wholly_transparent_picture_costs_next_to_nothing(codec: Codec) -> None:
    assert round_trip(codec, ODD["rgba-invisible.png"].data)[2] < WIDTH * HEIGHT // 16


@pytest.mark.parametrize("name", WRITE_FORMATS)
def test_every_odd_picture_can_be_written_or_is_refused_in_one_line(name: str) -> None:
    for odd in ODD.values():
        picture = read_picture(io.BytesIO(odd.data))
        try:
            data, _ = render_picture(picture, WRITE_FORMATS[name])
        except ImageError as error:
            assert picture.alpha is not None
            assert "\n" not in str(error)
            assert not WRITE_FORMATS[name].has_alpha
        else:
            again = read_picture(io.BytesIO(data))
            assert (again.width, again.height) == (picture.width, picture.height)
            assert (again.alpha is None) == (picture.alpha is None)
