"""What Pillow raises about damaged pictures, and its loosely typed values made sure of."""

import contextlib
import logging
import struct
import threading
import warnings
from collections.abc import Iterator

from PIL import Image, ImageCms

# Held while settings of the whole process are changed: Pillow's limits, Python's warnings.
_SETTINGS_LOCK = threading.RLock()

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


@contextlib.contextmanager
def warnings_silenced() -> Iterator[None]:
    """No warnings, which Pillow gives about damaged metadata; one thread at a time."""
    logger = logging.getLogger("PIL")
    with _SETTINGS_LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        earlier = logger.level
        logger.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            logger.setLevel(earlier)


@contextlib.contextmanager
def pixels_unlimited() -> Iterator[None]:
    """Without Pillow's limit on the pixels of an image; one thread at a time."""
    with _SETTINGS_LOCK:
        earlier = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = earlier


def one_line(error: BaseException) -> str:
    """The text of an exception without line breaks; its class where there is no text."""
    return " ".join(str(error).split()) or type(error).__name__


def bytes_or_none(value: object) -> bytes | None:
    """Metadata as bytes; Pillow and its users hold it as bytes or text, or not at all."""
    if isinstance(value, str):
        value = value.encode()
    return bytes(value) if isinstance(value, bytes | bytearray) and value else None
