"""What stands behind the picture of a QOI file."""

from licodec.image.facts import Facts
from licodec.image.original import Data, stripped

_MAGIC, _END = b"qoif", b"\0" * 7 + b"\1"


def qoi_facts(data: Data) -> Facts:
    """What follows the end marker.

    That colours are linear, as the header can state, is passed over: Pillow states it of any
    picture that it writes, and the specification calls it informative.
    """
    end = data.rfind(_END) if data[: len(_MAGIC)] == _MAGIC else -1
    return Facts(num_bytes_behind=0 if end < 0 else len(stripped(data, end + len(_END))))
