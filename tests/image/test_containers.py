"""Parts of WebP, AVIF, JPEG 2000, icons, JPEG and PNG that Pillow passes over are kept or noted."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from licodec.errors import ImageError
from licodec.image.convert import picture_from
from licodec.image.files import read_picture
from licodec.image.icc import DISPLAY_P3, make_profile
from licodec.image.picture import Picture
from tests.image.writers import deep_png, png_chunk, with_chunks
from tests.photos import crop

RGB = crop(64, 48)
ALPHA = np.broadcast_to(np.linspace(0, 255, 64).astype(np.uint8), (48, 64))
P3, DARK_GREY = make_profile(DISPLAY_P3), make_profile(None, 1.8)
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"></x:xmpmeta>'
TURNED = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0)


def saved(name: str, pixels: np.ndarray = RGB, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, name, **options)
    return stream.getvalue()


def read(data: bytes) -> Picture:
    return read_picture(io.BytesIO(data))


def riff(chunks: list[tuple[bytes, bytes]]) -> bytes:
    body = b"".join(
        kind + struct.pack("<I", len(part)) + part + bytes(len(part) % 2) for kind, part in chunks
    )
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def webp_with(flags: int, *chunks: tuple[bytes, bytes], pixels: np.ndarray = RGB) -> bytes:
    webp = saved("WEBP", pixels, lossless=True)
    size = struct.pack("<I", 63)[:3] + struct.pack("<I", 47)[:3]
    rows = webp[20 : 20 + struct.unpack_from("<I", webp, 16)[0]]
    return riff([(b"VP8X", bytes((flags, 0, 0, 0)) + size), (b"VP8L", rows), *chunks])


@pytest.mark.parametrize(
    ("kind", "body", "name"), [(b"ICCP", P3, "ICC profile"), (b"EXIF", TURNED, "EXIF"),
    (b"XMP ", XMP, "XMP")]
)  # fmt: skip
def test_chunk_that_a_webp_does_not_announce_is_noted(kind: bytes, body: bytes, name: str) -> None:
    picture = read(webp_with(0, (kind, body)))
    assert picture.notes == (f"{name} dropped: the header of the WebP does not announce it",)
    np.testing.assert_array_equal(picture.pixels, RGB)
    assert read(webp_with(0x2C, (kind, body))).notes == ()


@pytest.mark.parametrize("flags", [0x02, 0x12])
def test_what_is_around_the_first_frame_of_a_webp_is_transparent(flags: int) -> None:
    still = saved("WEBP", RGB[:10, :20], lossless=True)
    numbers = (4, 5, 19, 9, 100)  # half of left and top, width and height less one, time
    frame = b"".join(struct.pack("<I", number)[:3] for number in numbers) + b"\2" + still[12:]
    size = struct.pack("<I", 63)[:3] + struct.pack("<I", 47)[:3]
    head = (b"VP8X", bytes((flags, 0, 0, 0)) + size)
    picture = read(riff([head, (b"ANIM", bytes(6)), (b"ANMF", frame)]))
    expected = np.zeros((48, 64), np.uint8)
    expected[10:20, 8:28] = 255
    np.testing.assert_array_equal(picture.alpha, expected)
    np.testing.assert_array_equal(picture.pixels[10:20, 8:28], RGB[:10, :20])


@pytest.mark.parametrize("name", ["WEBP", "AVIF"])
def test_bytes_behind_webp_and_avif_are_noted(name: str) -> None:
    data = saved(name)
    assert read(data + bytes(9)).notes == ()
    assert read(data + b"secret").notes == ("6 bytes behind the end of the picture dropped",)
    assert "behind the end" in read(data + b"\0\0\0\x18ftypmp42" + bytes(16)).notes[0]


def test_grey_profile_of_a_format_without_grey_is_kept() -> None:
    grey = np.repeat(RGB[:, :, :1], 3, 2)
    picture = read(webp_with(0x20, (b"ICCP", DARK_GREY), pixels=grey))
    assert (picture.icc, picture.notes) == (DARK_GREY, ())
    np.testing.assert_array_equal(picture.pixels, RGB[:, :, 0])
    assert "is for GRAY pixels" in read(webp_with(0x20, (b"ICCP", DARK_GREY))).notes[0]


def test_video_box_of_an_avif_is_noted() -> None:
    (note,) = read(saved("AVIF") + struct.pack(">I4s", 16, b"mpvd") + bytes(8)).notes
    assert note.startswith("video of a motion photo dropped")


def avif_with(avif: bytes, parents: tuple[bytes, ...], kind: bytes, body: bytes) -> bytes:
    """A box more at the end of the last parent; the places of what follows are moved."""
    added = struct.pack(">I4s", 8 + len(body), kind) + body
    data = bytearray(avif)
    iloc = avif.index(b"iloc")
    (num_items,) = struct.unpack_from(">H", avif, iloc + 10)
    numbers = [avif.index(name) - 4 for name in parents]  # lengths of boxes
    numbers += [iloc + 12 + item * 14 + 6 for item in range(num_items)]  # places of items
    for place in numbers:
        struct.pack_into(">I", data, place, struct.unpack_from(">I", data, place)[0] + len(added))
    start = avif.index(parents[-1]) - 4
    end = start + struct.unpack_from(">I", avif, start)[0]
    data[end:end] = added
    return bytes(data)


def avif_with_property(kind: bytes, body: bytes) -> bytes:
    return avif_with(saved("AVIF"), (b"meta", b"iprp", b"ipco"), kind, body)


def test_gain_map_of_an_avif_is_noted() -> None:
    item = struct.pack(">IHH4sx", 2 << 24, 99, 0, b"tmap")
    avif = bytearray(avif_with(saved("AVIF"), (b"meta", b"iinf"), b"infe", item))
    place = avif.index(b"iinf") + 8
    struct.pack_into(">H", avif, place, struct.unpack_from(">H", avif, place)[0] + 1)
    picture = read(bytes(avif))
    assert picture.notes == (
        "gain map (high dynamic range) dropped: a .lic file has no place for it",
    )
    np.testing.assert_array_equal(picture.pixels, read(saved("AVIF")).pixels)


def test_crop_and_shape_of_avif_pixels_are_noted() -> None:
    clap = avif_with_property(b"clap", struct.pack(">8I", 32, 1, 24, 1, 0, 1, 0, 1))
    assert read(clap).notes == ("crop (clean aperture) of the AVIF is not applied",)
    pasp = avif_with_property(b"pasp", struct.pack(">2I", 2, 1))
    assert "aspect ratio 2:1" in read(pasp).notes[0]
    assert read(avif_with_property(b"pasp", struct.pack(">2I", 1, 1))).notes == ()


def boxes(data: bytes) -> list[tuple[bytes, bytes]]:
    found, offset = [], 0
    while offset < len(data):
        length, kind = struct.unpack_from(">I4s", data, offset)
        end = offset + length if length else len(data)
        found.append((kind, data[offset + 8 : end]))
        offset = end
    return found


def joined(parts: list[tuple[bytes, bytes]]) -> bytes:
    return b"".join(struct.pack(">I4s", 8 + len(body), kind) + body for kind, body in parts)


XMP_BOX = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
IPTC_BOX = bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38")


@pytest.mark.parametrize("is_behind", [False, True])
def test_metadata_of_jpeg_2000_are_kept_or_noted(is_behind: bool) -> None:
    jp2 = boxes(saved("JPEG2000"))
    added = [(b"uuid", XMP_BOX + XMP), (b"uuid", b"JpgTiffExif->JP2" + TURNED)]
    added += [(b"uuid", IPTC_BOX + b"\x1c"), (b"xml ", b"<gml/>")]
    picture = read(joined([*jp2, *added] if is_behind else [*jp2[:-1], *added, jp2[-1]]))
    assert picture.xmp == XMP
    assert picture.exif == TURNED.replace(b"\6\0", b"\1\0")
    assert (picture.width, picture.height) == (48, 64)
    assert picture.notes == ("parts of the JPEG 2000 file dropped: IPTC, xml",)


def test_further_codestream_of_jpeg_2000_is_noted() -> None:
    jp2 = boxes(saved("JPEG2000"))
    assert read(joined([*jp2, jp2[-1]])).notes == (
        "only the first of 2 pictures in the file is kept",
    )


@pytest.mark.parametrize("is_bare", [False, True])
def test_jpeg_2000_of_which_tiles_are_missing_is_refused(is_bare: bool) -> None:
    options = {"tile_size": (32, 16), "quality_mode": "rates", "quality_layers": [20, 5]}
    data = saved("JPEG2000", no_jp2=is_bare, **options)
    places = [i for i in range(len(data)) if data.startswith(b"\xff\x90\0\x0a", i)]
    assert len(places) == 6
    for cut in (*places[1:], len(data) - 2):
        with pytest.raises(ImageError):
            read(data[:cut])


def jp2_with_channels(last: int, colours: tuple[int, int, int] = (1, 2, 3)) -> bytes:
    """Red, green and blue by their numbers, and a channel of that type."""
    rgba = np.dstack([RGB, ALPHA])
    parts = boxes(saved("JPEG2000", rgba))
    kinds = *((i, 0, colour) for i, colour in enumerate(colours)), (3, last, 0)
    channels = struct.pack(">H", 4) + b"".join(struct.pack(">HHH", *kind) for kind in kinds)
    head = [part for part in boxes(dict(parts)[b"jp2h"]) if part[0] != b"cdef"]
    head = joined([*head, (b"cdef", channels)])
    return joined([(kind, head if kind == b"jp2h" else body) for kind, body in parts])


def test_fourth_channel_of_jpeg_2000_is_what_the_file_calls_it() -> None:
    np.testing.assert_array_equal(read(jp2_with_channels(1)).alpha, ALPHA)
    infrared = read(jp2_with_channels(65535))
    assert infrared.notes == ("channel that is neither colour nor alpha dropped",)
    assert infrared.alpha is None
    np.testing.assert_array_equal(infrared.pixels, RGB)
    multiplied = read(jp2_with_channels(2))
    assert multiplied.notes == ("colours divided by alpha",)
    np.testing.assert_array_equal(multiplied.alpha, ALPHA)
    divided = np.minimum(np.rint(RGB[:, 40] * (255 / ALPHA[0, 40])), 255)
    np.testing.assert_array_equal(multiplied.pixels[:, 40], divided)


def icon(*pictures: bytes) -> bytes:
    table, body = struct.pack("<HHH", 0, 1, len(pictures)), b""
    start = 6 + 16 * len(pictures)
    for png in pictures:
        width, height = struct.unpack_from(">II", png, 16)
        place = start + len(body)
        table += struct.pack("<BBBBHHII", width, height, 0, 0, 1, 32, len(png), place)
        body += png
    return table + body


def test_png_in_an_icon_is_read_as_a_png() -> None:
    picture = read(icon(saved("PNG", icc_profile=P3), saved("PNG", RGB[:16, :16])))
    assert picture.icc == P3
    assert picture.notes == ("only the largest of 2 pictures in the file is kept",)
    assert read(icon(deep_png(RGB.astype(np.uint16)))).notes == (
        "16-bit samples reduced to 8 bits",
    )
    few = Image.fromarray(RGB).quantize(16)
    stream = io.BytesIO()
    few.save(stream, "PNG", transparency=bytes(range(0, 256, 16)))
    levels = np.arange(0, 256, 16, dtype=np.uint8)[np.asarray(few)]
    np.testing.assert_array_equal(read(icon(stream.getvalue())).alpha, levels)


def test_icon_that_was_changed_after_opening_stays_changed() -> None:
    image = Image.open(io.BytesIO(icon(saved("PNG"))))
    image.putpixel((0, 0), (1, 2, 3))
    assert picture_from(image).pixels[0, 0].tolist() == [1, 2, 3]


def test_grey_tga_without_alpha_bits_is_opaque() -> None:
    samples = np.dstack([RGB[:, :, 0], np.full((48, 64), 9, np.uint8)])
    head = struct.pack("<3B5x4HBB", 0, 0, 3, 0, 0, 64, 48, 16, 0x20)
    assert read(head + samples.tobytes()).alpha is None
    assert read(head[:-1] + b"\x28" + samples.tobytes()).alpha is not None


@pytest.mark.parametrize("kind", [2, 10])
def test_set_bit_of_a_16_bit_tga_is_opaque(kind: int) -> None:
    packed = b"\x01" * (kind == 10) + struct.pack("<2H", 0x8000 | 31 << 10, 31)
    head = struct.pack("<3B5x4HBB", 0, 0, kind, 0, 0, 2, 1, 16, 0x21)
    picture = read_picture(io.BytesIO(head + packed), keeps_hidden=True)
    assert picture.pixels.tolist() == [[[255, 0, 0], [0, 0, 255]]]
    assert picture.alpha is not None
    assert picture.alpha.tolist() == [[255, 0]]


def test_bmp_of_5_and_6_bits_claims_no_16_bits() -> None:
    masks = struct.pack("<3I", 0xF800, 0x07E0, 0x001F)
    head = struct.pack("<IiiHHIIiiII", 40, 2, 1, 1, 16, 3, 4, 0, 0, 0, 0)
    bmp = b"BM" + struct.pack("<IHHI", 70, 0, 0, 66) + head + masks + b"\0\xf8\x1f\0"
    picture = read(bmp)
    assert picture.notes == ()
    assert picture.pixels.tolist() == [[[255, 0, 0], [0, 0, 255]]]


def jpeg_with(*segments: tuple[int, bytes]) -> bytes:
    jpeg = saved("JPEG")
    made = b"".join(bytes((0xFF, m)) + struct.pack(">H", len(b) + 2) + b for m, b in segments)
    return jpeg[:2] + made + jpeg[2:]


def test_segments_of_jpeg_that_nobody_keeps_are_noted() -> None:
    data = jpeg_with((0xE1, b"FLIR\0\1" + bytes(99)), (0xE3, bytes(9)), (0xEA, b"AROT\0\0"))
    assert read(data).notes == ("JPEG segments dropped: APP1 FLIR, APP3, APP10 AROT",)
    xmp = (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP)
    assert read(jpeg_with(xmp, xmp)).notes == ("JPEG segments dropped: further XMP",)
    harmless = ((0xEC, b"Ducky\0\1"), (0xE0, b"JFXX\0\x13"), (0xE5, b""), xmp)
    assert read(jpeg_with(*harmless)).notes == ()


def test_chunks_of_png_that_nobody_keeps_are_noted() -> None:
    png = with_chunks(saved("PNG"), [(b"mkBT", bytes(99)), (b"mkTS", b"x"), (b"iDOT", bytes(28))])
    assert read(png).notes == ("PNG chunks dropped: mkBT, mkTS",)


@pytest.mark.parametrize("kind", [b"tEXt", b"zTXt"])
def test_xmp_in_any_text_of_png_is_kept(kind: bytes) -> None:
    packed = XMP if kind == b"tEXt" else b"\0" + zlib.compress(XMP)
    picture = read(with_chunks(saved("PNG"), [(kind, b"XML:com.adobe.xmp\0" + packed)]))
    assert (picture.xmp, picture.notes) == (XMP, ())


def raw_profile(keyword: bytes, block: bytes) -> tuple[bytes, bytes]:
    return b"tEXt", keyword + b"\0\ngeneric profile\n%8d\n" % len(block) + block.hex().encode()


def test_blocks_that_imagemagick_puts_into_text_are_kept_or_noted() -> None:
    exif = raw_profile(b"Raw profile type APP1", b"Exif\0\0" + TURNED)
    assert read(with_chunks(saved("PNG"), [exif])).width == 48
    xmp = raw_profile(b"Raw profile type APP1", b"http://ns.adobe.com/xap/1.0/\0" + XMP)
    assert read(with_chunks(saved("PNG"), [xmp])).xmp == XMP
    broken = (b"tEXt", b"Raw profile type exif\0junk")
    assert read(with_chunks(saved("PNG"), [broken])).notes == (
        "EXIF in PNG text is unreadable and dropped",
    )


def test_profile_behind_the_rows_of_a_png_is_kept() -> None:
    png = saved("PNG")
    chunk = png_chunk(b"iCCP", b"x\0\0" + zlib.compress(P3))
    picture = read(png[:-12] + chunk + png[-12:])
    assert (picture.icc, picture.notes) == (P3, ())


def test_clipping_path_of_a_jpeg_is_noted() -> None:
    path = b"Photoshop 3.0\0" + b"8BIM" + struct.pack(">H2xI", 2000, 26) + bytes(26)
    (note,) = read(jpeg_with((0xED, path))).notes
    assert note.startswith("clipping path dropped")


@pytest.mark.parametrize("colours", [(3, 2, 1), (2, 3, 1)])
def test_colours_of_jpeg_2000_stand_where_the_file_says(colours: tuple[int, int, int]) -> None:
    picture = read_picture(io.BytesIO(jp2_with_channels(1, colours)), keeps_hidden=True)
    for channel, colour in enumerate(colours):
        np.testing.assert_array_equal(picture.pixels[:, :, colour - 1], RGB[:, :, channel])


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "I;16"])
def test_further_pictures_of_a_pnm_are_noted(mode: str) -> None:
    stream = io.BytesIO()
    image = Image.fromarray(RGB)
    image = (
        Image.fromarray(RGB[:, :, 0].astype(np.uint16)) if mode == "I;16" else image.convert(mode)
    )
    image.save(stream, "PPM")
    data = stream.getvalue()
    alone = read(data).notes
    note = f"{len(data):,} bytes behind the end of the picture dropped"
    assert read(data + data).notes == (*alone, note)
    assert read(data.replace(b"\n", b"\n# made by hand\n", 1)).notes == alone
