"""ICC profiles for tests: sRGB from LittleCMS, and a CMYK profile built by hand."""

import itertools
import struct

from PIL import ImageCms


def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def cmyk_profile() -> bytes:
    """CMYK to Lab by one lut8: paper is L* 100, each of C, M, Y alone L* 50, all else L* 0."""
    identity = bytes(range(256))
    lightness = {(0, 0, 0, 0): 255, (1, 0, 0, 0): 128, (0, 1, 0, 0): 128, (0, 0, 1, 0): 128}
    corners = itertools.product((0, 1), repeat=4)  # the last channel, K, varies fastest
    clut = b"".join(bytes((lightness.get(corner, 0), 128, 128)) for corner in corners)
    matrix = struct.pack(">9i", *(65536 if i % 4 == 0 else 0 for i in range(9)))
    lut = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + matrix + identity * 4 + clut + identity * 3
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    tags = ((b"A2B0", lut + bytes(-len(lut) % 4)), (b"wtpt", white))
    offset, table, body = 128 + 4 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, data in tags:
        table += name + struct.pack(">II", offset + len(body), len(data))
        body += data
    size = 128 + len(table) + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x02400000, b"prtr", b"CMYK", b"Lab ")
    head += struct.pack(">6H", 2024, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    head += struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + table + body
