"""What Pillow raises about damaged pictures, and its loosely typed values made sure of."""

import struct

from PIL import ImageCms

# What Pillow raises while it unpacks or converts damaged pixels or metadata.
PILLOW_FAULTS: tuple[type[Exception], ...] = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    EOFError,
    MemoryError,
    RuntimeError,
    struct.error,
    ImageCms.PyCMSError,
)


def one_line(error: BaseException) -> str:
    """The text of an exception without line breaks; its class where there is no text."""
    return " ".join(str(error).split()) or type(error).__name__


def bytes_or_none(value: object) -> bytes | None:
    """Metadata as bytes; Pillow and its users hold it as bytes or text, or not at all."""
    if isinstance(value, str):
        value = value.encode()
    return bytes(value) if isinstance(value, bytes | bytearray) and value else None
