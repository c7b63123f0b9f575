"""Decodes all that is coded in a file, to tell whether that can be done, but shows no picture."""

from __future__ import annotations

from licodec.codec.autocast import no_autocast
from licodec.codec.compatibility import check_family
from licodec.codec.decode import decode_planes
from licodec.codec.model import load_family
from licodec.config import MAX_PIXELS
from licodec.container.format import ALPHA, LAYER
from licodec.container.read import read_container
from licodec.graphics.layer import unpack_layer
from licodec.graphics.margins import margins_of
from licodec.image.lossless import unpack_alpha
from licodec.memory import check_memory, decode_bytes
from licodec.profiles import family_name, list_profiles


@no_autocast()
def check_symbols_of(data: bytes, max_pixels: int = MAX_PIXELS) -> None:
    """Decode the alpha plane and all symbols and compare their checksum; no picture is synthesised.

    Raises:
        BitstreamError: not a .lic file, newer, damaged or too large.
        ModelError: the latent family that the file needs is not installed.
        NotEnoughMemoryError: the symbols would not fit into memory.
    """
    container = read_container(data, max_pixels)
    header = container.header
    check_family(header)
    photo = margins_of(container).photo_of(container)
    alpha = container.section(ALPHA)
    layer = container.section(LAYER)
    is_laid = alpha is not None or layer is not None
    num_bytes = decode_bytes(header.width, header.height, has_alpha=is_laid)
    check_memory(header.width, header.height, num_bytes, "free some or use a larger machine")
    if alpha is not None:
        unpack_alpha(alpha, header.width, header.height)
    if layer is not None:
        unpack_layer(layer, header.width, header.height)
    # Symbols depend on the family alone, so that of any of its profiles will do.
    family = family_name(header.family_id)
    assert family is not None  # check_family has found it
    decode_planes(photo, load_family(list_profiles(family)[0]))
