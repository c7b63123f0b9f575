"""XMP packets rid of claims about what a .lic file does not hold."""

import contextlib
import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

_NAME = rb"[\w.-]+"

# What is gone, by the properties that claim it; the prefix of a name is any.
CLAIMS: Mapping[str, bytes] = MappingProxyType(
    {
        "gain map": rb"(?:hdrgm|HDRGainMap|apdi):" + _NAME,
        "video": _NAME + rb":(?:MotionPhoto\w*|MicroVideo\w*)",
        "further pictures": _NAME + rb":Directory",
        "extended XMP": rb"xmpNote:HasExtendedXMP",
    }
)
# Namespaces of such properties, whose prefixes some programs change.
_NAMESPACES = MappingProxyType(
    {
        "gain map": rb"http://ns\.adobe\.com/hdr-gain-map/1\.0/|"
        rb"http://ns\.apple\.com/(?:HDRGainMap|pixeldatainfo)/1\.0/",
        "orientation": rb"http://ns\.adobe\.com/tiff/1\.0/",
    }
)
# Belong to others of these, and claim nothing of themselves.
_WITH = MappingProxyType(
    {
        "extended XMP": rb"(?:GDepth|GImage|GAudio):" + _NAME,
        "video": _NAME + rb":(?:OLivePhotoVersion|VideoLength)",
    }
)
_CONTAINERS = (
    rb"ns\.google\.com/photos/1\.0/container/",
    rb"ns\.google\.com/photos/dd/1\.0/container/",
)
_THUMBNAILS = rb"xmp:Thumbnails"
_MAX_ELEMENTS = 1000  # of one name; each takes time that grows with the packet
_MAX_BYTES = 2**20  # larger packets hold data, and claims stand in the first part of a file's XMP
# By the first bytes of a packet.
_ENCODINGS = (
    (b"\xff\xfe\0\0", "utf-32-le"), (b"\0\0\xfe\xff", "utf-32-be"), (b"<\0\0\0", "utf-32-le"),
    (b"\0\0\0<", "utf-32-be"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"),
    (b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"),
)  # fmt: skip
_WIDTHS, _HEIGHTS = (
    rb"(?:exif:PixelXDimension|tiff:ImageWidth)",
    rb"(?:exif:PixelYDimension|tiff:ImageLength)",
)


def without_claims(xmp: bytes, gone: Iterable[str] = ()) -> tuple[bytes, frozenset[str]]:
    """Remove properties that promise what only the file beside the packet had.

    Args:
        xmp: a packet of UTF-8 or any other text whose ASCII is ASCII.
        gone: names of `CLAIMS` that the file is known to have had.

    Returns:
        The packet, and the names of what it claimed.
    """
    if len(xmp) > _MAX_BYTES:
        return xmp, frozenset()
    claims = {name: _with_prefixes(xmp, name, pattern) for name, pattern in CLAIMS.items()}
    found = {name for name, pattern in claims.items() if _is_claimed(xmp, name, pattern)}
    for name in found | (set(gone) & set(CLAIMS)):
        if name == "further pictures" and name not in found:
            continue
        patterns = [claims[name], *([_WITH[name]] if name in _WITH else [])]
        for pattern in patterns:
            xmp = _remove(xmp, pattern)
    return xmp, frozenset(found)


def reset_orientation(xmp: bytes) -> bytes:
    """The packet with orientation 1 wherever it states one; some readers obey it."""
    name = _with_prefixes(xmp, "orientation", rb"tiff:" + _NAME).replace(_NAME, rb"Orientation")
    return re.sub(rb"(" + name + rb"""\s*(?:=\s*["']|>)\s*)[2-8]""", rb"\g<1>1", xmp)


def as_utf8(xmp: bytes) -> bytes:
    """The packet in UTF-8 if it is in UTF-16 or UTF-32."""
    for start, encoding in _ENCODINGS:
        if xmp.startswith(start):
            with contextlib.suppress(UnicodeError):
                return xmp.decode(encoding).removeprefix("\ufeff").encode()
            break
    return xmp


def with_size(xmp: bytes, width: int, height: int) -> bytes:
    """The packet of a picture that was turned, cut or made smaller: its size, no thumbnails."""
    if len(xmp) > _MAX_BYTES:
        return xmp
    for pattern, value in ((_WIDTHS, width), (_HEIGHTS, height)):
        xmp = re.sub(rb"(" + pattern + rb"""\s*(?:=\s*["']|>)\s*)\d+""", rb"\g<1>%d" % value, xmp)
    return _remove(xmp, _THUMBNAILS)


def _with_prefixes(xmp: bytes, name: str, pattern: bytes) -> bytes:
    """The pattern of names, and with it those of other prefixes of the same namespaces."""
    if name not in _NAMESPACES:
        return pattern
    declared = rb"\sxmlns:([\w.-]+)\s*=\s*[\"'](?:" + _NAMESPACES[name] + rb")[\"']"
    others = [re.escape(prefix) + rb":" + _NAME for prefix in set(re.findall(declared, xmp))]
    return rb"(?:" + rb"|".join([pattern, *others]) + rb")"


def _is_claimed(xmp: bytes, name: str, pattern: bytes) -> bool:
    if name == "further pictures":
        return any(re.search(uri, xmp) for uri in _CONTAINERS) and bool(_search(xmp, pattern))
    found = _search(xmp, pattern)
    if found is None or name != "video":
        return found is not None
    # A camera writes zeros where there is no video.
    return bool(re.search(rb":(?:MotionPhoto|MicroVideo)\s*(?:=\s*[\"']|>)\s*[1-9Tt]", xmp))


def _search(xmp: bytes, pattern: bytes) -> re.Match[bytes] | None:
    return re.search(rb"[\s<]" + pattern + rb"[\s=>/]", xmp)


def _remove(xmp: bytes, pattern: bytes) -> bytes:
    """Remove attributes and elements of that name, and namespaces that nothing uses any more."""
    before = xmp
    xmp = re.sub(rb"\s" + pattern + rb"""\s*=\s*(?:"[^"]*"|'[^']*')""", b"", xmp)
    xmp = re.sub(rb"<" + pattern + rb"(?:\s[^<>]*)?/>", b"", xmp)
    opening = re.compile(rb"<(" + pattern + rb")(?:\s[^<>]*)?>")
    offset = 0
    for _ in range(_MAX_ELEMENTS):
        found = opening.search(xmp, offset)
        if found is None:
            break
        end = xmp.find(b"</" + found[1], found.end())
        end = xmp.find(b">", end) if end >= 0 else end
        offset = found.end() if end < 0 else found.start()
        xmp = xmp if end < 0 else xmp[: found.start()] + xmp[end + 1 :]
    return xmp if xmp == before else _without_unused_prefixes(xmp, before)


def _without_unused_prefixes(xmp: bytes, before: bytes) -> bytes:
    for prefix in set(re.findall(rb"\sxmlns:([\w.-]+)\s*=", xmp)):
        used = re.compile(rb"[\s</]" + re.escape(prefix) + rb":")
        if used.search(before) and not used.search(xmp):
            declared = rb"\sxmlns:" + re.escape(prefix) + rb"""\s*=\s*(?:"[^"]*"|'[^']*')"""
            xmp = re.sub(declared, b"", xmp)
    return xmp
