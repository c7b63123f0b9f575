"""What stands behind the picture of a PNM file."""

from PIL import Image

from licodec.image.facts import NOTHING, Facts
from licodec.image.original import Data, stripped


def pnm_facts(image: Image.Image, data: Data) -> Facts:
    """How many bytes those are, of formats that are no text.

    Args:
        image: opened, not loaded.
        data: its file.
    """
    tiles = getattr(image, "tile", ())
    if not tiles or tiles[0].codec_name == "ppm_plain":
        return NOTHING
    args = tiles[0].args
    width, height = image.size
    if image.mode == "1":
        num_bytes = -(-width // 8) * height
    else:
        is_deep = args == "I;16B" or (tiles[0].codec_name == "ppm" and args[-1] > 255)
        sample_bytes = 4 if image.mode == "F" else 2 if is_deep else 1
        num_bytes = width * height * len(image.getbands()) * sample_bytes
    end = tiles[0].offset + num_bytes
    has_others = bool(stripped(data, end, b"\0\n\r "))
    return Facts(num_bytes_behind=len(data) - end if has_others else 0)
