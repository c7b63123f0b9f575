"""Files that are no pictures to licodec, by first bytes and names, and pictures for .lic files."""

from licodec.container.format import MAGIC_BYTES
from licodec.errors import NotLicodecFileError
from licodec.image.jpeg import unread_jpeg
from licodec.image.original import Data
from licodec.image.png import MAGIC, chunks

MAX_MAGIC_BYTES = 132
_EMPTY = "is empty; get it again"
_OTHER = (
    "is not a picture in a format that licodec reads, or is damaged; "
    "convert it to PNG with the program that made it"
)
_RAW = "is raw data of a camera, which licodec does not read; develop it to TIFF or PNG first"
_DAMAGED_TIFF = "is a damaged TIFF, or has no picture in its first directory; get it again"


_AVIF = "is an AVIF that is damaged, or of a kind that is not read; convert it to PNG first"
_WEB_PAGE = "is a web page, no picture; download the picture itself"
_VIDEO = "is a video, no picture; save a frame of it as PNG first"
_ZEROS = "is not a picture: its beginning is all zeros; get it again"


def _unread(name: str, way: str = "convert it to PNG first") -> str:
    return f"is {name}, which licodec does not read; {way}"


_HEIC = _unread("HEIC", "convert it to PNG or JPEG first")
_JXL = _unread("JPEG XL", "convert it to PNG with djxl")
_STRANGERS = (
    (0, MAGIC_BYTES, "is a .lic file already; licodec decompress makes a picture of it"),
    (8, b"CR\x02", _RAW),
    (4, b"ftypcrx", _RAW),
    (0, b"FUJIFILMCCD-RAW", _RAW),
    (6, b"HEAPCCDR", _RAW),
    (0, b"IIU\0", _RAW),
    (0, b"IIRO", _RAW),
    (0, b"IIRS", _RAW),
    (0, b"MMOR", _RAW),
    (0, b"FOVb", _RAW),
    (0, b"\0MRM", _RAW),
    (0, b"II*\0", _DAMAGED_TIFF),
    (0, b"MM\0*", _DAMAGED_TIFF),
    (0, MAGIC, "is a damaged PNG; get it again"),
    (0, b"\x89PNG", "is a PNG that was changed on the way, as text is; get it again"),
    (0, b"II\xbc", _unread("JPEG XR")),
    (4, b"ftyphei", _HEIC),
    (4, b"ftyphev", _HEIC),
    (4, b"ftypmif1", _HEIC),
    (4, b"ftypmsf1", _HEIC),
    (4, b"ftypavc", _unread("HEIF with H.264", "convert it to PNG or JPEG first")),
    (4, b"ftypvvi", _unread("HEIF with H.266", "convert it to PNG or JPEG first")),
    *((4, b"ftyp" + brand, _VIDEO) for brand in (b"mp4", b"iso", b"qt", b"M4V", b"3gp", b"MSNV")),
    (8, b"AVI ", _VIDEO),
    (0, b"\x1aE\xdf\xa3", _VIDEO),
    (4, b"JXL ", _JXL),
    (0, b"\xff\x0a", _JXL),
    (0, b"8BPS", _unread("a Photoshop document")),
    (0, b"gimp xcf", _unread("a GIMP document")),
    (0, b"v/1\x01", _unread("OpenEXR")),
    (0, b"DDS ", _unread("a DirectDraw surface")),
    (0, b"icns", _unread("an icon of macOS")),
    (0, b"\0\0\2\0\1\0", _unread("a cursor")),  # TGA begins with the first four, too
    (0, b"\x59\xa6\x6a\x95", _unread("Sun raster")),
    (0, b"SIMPLE  =", _unread("FITS")),
    (0, b"P7\n", _unread("PAM")),
    (0, b"P7 332", _unread("an XV thumbnail")),
    (0, b"PF\n", _unread("PFM of colours")),
    (0, b"AT&TFORM", _unread("DjVu")),
    (0, b"FLIF", _unread("FLIF")),
    (0, b"BPG\xfb", _unread("BPG")),
    (0, b"/* XPM */", _unread("XPM")),
    (0, b"#?RADIANCE", _unread("Radiance HDR")),
    (0, b"\xff\x10\xff\x50", _unread("JPEG XS")),
    (0, b"\x8aMNG", _unread("MNG")),
    (0, b"\x8bJNG", _unread("JNG")),
    (0, b"BA", _unread("a bitmap array of OS/2")),
    (0, b"SDPX", _unread("DPX")),
    (0, b"XPDS", _unread("DPX")),
    (0, b"farbfeld", _unread("farbfeld")),
    (0, b"\xabKTX", _unread("KTX")),
    (0, b"\xd7\xcd\xc6\x9a", _unread("a Windows metafile")),
    (8, b"ACON", _unread("an animated cursor")),
    (128, b"DICM", _unread("DICOM")),
    (0, b"PK\3\4", "is a ZIP archive; unpack it first"),
    (0, b"\x1f\x8b", "is packed with gzip; unpack it first"),
    (0, b"version https://git-lfs", "is a pointer of Git LFS; get the picture with git lfs pull"),
    *((0, start, _WEB_PAGE) for start in (b"<!DOCTYPE", b"<!doctype", b"<html", b"<HTML")),
    (0, bytes(16), _ZEROS),
    (0, b"%PDF", _unread("PDF")),
    (0, b"%!PS", _unread("PostScript")),
    (0, b"<svg", _unread("SVG")),
    (0, b"<?xml", _unread("XML, such as SVG")),
)

_PICTURES = (
    (0, b"\x89PNG", "a PNG"),
    (0, b"\xff\xd8\xff", "a JPEG"),
    (0, b"GIF8", "a GIF"),
    (0, b"II*\0", "a TIFF"),
    (0, b"MM\0*", "a TIFF"),
    (0, b"BM", "a BMP"),
    (8, b"WEBP", "a WebP"),
    (4, b"ftypavif", "an AVIF"),
)

# Files of a folder that are pictures to other programs.
UNREAD_SUFFIXES = frozenset(
    (
        ".heic", ".heics", ".heif", ".heifs", ".hif", ".avci", ".jxl", ".jxr", ".wdp", ".hdp",
        ".psd", ".psb", ".xcf", ".exr", ".hdr", ".svg", ".svgz", ".eps", ".dng", ".cr2", ".cr3",
        ".crw", ".nef", ".nrw", ".arw", ".sr2", ".srf", ".raf", ".orf", ".rw2", ".pef", ".srw",
        ".x3f", ".3fr", ".iiq", ".mrw", ".dcr", ".kdc", ".erf", ".mef", ".mos", ".rwl", ".raw",
        ".fits", ".fit", ".dds", ".icns", ".cur", ".xbm", ".xpm", ".bpg", ".flif", ".vvc", ".gpr",
        ".fff", ".kra", ".ora", ".pdn", ".ai", ".wmf", ".emf", ".jng", ".mng", ".pam", ".ras",
        ".sun", ".djvu",
    )
)  # fmt: skip


def name_stranger(head: bytes) -> str:
    """The message for a file that no reader opens, by its first `MAX_MAGIC_BYTES` bytes."""
    if not head:
        return _EMPTY
    if head[4:8] == b"ftyp" and b"avif" in head[: int.from_bytes(head[:4], "big")]:
        return _AVIF
    for offset, magic, message in _STRANGERS:
        if head.startswith(magic, offset):
            return message
    for start, name in ((MAGIC, "PNG"), (b"\xff\xd8\xff", "JPEG")):
        place = head.find(start)
        if place > 0:
            return f"has {place} other bytes in front of a {name}; remove them or get it again"
    return _OTHER


def _has_palette(png: Data) -> bool:
    """Whether one stands in front of the rows."""
    kinds = [chunk.kind for chunk in chunks(png)]
    return b"PLTE" in kinds[: kinds.index(b"IDAT") if b"IDAT" in kinds else None]


def kind_not_read(data: Data) -> str | None:
    """The message for a PNG or JPEG of a kind that Pillow does not read; else None."""
    if data[12:16] == b"CgBI" and data[: len(MAGIC)] == MAGIC:
        return _unread("a PNG as Xcode makes it for iOS (CgBI)", "convert it with pngcrush first")
    if data[: len(MAGIC)] == MAGIC and data[25:26] == b"\3" and not _has_palette(data):
        return "is a PNG without the palette that its rows need; get it again"
    kind = unread_jpeg(data) if data[:2] == b"\xff\xd8" else None
    return None if kind is None else _unread(kind)


def check_is_lic(data: bytes) -> None:
    """Refuse a picture by its name.

    Args:
        data: a file, or its first bytes.

    Raises:
        NotLicodecFileError: it is a picture, or empty.
    """
    message = name_picture(data) if data else _EMPTY
    if message:
        raise NotLicodecFileError(message)


def name_picture(data: bytes) -> str:
    """The message for a picture where a .lic file is expected; empty for anything else.

    Args:
        data: a file, or its first bytes.
    """
    for offset, magic, name in _PICTURES:
        if data.startswith(magic, offset):
            return f"is {name} file, no .lic file; licodec compress makes a .lic file of it"
    return ""
