"""Colours and parts that containers state where Pillow does not look."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from licodec.image.colours import convert_to_srgb
from licodec.image.files import read_picture
from licodec.image.icc import DISPLAY_P3, PRIMARIES_BY_NUMBER, SRGB, make_profile, mend_profile
from licodec.image.picture import Picture
from tests.image.writers import deep_png, png_chunk, with_chunks
from tests.photos import crop

RGB = crop(24, 16)
P3 = make_profile(DISPLAY_P3)


def saved(name: str, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(RGB).save(stream, name, **options)
    return stream.getvalue()


def read(data: bytes) -> Picture:
    return read_picture(io.BytesIO(data))


@pytest.mark.parametrize("place", ["in front", "behind the rows"])
@pytest.mark.parametrize("icc", [None, make_profile(SRGB, 1.8)])
def test_cicp_counts_wherever_it_stands(place: str, icc: bytes | None) -> None:
    png = saved("PNG", **({} if icc is None else {"icc_profile": icc}))
    chunk = (b"cICP", bytes((12, 13, 0, 1)))
    data = with_chunks(png, [chunk])
    if place == "behind the rows":
        data = png[:-12] + png_chunk(*chunk) + png[-12:]
    assert read(data).icc == P3


def test_cicp_that_states_srgb_takes_the_place_of_a_profile() -> None:
    data = with_chunks(saved("PNG", icc_profile=P3), [(b"cICP", bytes((1, 13, 0, 1)))])
    assert read(data).icc is None
    unspecified = with_chunks(saved("PNG", icc_profile=P3), [(b"cICP", bytes((2, 2, 0, 1)))])
    assert read(unspecified).icc == P3


@pytest.mark.parametrize("primaries", [*PRIMARIES_BY_NUMBER, 2, 99])
@pytest.mark.parametrize("transfer", [1, 4, 5, 8, 13, 16, 17, 18, 99])
def test_every_number_gives_a_usable_profile_or_a_note(primaries: int, transfer: int) -> None:
    data = with_chunks(saved("PNG"), [(b"cICP", bytes((primaries, transfer, 0, 1)))])
    picture = read(data)
    if picture.icc is not None:
        convert_to_srgb(picture.pixels, picture.icc)
    is_known = primaries != 99 and transfer not in (16, 18, 99)
    assert (picture.notes == ()) == is_known
    is_srgb = primaries in (1, 2, 99) and transfer in (1, 13, 16, 18, 99)
    assert (picture.icc is None) == (is_srgb or transfer in (16, 18))


def test_white_of_xyz_primaries_stays_white() -> None:
    icc = make_profile(PRIMARIES_BY_NUMBER[10])
    white = convert_to_srgb(np.full((1, 1, 3), 255, np.uint8), icc)
    assert white.min() >= 253


def test_16_bits_of_narrow_range_are_expanded() -> None:
    wide = (RGB.astype(np.uint16) * 219 // 255 + 16) * 256
    data = with_chunks(deep_png(wide), [(b"cICP", bytes((1, 13, 0, 0)))])
    assert np.abs(read(data).pixels.astype(int) - RGB).max() <= 2


@pytest.mark.parametrize("num_channels", [1, 2, 3, 4])
@pytest.mark.parametrize("way", ["gAMA", "cICP", "iCCP"])
def test_16_bits_in_linear_light_keep_dark_levels(num_channels: int, way: str) -> None:
    levels = np.arange(0, 2048, 8).astype(np.uint16).reshape(16, 16)
    count = 1 if num_channels < 3 else 3
    samples = np.dstack([levels, levels[::-1], levels.T][:count])
    if num_channels in (2, 4):
        samples = np.dstack([samples, np.full((16, 16), 65535, np.uint16)])
    icc = make_profile(None if count == 1 else SRGB, 1.0)
    chunk = {
        "gAMA": (b"gAMA", struct.pack(">I", 100000)),
        "cICP": (b"cICP", bytes((1, 8, 0, 1))),
        "iCCP": (b"iCCP", b"x\0\0" + zlib.compress(icc)),
    }[way]
    picture = read(with_chunks(deep_png(samples), [chunk]))
    light = samples[:, :, 0] / 65535
    wanted = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    found = picture.pixels if picture.is_grey else picture.pixels[:, :, 0]
    np.testing.assert_array_equal(found, np.rint(255 * wanted))
    assert picture.icc is None


def test_profile_of_jpeg_2000_is_kept() -> None:
    jp2 = saved("JPEG2000")
    place = jp2.index(b"colr") - 4
    (length,) = struct.unpack_from(">I", jp2, place)
    box = struct.pack(">I4sBBB", 8 + 3 + len(P3), b"colr", 2, 0, 0) + P3
    head = jp2.index(b"jp2h") - 4
    (head_length,) = struct.unpack_from(">I", jp2, head)
    grown = struct.pack(">I", head_length - length + len(box))
    data = jp2[:head] + grown + jp2[head + 4 : place] + box + jp2[place + length :]
    picture = read(data)
    assert picture.icc == P3
    assert picture.notes == ()


def bmp_of_version_5(kind: bytes, extra: bytes = b"") -> bytes:
    bmp = saved("BMP")
    pixels = bmp[int.from_bytes(bmp[10:14], "little") :]
    ends = struct.pack("<9i3I", *[round(v * 2**30) for v in (
        0.4865, 0.2290, 0.0, 0.2657, 0.6917, 0.0451, 0.1982, 0.0793, 1.0439)],
        *[round(2.2 * 65536)] * 3)  # fmt: skip
    head = struct.pack("<I", 124) + bmp[18:54] + bytes(16) + kind + ends
    head += struct.pack("<IIII", 4, 124 + len(pixels), len(extra), 0)
    return bmp[:2] + bytes(8) + struct.pack("<I", 14 + 124) + head + pixels + extra


def test_primaries_of_bmp_headers_become_a_profile() -> None:
    picture = read(bmp_of_version_5(bytes(4)))
    assert picture.icc is not None
    wanted = convert_to_srgb(RGB, make_profile(DISPLAY_P3, 2.2)).astype(int)
    assert np.abs(convert_to_srgb(picture.pixels, picture.icc) - wanted).max() <= 3


def test_profile_of_a_bmp_is_kept_or_its_loss_is_noted() -> None:
    assert read(bmp_of_version_5(b"DEBM", P3)).icc == P3
    assert read(bmp_of_version_5(b"DEBM", P3[:99])).notes == ("ICC profile is damaged and dropped",)
    linked = read(bmp_of_version_5(b"KNIL", b"C:\\p3.icm\0"))
    assert "in another file" in linked.notes[0]
    assert read(bmp_of_version_5(b"BGRs")).notes == ()


def gif_with(name: bytes, body: bytes) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(RGB).quantize(16).save(stream, "GIF")
    gif = stream.getvalue()
    place = 13 + (3 << ((gif[10] & 7) + 1))
    return gif[:place] + b"!\xff\x0b" + name + body + gif[place:]


def test_blocks_of_gif_are_read() -> None:
    parts = [P3[i : i + 255] for i in range(0, len(P3), 255)]
    blocks = b"".join(bytes([len(part)]) + part for part in parts) + b"\0"
    assert read(gif_with(b"ICCRGBG1012", blocks)).icc == P3
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"></x:xmpmeta>'
    trailer = b"\1" + bytes(range(255, -1, -1)) + b"\0"
    picture = read(gif_with(b"XMP DataXMP", xmp + trailer))
    assert (picture.xmp, picture.notes) == (xmp, ())


@pytest.mark.parametrize("name", ["PNG", "JPEG", "GIF"])
def test_bytes_behind_the_end_are_noted(name: str) -> None:
    data = saved(name) if name != "GIF" else gif_with(b"NETSCAPE2.0", b"\3\1\0\0\0")
    assert read(data + bytes(99)).notes == ()
    assert read(data + b"secret").notes == ("6 bytes behind the end of the picture dropped",)


@pytest.mark.parametrize("word", [b"\0\0\0\x18ftypmp42", b"MotionPhoto_Data"])
def test_video_behind_a_jpeg_is_named_without_xmp(word: bytes) -> None:
    (note,) = read(saved("JPEG") + word + bytes(50)).notes
    assert note.startswith("video of a motion photo dropped")


def test_video_behind_a_jpeg_without_end_marker_is_named() -> None:
    notes = read(saved("JPEG")[:-2] + b"\0\0\0\x18ftypmp42" + bytes(50)).notes
    assert [note.split()[0] for note in notes] == ["end", "video"]


def test_profile_states_the_size_that_it_has() -> None:
    assert mend_profile(P3) == P3
    assert mend_profile(P3 + b"rest") == P3
    assert mend_profile(struct.pack(">I", 9999) + P3[4:]) == P3
    assert mend_profile(P3[:-40]) is None
    assert mend_profile(P3[:130]) is None
    assert mend_profile(b"acsp" * 99) is None


@pytest.mark.parametrize("numbers", [(2, 13, 0, 1), (12, 2, 0, 1)])
def test_cicp_that_leaves_a_part_open_does_not_go_before_a_profile(numbers: tuple) -> None:
    other = make_profile(SRGB, 1.8)
    data = with_chunks(saved("PNG", icc_profile=other), [(b"cICP", bytes(numbers))])
    assert read(data).icc == other


def test_narrow_range_is_expanded_whatever_else_is_unspecified() -> None:
    narrow = Image.fromarray(np.rint(16 + RGB * (219 / 255)).astype(np.uint8))
    stream = io.BytesIO()
    narrow.save(stream, "PNG")
    picture = read(with_chunks(stream.getvalue(), [(b"cICP", bytes((2, 2, 0, 0)))]))
    assert np.abs(picture.pixels.astype(int) - RGB).max() <= 1


def test_narrow_range_in_linear_light_is_expanded_in_linear_light() -> None:
    wide = (RGB.astype(np.uint16) * 219 // 255 + 16) * 256
    picture = read(with_chunks(deep_png(wide), [(b"cICP", bytes((1, 8, 0, 0)))]))
    assert picture.icc == make_profile(SRGB, 1.0)
    assert np.abs(picture.pixels.astype(int) - RGB).max() <= 2


def test_cicp_with_a_wrong_checksum_does_not_count_behind_the_rows() -> None:
    png = saved("PNG", icc_profile=make_profile(SRGB, 1.8))
    chunk = bytearray(png_chunk(b"cICP", bytes((12, 13, 0, 1))))
    chunk[-1] ^= 1
    picture = read(png[:-12] + bytes(chunk) + png[-12:])
    assert picture.icc == make_profile(SRGB, 1.8)
    assert picture.notes == ("PNG chunk cICP has a wrong checksum and is dropped",)


@pytest.mark.parametrize("kind", [b"link", b"abst", b"nmcl"])
def test_profile_that_is_not_of_a_device_is_dropped(kind: bytes) -> None:
    assert mend_profile(P3[:12] + kind + P3[16:]) is None
