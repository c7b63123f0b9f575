"""Prints checksums of files that are encoded anew.

Run as a script in a process whose instruction set and threads are forced by its environment.
"""

from __future__ import annotations

import json
import sys
import zlib

from licodec.api import Codec
from licodec.config import TUNES
from tests.photos import crop


def encoded_checksums() -> list[str]:
    """CRC-32 in hex of files of each tune: on the padding grid and off it, colour and grey."""
    pictures = [(crop(192, 128), 50), (crop(128, 64, "L"), 80), (crop(101, 136), 90)]
    codecs = [Codec(device="cpu", tune=tune) for tune in TUNES]
    return [
        f"{zlib.crc32(codec.encode(pixels, quality=quality)):08x}"
        for codec in codecs
        for pixels, quality in pictures
    ]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(encoded_checksums()) + "\n")
