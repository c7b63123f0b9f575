"""Files that Pillow refuses for a fault that costs no pixel, made readable."""

import io

from PIL import Image

from licodec.image.jpeg import mend_jpeg
from licodec.image.original import Data
from licodec.image.png import mend_png


def mend(data: Data) -> tuple[Image.Image, tuple[str, ...]] | None:
    """Open a file in place of one that cannot be read; with notes. None if it cannot be mended.

    Raises:
        OSError, ...: `faults.PILLOW_FAULTS`, of a file that has further faults.
    """
    for way, name in ((mend_png, "PNG"), (mend_jpeg, "JPEG")):
        found = way(data)
        if found is not None:
            mended, notes = found
            return Image.open(io.BytesIO(mended), formats=[name]), notes
    return None
