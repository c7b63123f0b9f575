"""GIF files block by block: profile, XMP, and what stands behind the end."""

from licodec.image.facts import Facts
from licodec.image.original import Data, stripped

_SCREEN_BYTES = 13
_EXTENSION, _PICTURE, _END = 0x21, 0x2C, 0x3B
_APPLICATION = 0xFF
_ICC, _XMP = b"ICCRGBG1012", b"XMP DataXMP"
_XMP_TRAILER_BYTES = 257  # so that readers of blocks find the end of a packet that has none


def gif_facts(data: Data) -> Facts:
    """What application blocks hold; a damaged file gives what comes before the damage."""
    if data[:3] != b"GIF" or len(data) < _SCREEN_BYTES:
        return Facts()
    icc: bytes | None = None
    xmp: bytes | None = None
    has_icc, offset = False, _after_table(data[10], _SCREEN_BYTES)
    while offset < len(data):
        kind = data[offset]
        if kind == _EXTENSION:
            start, end = offset + 2, _after_blocks(data, offset + 2)
            name = data[start + 1 : start + 12]
            is_application = data[offset + 1 : offset + 2] == bytes([_APPLICATION])
            if is_application and name == _ICC:
                has_icc, icc = True, _joined(data, start + 12)
            elif is_application and name == _XMP:
                xmp = data[start + 12 : end - _XMP_TRAILER_BYTES - 1] or None
            offset = end
        elif kind == _PICTURE and offset + 11 < len(data):
            table = _after_table(data[offset + 9], offset + 10)
            offset = _after_blocks(data, table + 1)
        else:
            break
    has_end = offset < len(data) and data[offset] == _END
    num_behind = len(stripped(data, offset + 1)) if has_end else 0
    return Facts(icc=icc, has_icc=has_icc, xmp=xmp, num_bytes_behind=num_behind)


def _after_table(flags: int, offset: int) -> int:
    return offset + (3 << ((flags & 7) + 1) if flags & 0x80 else 0)


def _after_blocks(data: Data, offset: int) -> int:
    while offset < len(data) and data[offset]:
        offset += data[offset] + 1
    return offset + 1


def _joined(data: Data, offset: int) -> bytes:
    found = b""
    while offset < len(data) and data[offset]:
        found += data[offset + 1 : offset + 1 + data[offset]]
        offset += data[offset] + 1
    return found
