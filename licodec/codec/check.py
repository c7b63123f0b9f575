"""The bytes of a file in, an error out unless its symbols are those that were written."""

from __future__ import annotations

from licodec.codec.decode import decode_symbols
from licodec.codec.match import check_family
from licodec.codec.model import load_family
from licodec.config import MAX_PIXELS
from licodec.container.read import read_container
from licodec.profiles import find_profile, list_profiles


def check_symbols_of(data: bytes, max_pixels: int = MAX_PIXELS) -> None:
    """Decode all symbols and compare their checksum; the picture itself is not synthesised.

    Raises:
        BitstreamError: not a .lic file, newer, damaged or too large.
        ModelError: the latent family that the file needs is not installed.
    """
    container = read_container(data, max_pixels)
    check_family(container.header)
    # Symbols depend on the family alone, so that of any of its profiles will do.
    decode_symbols(container, load_family(find_profile(list_profiles()[0].name)))
