"""Files that are no pictures to licodec, by first bytes and names, and pictures for .lic files."""

from licodec.container.format import MAGIC_BYTES
from licodec.errors import NotLicodecFileError

_PNG = b"\x89PNG\r\n\x1a\n"
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


def unread(name: str, way: str = "convert it to PNG first") -> str:
    """The message for a whole file of a kind that is not read."""
    return f"is {name}, which licodec does not read; {way}"


_HEIC = unread("HEIC", "convert it to PNG or JPEG first")
_JXL = unread("JPEG XL", "convert it to PNG with djxl")
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
    (0, _PNG, "is a damaged PNG; get it again"),
    (0, b"\x89PNG", "is a PNG that was changed on the way, as text is; get it again"),
    (0, b"II\xbc", unread("JPEG XR")),
    (4, b"ftyphei", _HEIC),
    (4, b"ftyphev", _HEIC),
    (4, b"ftypmif1", _HEIC),
    (4, b"ftypmsf1", _HEIC),
    (4, b"ftypavc", unread("HEIF with H.264", "convert it to PNG or JPEG first")),
    (4, b"ftypvvi", unread("HEIF with H.266", "convert it to PNG or JPEG first")),
    *((4, b"ftyp" + brand, _VIDEO) for brand in (b"mp4", b"iso", b"qt", b"M4V", b"3gp", b"MSNV")),
    (8, b"AVI ", _VIDEO),
    (0, b"\x1aE\xdf\xa3", _VIDEO),
    (4, b"JXL ", _JXL),
    (0, b"\xff\x0a", _JXL),
    (0, b"8BPS", unread("a Photoshop document")),
    (0, b"gimp xcf", unread("a GIMP document")),
    (0, b"v/1\x01", unread("OpenEXR")),
    (0, b"DDS ", unread("a DirectDraw surface")),
    (0, b"icns", unread("an icon of macOS")),
    (0, b"\0\0\2\0\1\0", unread("a cursor")),  # TGA begins with the first four, too
    (0, b"\x59\xa6\x6a\x95", unread("Sun raster")),
    (0, b"SIMPLE  =", unread("FITS")),
    (0, b"P7\n", unread("PAM")),
    (0, b"P7 332", unread("an XV thumbnail")),
    (0, b"PF\n", unread("PFM of colours")),
    (0, b"AT&TFORM", unread("DjVu")),
    (0, b"FLIF", unread("FLIF")),
    (0, b"BPG\xfb", unread("BPG")),
    (0, b"/* XPM */", unread("XPM")),
    (0, b"#?RADIANCE", unread("Radiance HDR")),
    (0, b"\xff\x10\xff\x50", unread("JPEG XS")),
    (0, b"\x8aMNG", unread("MNG")),
    (0, b"\x8bJNG", unread("JNG")),
    (0, b"BA", unread("a bitmap array of OS/2")),
    (0, b"SDPX", unread("DPX")),
    (0, b"XPDS", unread("DPX")),
    (0, b"farbfeld", unread("farbfeld")),
    (0, b"\xabKTX", unread("KTX")),
    (0, b"\xd7\xcd\xc6\x9a", unread("a Windows metafile")),
    (8, b"ACON", unread("an animated cursor")),
    (128, b"DICM", unread("DICOM")),
    (0, b"PK\3\4", "is a ZIP archive; unpack it first"),
    (0, b"\x1f\x8b", "is packed with gzip; unpack it first"),
    (0, b"version https://git-lfs", "is a pointer of Git LFS; get the picture with git lfs pull"),
    *((0, start, _WEB_PAGE) for start in (b"<!DOCTYPE", b"<!doctype", b"<html", b"<HTML")),
    (0, bytes(16), _ZEROS),
    (0, b"%PDF", unread("PDF")),
    (0, b"%!PS", unread("PostScript")),
    (0, b"<svg", unread("SVG")),
    (0, b"<?xml", unread("XML, such as SVG")),
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
    for start, name in ((_PNG, "PNG"), (b"\xff\xd8\xff", "JPEG")):
        place = head.find(start)
        if place > 0:
            return f"has {place} other bytes in front of a {name}; remove them or get it again"
    return _OTHER


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
