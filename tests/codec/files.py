"""What an encoder gave, as a whole file of a tiny family."""

from __future__ import annotations

import numpy as np

from licodec.codec.encode import Encoded
from licodec.config import QUANTIZER_IDS
from licodec.container.format import Header
from licodec.container.write import write_container


def file_of(
    encoded: Encoded,
    pixels: np.ndarray,
    quality_index: int,
    *,
    synthesis: bytes = bytes(2),
) -> bytes:
    """The file's bytes; pixels are those that were encoded, synthesis is a fingerprint."""
    header = Header(
        family_id=1,
        profile_id=1,
        family_fingerprint=bytes(4),
        synthesis_fingerprint=synthesis,
        width=pixels.shape[1],
        height=pixels.shape[0],
        quality_index=quality_index,
        is_grey=pixels.ndim == 2,
        quantizer_id=QUANTIZER_IDS[encoded.quantizer],
        is_all_coded=encoded.is_all_coded,
    )
    return write_container(header, (), encoded.payload, encoded.symbols)
