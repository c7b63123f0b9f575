"""Names PNG and JPEG files of kinds that Pillow does not read."""

from licodec.image.jpeg import unread_jpeg
from licodec.image.original import Data
from licodec.image.png import MAGIC, chunks
from licodec.image.strangers import unread


def kind_not_read(data: Data) -> str | None:
    """The message for a PNG or JPEG of a kind that Pillow does not read; else None."""
    if data[12:16] == b"CgBI" and data[: len(MAGIC)] == MAGIC:
        return unread("a PNG as Xcode makes it for iOS (CgBI)", "convert it with pngcrush first")
    if data[: len(MAGIC)] == MAGIC and data[25:26] == b"\3" and not _has_palette(data):
        return "is a PNG without the palette that its rows need; get it again"
    kind = unread_jpeg(data) if data[:2] == b"\xff\xd8" else None
    return None if kind is None else unread(kind)


def _has_palette(png: Data) -> bool:
    """Whether one stands in front of the rows."""
    kinds = [chunk.kind for chunk in chunks(png)]
    return b"PLTE" in kinds[: kinds.index(b"IDAT") if b"IDAT" in kinds else None]
