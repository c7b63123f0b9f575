"""Finds what a picture file that Pillow has open says beside its pixels.

Pillow hands over 8-bit samples and says nothing about the rest: how many bits a sample had, which
colours AVIF and PNG mean where they name them by numbers, what else is in the file.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from PIL import Image

from licodec.image.bmp import bmp_facts, tga_facts
from licodec.image.boxes import avif_facts, jp2_facts
from licodec.image.facts import NOTHING, Facts
from licodec.image.gif import gif_facts
from licodec.image.ico import icon_facts
from licodec.image.jpeg import jpeg_facts
from licodec.image.original import Data
from licodec.image.png import png_facts
from licodec.image.pnm import pnm_facts
from licodec.image.qoi import qoi_facts
from licodec.image.webp import webp_facts

_READERS: Mapping[str, Callable[[Data], Facts]] = MappingProxyType(
    {
        "JPEG": jpeg_facts,
        "MPO": jpeg_facts,
        "PNG": png_facts,
        "WEBP": webp_facts,
        "GIF": gif_facts,
        "TGA": tga_facts,
        "AVIF": avif_facts,
        "JPEG2000": jp2_facts,
        "QOI": qoi_facts,
    }
)


def facts_of(image: Image.Image, data: Data) -> Facts:
    """What the bytes of an image's file say.

    Args:
        image: opened by Pillow.
        data: its file, or nothing.
    """
    if not data:
        return NOTHING
    if image.format in ("BMP", "DIB"):
        return bmp_facts(data, is_grey=image.mode in ("1", "L"))
    if image.format == "ICO":
        return icon_facts(data, image.size)
    if image.format == "PPM":
        return pnm_facts(image, data)
    reader = _READERS.get(image.format or "")
    return NOTHING if reader is None else reader(data)
