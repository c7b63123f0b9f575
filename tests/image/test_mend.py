"""Files whose end is missing are read if no pixel is; and refused if one is."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from licodec.errors import ImageError
from licodec.image.convert import picture_from
from licodec.image.files import read_picture
from licodec.image.jpeg import has_all_rows, segments
from tests.image.writers import png_chunk
from tests.photos import crop

RGB = crop(61, 47)
EOI = b"\xff\xd9"


def saved(image: Image.Image, name: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, name, **options)
    return stream.getvalue()


def read(data: bytes) -> tuple[np.ndarray, tuple[str, ...]]:
    picture = read_picture(io.BytesIO(data))
    return picture.pixels, picture.notes


JPEG_OPTIONS = [
    {"quality": 90},
    {"quality": 90, "progressive": True},
    {"quality": 30, "subsampling": "4:4:4"},
    {"quality": 90, "optimize": True, "restart_marker_blocks": 4},
    {"quality": 75, "subsampling": "4:2:2", "progressive": True},
]


@pytest.mark.parametrize("options", JPEG_OPTIONS)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("num_bytes", [1, 2])
def test_jpeg_without_its_end_marker_is_whole(options: dict, mode: str, num_bytes: int) -> None:
    data = saved(Image.fromarray(RGB).convert(mode), "JPEG", **options)
    assert data.endswith(EOI)
    pixels, notes = read(data[:-num_bytes])
    assert any("end marker" in note for note in notes)
    np.testing.assert_array_equal(pixels, read(data)[0])


@pytest.mark.parametrize("options", JPEG_OPTIONS)
@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("share", [0.4, 0.7, 0.9, 0.97])
@pytest.mark.parametrize("is_closed", [False, True])
def test_jpeg_of_which_rows_are_missing_is_refused(
    options: dict, mode: str, share: float, is_closed: bool
) -> None:
    data = saved(Image.fromarray(RGB).convert(mode), "JPEG", **options)
    cut = data[: int(share * len(data))]
    assert not has_all_rows(cut + EOI)
    if is_closed and (options.get("progressive") or share > 0.7):
        return  # something is shown for each row, or for the last block
    with pytest.raises(ImageError):
        read(cut + EOI if is_closed else cut)


def test_jpeg_that_ends_in_true_grey_is_whole() -> None:
    data = saved(Image.new("RGB", (40, 40), (128, 128, 128)), "JPEG", quality=95)
    pixels, notes = read(data)
    assert (pixels == 128).all()
    assert notes == ()


def test_scans_of_a_progressive_jpeg_are_all_needed() -> None:
    data = saved(Image.fromarray(RGB), "JPEG", quality=90, progressive=True)
    scans = [s.start for s in segments(data) if s.marker == 0xDA]
    assert len(scans) > 3
    without_last = data[: scans[-1] - 4]
    assert not has_all_rows(without_last + EOI)
    with pytest.raises(ImageError):
        read(without_last)


def chunks_of(png: bytes) -> list[tuple[bytes, bytes]]:
    found, offset = [], 8
    while offset < len(png):
        length, kind = struct.unpack_from(">I4s", png, offset)
        found.append((kind, png[offset + 8 : offset + 8 + length]))
        offset += 12 + length
    return found


def interlaced(png: bytes) -> bytes:
    """A PNG of the same kind whose rows are those of seven passes."""
    width, height = struct.unpack_from(">II", png, 16)
    samples = RGB[:height, :width]
    rows = b""
    for left, top, x, y in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4),
                            (1, 0, 2, 2), (0, 1, 1, 2)):  # fmt: skip
        part = samples[top::y, left::x]
        rows += b"".join(b"\0" + row.tobytes() for row in part if part.size)
    head = png[16:28] + b"\1"
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return png[:8] + b"".join(png_chunk(kind, body) for kind, body in chunks)


@pytest.mark.parametrize("cut", [1, 4, 12, 13, 16, 20])
@pytest.mark.parametrize("is_interlaced", [False, True])
def test_png_that_ends_behind_its_last_row_is_whole(cut: int, is_interlaced: bool) -> None:
    png = saved(Image.fromarray(RGB), "PNG")
    png = interlaced(png) if is_interlaced else png
    pixels, _ = read(png[:-cut])
    np.testing.assert_array_equal(pixels, RGB)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("is_interlaced", [False, True])
def test_png_of_which_rows_are_missing_is_refused(share: float, is_interlaced: bool) -> None:
    png = saved(Image.fromarray(RGB), "PNG")
    png = interlaced(png) if is_interlaced else png
    with pytest.raises(ImageError):
        read(png[: int(share * len(png))])


@pytest.mark.parametrize("kind", [b"tEXt", b"tIME", b"pHYs", b"gAMA", b"zTXt", b"eXIf", b"prVt"])
@pytest.mark.parametrize("is_behind", [False, True])
def test_wrong_checksum_of_any_ancillary_chunk_costs_that_chunk(
    kind: bytes, is_behind: bool
) -> None:
    chunks = chunks_of(saved(Image.fromarray(RGB), "PNG"))
    place = len(chunks) - 1 if is_behind else 1
    wrong = bytearray(png_chunk(kind, b"Title\0words"))
    wrong[-1] ^= 1
    parts = [png_chunk(*chunk) for chunk in chunks]
    data = b"\x89PNG\r\n\x1a\n" + b"".join([*parts[:place], bytes(wrong), *parts[place:]])
    pixels, notes = read(data)
    np.testing.assert_array_equal(pixels, RGB)
    assert notes == (f"PNG chunk {kind.decode()} has a wrong checksum and is dropped",)


def test_wrong_checksum_of_pixels_is_damage() -> None:
    data = bytearray(saved(Image.fromarray(RGB), "PNG"))
    data[-17] ^= 1  # of IDAT, in front of the end chunk
    with pytest.raises(ImageError):
        read(bytes(data))


def test_gif_without_trailer_is_whole() -> None:
    gif = saved(Image.fromarray(RGB).quantize(16), "GIF")
    assert gif.endswith(b";")
    np.testing.assert_array_equal(read(gif[:-1])[0], read(gif)[0])


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P", "1"])
@pytest.mark.parametrize("is_interlaced", [False, True])
def test_png_whose_data_end_a_row_too_early_is_refused(mode: str, is_interlaced: bool) -> None:
    """Pillow takes the missing rows for zeros where nothing else is wrong."""
    image = Image.fromarray(RGB).convert(mode)
    png = saved(image, "PNG")
    png = interlaced(saved(Image.fromarray(RGB), "PNG")) if is_interlaced else png
    chunks = chunks_of(png)
    rows = zlib.decompress(b"".join(body for kind, body in chunks if kind == b"IDAT"))
    num_bytes = 1 + 61 * 3 if is_interlaced else len(rows) // 47
    short = zlib.compress(rows[:-num_bytes])
    parts = [(kind, short if kind == b"IDAT" else body) for kind, body in chunks]
    with pytest.raises(ImageError, match="rows at its end are missing"):
        read(png[:8] + b"".join(png_chunk(*part) for part in parts))


def test_png_whose_last_row_is_black_is_whole() -> None:
    black = RGB.copy()
    black[-1] = 0
    pixels, notes = read(saved(Image.fromarray(black), "PNG"))
    np.testing.assert_array_equal(pixels, black)
    assert notes == ()


def test_jpeg_cut_at_any_restart_marker_is_refused() -> None:
    data = saved(Image.fromarray(RGB), "JPEG", quality=90, restart_marker_blocks=2)
    places = [i for i in range(len(data)) if data[i] == 0xFF and 0xD0 <= data[i + 1] <= 0xD7]
    assert len(places) > 3
    for place in places:
        for cut in (place, place + 1, place + 2):
            with pytest.raises(ImageError):
                read(data[:cut])


def test_progressive_jpeg_without_its_last_scans_is_noted() -> None:
    data = saved(Image.fromarray(RGB), "JPEG", quality=90, progressive=True)
    scans = [s.start for s in segments(data) if s.marker == 0xDA]
    _, notes = read(data[: scans[-1] - 4] + EOI)
    assert notes == ("scans of the JPEG are missing; it is coarser than it was",)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (b"iCCP", b""),
        (b"iCCP", b"no separator"),
        (b"iCCP", b"name\0\1packed in another way"),
        (b"zTXt", b"name\0\1packed in another way"),
        (b"gAMA", b"\0"),
        (b"cHRM", bytes(12)),
        (b"sRGB", b""),
        (b"pHYs", b"\0"),
        (b"tRNS", b"\0\1"),
        (b"acTL", b"\0"),
    ],
)
@pytest.mark.parametrize("is_behind", [False, True])
def test_ancillary_chunk_that_cannot_be_read_costs_that_chunk(
    kind: bytes, body: bytes, is_behind: bool
) -> None:
    chunks = chunks_of(saved(Image.fromarray(RGB), "PNG"))
    chunks.insert(len(chunks) - 1 if is_behind else 1, (kind, body))
    pixels, notes = read(b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*c) for c in chunks))
    np.testing.assert_array_equal(pixels, RGB)
    assert notes == (f"PNG chunk {kind.decode()} is damaged and is dropped",)


@pytest.mark.parametrize("junk", [b"abc", b"\xff\xe2\0\x0eICC_PROFILE\0"])
def test_jpeg_is_read_without_metadata_that_cannot_be_read(junk: bytes) -> None:
    data = saved(Image.fromarray(RGB), "JPEG", quality=90)
    pixels, notes = read(data[:2] + junk + data[2:])
    np.testing.assert_array_equal(pixels, read(data)[0])
    assert notes == ("metadata of the JPEG are damaged and dropped",)


@pytest.mark.parametrize("name", ["PNG", "JPEG"])
def test_rows_that_are_missing_are_seen_after_loading(name: str, tmp_path: Path) -> None:
    path = tmp_path / "short"
    data = saved(Image.fromarray(RGB), name)
    if name == "PNG":
        rows = zlib.decompress(b"".join(b for kind, b in chunks_of(data) if kind == b"IDAT"))
        short = zlib.compress(rows[: -(1 + 61 * 3)])
        parts = [(kind, short if kind == b"IDAT" else body) for kind, body in chunks_of(data)]
        path.write_bytes(data[:8] + b"".join(png_chunk(*part) for part in parts))
    else:
        path.write_bytes(data[: len(data) * 2 // 3] + EOI)
    with Image.open(path) as image:
        image.load()
        with pytest.raises(ImageError, match="rows at its end are missing"):
            picture_from(image)
