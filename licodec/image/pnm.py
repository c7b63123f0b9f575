"""PBM, PGM and PPM files: what stands behind their first picture, which may be further ones."""

import re

from licodec.image.facts import Facts
from licodec.image.original import Data

# Kind, width, height and, but for bitmaps, the greatest sample, with comments anywhere between.
_GAP = rb"(?:\s|#[^\r\n]*[\r\n])+"
_BITMAP = re.compile(rb"P4" + _GAP + rb"(\d{1,9})" + _GAP + rb"(\d{1,9})\s")
_SAMPLES = re.compile(
    rb"P([56])" + _GAP + rb"(\d{1,9})" + _GAP + rb"(\d{1,9})" + _GAP + rb"(\d{1,5})\s"
)
_MAX_HEAD_BYTES = 2**12


def pnm_facts(data: Data) -> Facts:
    """Of binary files, the bytes behind the rows of the first picture."""
    head = data[:_MAX_HEAD_BYTES]
    bitmap, samples = _BITMAP.match(head), _SAMPLES.match(head)
    if bitmap:
        end = bitmap.end() + -(-int(bitmap[1]) // 8) * int(bitmap[2])
    elif samples:
        num_channels, sample_bytes = 3 if samples[1] == b"6" else 1, 1 + (int(samples[4]) > 255)
        end = samples.end() + int(samples[2]) * int(samples[3]) * num_channels * sample_bytes
    else:
        return Facts()
    return Facts(num_bytes_behind=len(data[end:].strip(b"\0\r\n ")))
