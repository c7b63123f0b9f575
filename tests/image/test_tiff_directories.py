"""What else a TIFF holds beside its first picture is noted, or the file refused for its sake."""

import io

import numpy as np
import pytest
from PIL import Image

from licodec.image.convert import picture_from
from tests.image.test_tiff import GREY, RGB, read, stretched
from tests.image.test_tiff_kinds import check, refused
from tests.image.writers import joined_tiff, raw_tiff

WHOLE = raw_tiff(RGB, photometric=2)
SMALL = RGB[::4, ::4]
MASK = raw_tiff((GREY > 128).astype(np.uint8), photometric=4, num_bits=1, tags=[(254, 4, 1, 4)])
SENSOR = raw_tiff(stretched(GREY, "u2"), photometric=32803)


@pytest.mark.parametrize("kind", ["u1", "u2", "i2", "f4"])
@pytest.mark.parametrize("other", [WHOLE, MASK, raw_tiff(RGB, photometric=32845)])
def test_further_pages_are_noted_and_need_not_be_readable(kind: str, other: bytes) -> None:
    first = raw_tiff(stretched(RGB, kind), photometric=2)
    picture = read(joined_tiff(first, other, other))
    check(picture, RGB)
    assert picture.notes[0] == "only the first of 3 pictures in the file is kept"


@pytest.mark.parametrize("kind", ["u1", "u2", "i2"])
def test_page_that_someone_goes_to_is_read_as_the_first_would_be(kind: str) -> None:
    samples = stretched(np.roll(RGB, 3, 1), kind)
    page = raw_tiff(samples[:, :, 0], photometric=1)
    with Image.open(io.BytesIO(joined_tiff(WHOLE, page))) as image:
        image.seek(1)
        check(picture_from(image), np.roll(RGB, 3, 1)[:, :, 0])


def test_pages_in_a_circle_are_counted_once() -> None:
    data = joined_tiff(WHOLE, WHOLE)
    at = int.from_bytes(data[4:8], "little")
    last = data.rindex(bytes(4), 0, len(data))
    picture = read(data[:last] + at.to_bytes(4, "little") + data[last + 4 :])
    assert picture.notes == ("only the first of 2 pictures in the file is kept",)


@pytest.mark.parametrize("tag", [(254, 4, 1, 1), (255, 3, 1, 2)])
def test_preview_in_front_of_the_picture_is_refused(tag: tuple[int, int, int, int]) -> None:
    preview = raw_tiff(SMALL, photometric=2, tags=[tag])
    assert "preview of 6x4 pixels" in refused(joined_tiff(preview, WHOLE))


@pytest.mark.parametrize("kind", ["u1", "f4"])
def test_preview_of_a_child_is_refused_marked_or_not(kind: str) -> None:
    preview = raw_tiff(stretched(SMALL, kind), photometric=2)
    assert "preview of 6x4 pixels" in refused(joined_tiff(preview, WHOLE, are_children=True))


def test_smaller_copy_below_the_picture_is_no_loss_but_another_picture_is() -> None:
    copy = raw_tiff(SMALL, photometric=2, tags=[(254, 4, 1, 1)])
    assert read(joined_tiff(WHOLE, copy, are_children=True)).notes == ()
    notes = read(joined_tiff(WHOLE, WHOLE, are_children=True)).notes
    assert notes == ("only the first of 2 pictures in the file is kept",)


def test_mask_in_front_of_the_picture_is_refused() -> None:
    mask = raw_tiff(GREY, photometric=1, tags=[(254, 4, 1, 4)])
    assert "is the mask of another one" in refused(joined_tiff(mask, WHOLE))


@pytest.mark.parametrize("are_children", [False, True])
def test_preview_beside_raw_data_is_refused(are_children: bool) -> None:
    for data in (SENSOR, joined_tiff(WHOLE, SENSOR, are_children=are_children)):
        assert "raw data of a camera" in refused(data)


@pytest.mark.parametrize("magic", [b"CR\2\0" + bytes(4), b"IIII\1waR"])
def test_raw_data_that_begin_like_a_plain_tiff_are_refused(magic: bytes) -> None:
    pixels = np.concatenate([np.frombuffer(magic, np.uint8), GREY.ravel()])
    assert "raw data of a camera" in refused(raw_tiff(pixels[None], photometric=1))
