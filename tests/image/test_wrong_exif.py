"""EXIF whose values are of wrong types never keeps a picture from being written."""

import io
import random
import struct

import numpy as np
import pytest
from PIL import Image

from licodec.image.exif import find_orientation, load_tags, reset_orientation
from licodec.image.files import read_picture, render_picture
from licodec.image.formats import WRITE_FORMATS
from licodec.image.picture import Picture
from tests.image.writers import with_chunks
from tests.photos import crop

NUM_BLOCKS = 300
ORIENTATION, EXIF_POINTER = 0x0112, 0x8769
# Tags that programs read, with the pointers to further directories.
TAGS = (
    0x0100, 0x0101, 0x0103, 0x010E, 0x010F, 0x0110, 0x0112, 0x011A, 0x011B, 0x0128, 0x0131,
    0x0132, 0x013B, 0x0153, 0x0201, 0x0202, 0x0213, 0x02BC, 0x8298, 0x83BB, 0x8649, 0x8769,
    0x8773, 0x8825, 0x829A, 0x829D, 0x8827, 0x9000, 0x9003, 0x9101, 0x9286, 0xA000, 0xA001,
    0xA002, 0xA003, 0xA005, 0xA20E, 0xC4A5, 0xFDE8,
)  # fmt: skip
TYPE_BYTES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
}


def random_block(seed: int) -> bytes:
    """Two directories of tags of random types and values, with a pointer from one to the other."""
    source = random.Random(seed)
    order = source.choice("<>")
    block = bytearray((b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8))
    first, second = ([source.choice(TAGS) for _ in range(source.randint(1, 9))] for _ in range(2))
    tables, data = [], bytearray()
    start = 8 + 6 + 12 * len(first) + 6 + 12 * len(second)
    for index, tags in enumerate((first, second)):
        table = struct.pack(f"{order}H", len(tags))
        for tag in sorted(tags):
            kind = source.choice((*TYPE_BYTES, 0, 99)) if source.random() < 0.9 else 3
            count = source.choice((0, 1, 1, 2, 3, 5, 9))
            value = source.randbytes(count * TYPE_BYTES.get(kind, 1))
            if tag == EXIF_POINTER and index == 0 and source.random() < 0.7:
                kind, count = 4, 1
                value = struct.pack(f"{order}I", 8 + 6 + 12 * len(first))
            table += struct.pack(f"{order}HHI", tag, kind, count)
            if len(value) <= 4:
                table += value.ljust(4, b"\0")
            else:
                table += struct.pack(f"{order}I", start + len(data))
                data += value
        tables.append(table + bytes(4))
    return bytes(block + b"".join(tables) + data)


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize("name", WRITE_FORMATS)
def test_random_blocks_never_keep_a_picture_from_being_written(name: str) -> None:
    pixels = crop(24, 16)
    for seed in range(NUM_BLOCKS):
        picture = Picture(pixels=pixels, exif=random_block(seed))
        data, notes = render_picture(picture, WRITE_FORMATS[name])
        back = read_picture(io.BytesIO(data))
        assert {back.width, back.height} == {24, 16}, seed
        for note in notes:
            assert "\n" not in note


@pytest.mark.parametrize(
    ("kind", "layout"), [(1, "B"), (3, "H"), (4, "I"), (6, "b"), (8, "h"), (9, "i")]
)
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("name", ["tiff", "avif", "png", "webp", "jpeg"])
def test_orientation_of_any_integer_type_is_applied_and_reset(
    kind: int, layout: str, order: str, name: str
) -> None:
    value = struct.pack(order + layout, 6).ljust(4, b"\0")
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, 1)
    block = head + struct.pack(f"{order}HHI", ORIENTATION, kind, 1) + value + bytes(4)
    assert find_orientation(block) == 6
    jpeg, _ = render_picture(Picture(pixels=crop(24, 16), exif=block), WRITE_FORMATS["jpeg"])
    upright = read_picture(io.BytesIO(jpeg))
    assert (upright.width, upright.height) == (16, 24)
    data, notes = render_picture(upright, WRITE_FORMATS[name])
    assert notes == ()
    back = read_picture(io.BytesIO(data))
    assert (back.width, back.height) == (16, 24)
    assert np.abs(back.pixels.astype(int) - upright.pixels).mean() < 3


def test_tags_of_right_types_stay_where_wrong_ones_are_dropped() -> None:
    maker, wrong = b"maker\0", b"\xff\xfe\xfd\xfc\xfb"
    entries = struct.pack("<HHII", 0x010F, 2, len(maker), 38)
    entries += struct.pack("<HHII", 0x011A, 2, len(wrong), 44)
    block = b"II*\0" + struct.pack("<IH", 8, 2) + entries + bytes(4) + maker + wrong
    data, notes = render_picture(Picture(pixels=crop(8, 8), exif=block), WRITE_FORMATS["tiff"])
    assert notes == ("EXIF tags with values of a wrong type dropped: 0x011a",)
    tags = load_tags(read_picture(io.BytesIO(data)).exif)
    assert tags is not None
    assert tags[0x010F] == "maker"
    assert 0x011A not in tags


@pytest.mark.parametrize(
    ("kind", "values"),
    [(3, (6, 1)), (3, (6, 1, 1)), (4, (6, 1)), (13, (6,)), (1, (6, 1, 1, 1, 1))],
)
@pytest.mark.parametrize("name", ["tiff", "avif", "png", "webp", "jpeg"])
def test_orientation_is_the_first_of_several_values_in_every_format(
    kind: int, values: tuple[int, ...], name: str
) -> None:
    stored = struct.pack(f"<{len(values)}{ {1: 'B', 3: 'H', 4: 'I', 13: 'I'}[kind] }", *values)
    place = stored.ljust(4, b"\0") if len(stored) <= 4 else struct.pack("<I", 26)
    block = b"II*\0" + struct.pack("<IHHHI", 8, 1, ORIENTATION, kind, len(values)) + place
    block += bytes(4) + (stored if len(stored) > 4 else b"")
    jpeg, _ = render_picture(Picture(pixels=crop(24, 16), exif=block), WRITE_FORMATS["jpeg"])
    upright = read_picture(io.BytesIO(jpeg))
    assert (upright.width, upright.height) == (16, 24)
    data, _ = render_picture(upright, WRITE_FORMATS[name])
    back = read_picture(io.BytesIO(data))
    assert (back.width, back.height) == (16, 24)


def test_every_orientation_of_a_block_is_reset() -> None:
    entry = struct.pack("<HHIHH", ORIENTATION, 3, 1, 6, 0)
    block = b"II*\0" + struct.pack("<IH", 8, 2) + entry * 2 + bytes(4)
    assert reset_orientation(block) == block.replace(b"\6\0", b"\1\0")


@pytest.mark.parametrize("num_prefixes", [1, 2, 3])
def test_prefixes_in_front_of_a_block_are_no_part_of_it(num_prefixes: int) -> None:
    block = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, ORIENTATION, 3, 1, 6, 0, 0)
    png, _ = render_picture(Picture(pixels=crop(24, 16)), WRITE_FORMATS["png"])
    chunk = (b"eXIf", b"Exif\0\0" * num_prefixes + block)
    picture = read_picture(io.BytesIO(with_chunks(png, [chunk])))
    assert (picture.width, picture.height) == (16, 24)
    assert picture.exif == reset_orientation(block)


def test_avif_with_an_unreadable_block_is_read_without_it() -> None:
    tags = Image.Exif()
    tags[ORIENTATION], tags[0x010F] = 6, "maker"
    image = Image.fromarray(crop(24, 16))
    stream = io.BytesIO()
    image.save(stream, "AVIF", exif=tags, quality=95)
    data = stream.getvalue()
    assert data.count(b"MM\0*") == 1
    picture = read_picture(io.BytesIO(data.replace(b"MM\0*", b"junk")))
    assert (picture.width, picture.height) == (16, 24)  # by the box, which counts
    assert picture.notes == ("EXIF is unreadable and dropped",)


def test_pointers_of_a_block_to_itself_are_not_written_among_the_tags_of_a_tiff() -> None:
    block = b"II*\0" + struct.pack("<IHHHII", 8, 1, EXIF_POINTER, 4, 1, 8) + bytes(4)
    data, _ = render_picture(Picture(pixels=crop(8, 8), exif=block), WRITE_FORMATS["tiff"])
    with Image.open(io.BytesIO(data)) as image:
        assert EXIF_POINTER not in image.getexif().get_ifd(EXIF_POINTER)
