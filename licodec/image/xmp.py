"""XMP packets rid of claims about what a .lic file does not hold."""

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
# Belong to others of these, and claim nothing of themselves.
_WITH = MappingProxyType({"extended XMP": rb"(?:GDepth|GImage|GAudio):" + _NAME})
_CONTAINERS = (
    rb"ns\.google\.com/photos/1\.0/container/",
    rb"ns\.google\.com/photos/dd/1\.0/container/",
)
_ORIENTATION = re.compile(rb"""(tiff:Orientation\s*(?:=\s*["']|>)\s*)[2-8]""")
_THUMBNAILS = rb"xmp:Thumbnails"
_MAX_ELEMENTS = 1000  # of one name; each takes time that grows with the packet
_MAX_BYTES = 2**20  # larger packets hold data, and claims stand in the first part of a file's XMP
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
    found = {name for name, pattern in CLAIMS.items() if _is_claimed(xmp, name, pattern)}
    for name in found | (set(gone) & set(CLAIMS)):
        if name == "further pictures" and name not in found:
            continue
        patterns = [CLAIMS[name], *([_WITH[name]] if name in _WITH else [])]
        for pattern in patterns:
            xmp = _remove(xmp, pattern)
    return xmp, frozenset(found)


def reset_orientation(xmp: bytes) -> bytes:
    """The packet with orientation 1 wherever it states one; some readers obey it."""
    return _ORIENTATION.sub(rb"\g<1>1", xmp)


def with_size(xmp: bytes, width: int, height: int) -> bytes:
    """The packet of a picture that was turned, cut or made smaller: its size, no thumbnails."""
    if len(xmp) > _MAX_BYTES:
        return xmp
    for pattern, value in ((_WIDTHS, width), (_HEIGHTS, height)):
        xmp = re.sub(rb"(" + pattern + rb"""\s*(?:=\s*["']|>)\s*)\d+""", rb"\g<1>%d" % value, xmp)
    return _remove(xmp, _THUMBNAILS)


def _is_claimed(xmp: bytes, name: str, pattern: bytes) -> bool:
    if name == "further pictures":
        return any(re.search(uri, xmp) for uri in _CONTAINERS) and bool(_search(xmp, pattern))
    found = _search(xmp, pattern)
    if found is None or name != "video":
        return found is not None
    # A camera writes zeros where there is no video.
    return bool(re.search(rb":(?:MotionPhoto|MicroVideo)\s*(?:=\s*[\"']|>)\s*[1-9]", xmp))


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
