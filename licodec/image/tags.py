"""EXIF tags that Pillow can write among those of a TIFF file, and read again."""

from typing import Any

from PIL import ExifTags, Image

from licodec.image.directories import Tag
from licodec.image.exif import DENSITY_TAGS
from licodec.image.faults import PILLOW_FAULTS, warnings_silenced
from licodec.names import listed

_GROUPS = (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)
# Tags that describe how a TIFF file stores its pixels, or that are kept elsewhere in a Picture.
_LAYOUT = (
    254, 255, 256, 257, 258, 259, 262, 263, 266, 273, 277, 278, 279, 280, 281, 284, 288, 289,
    290, 291, 292, 293, 297, 301, 317, 318, 319, 320, 322, 323, 324, 325, 330, 332, 333, 334,
    336, 337, 338, 339, 340, 341, 342, 347, 512, 513, 514, 529, 530, 531, 532, 700, 34675,
)  # fmt: skip
_MAX_TAGS = 1000  # each is tried by itself


def writable_tags(tags: Image.Exif) -> tuple[Image.Exif, tuple[str, ...]]:
    """Drop tags of a file's own layout, and those whose values are of a type that no writer takes,
    which the notes name.

    Args:
        tags: read from a block; changed in place, or replaced if nothing helps.
    """
    for tag in _LAYOUT:
        tags.pop(tag, None)
    with warnings_silenced():
        # Pillow calculates with these when it opens a TIFF.
        wrong = [tag for tag in DENSITY_TAGS if tag in tags and not _is_number(tags[tag])]
        for group in (group for group in _GROUPS if group in tags):
            for pointer in _GROUPS:  # they would lead readers in a circle
                tags.get_ifd(group).pop(pointer, None)
        if Tag.ORIENTATION in tags and tags[Tag.ORIENTATION] not in range(1, 9):
            wrong.append(Tag.ORIENTATION)
        for tag in wrong:
            del tags[tag]
        if not _is_writable(tags):
            wrong += _drop_wrong(tags)
        if not _is_writable(tags):
            return Image.Exif(), ("EXIF dropped: its tags cannot be written",)
    if not wrong:
        return tags, ()
    names = listed([f"0x{tag:04x}" for tag in wrong])
    return tags, (f"EXIF tags with values of a wrong type dropped: {names}",)


def _drop_wrong(tags: Image.Exif) -> list[int]:
    wrong = []
    for group in _GROUPS:
        if group not in tags:
            continue
        directory = tags.get_ifd(group)
        for tag, value in list(directory.items())[:_MAX_TAGS]:
            if not _is_writable({group: {tag: value}}):
                del directory[tag]
                wrong.append(tag)
    for tag, value in list(tags.items())[:_MAX_TAGS]:
        if tag not in _GROUPS and not _is_writable({tag: value}):
            del tags[tag]
            wrong.append(tag)
    return wrong


def _is_writable(tags: Any) -> bool:
    """Whether an `Image.Exif`, or one of these values by tag, can be written."""
    trial = tags
    if isinstance(tags, dict):
        trial = Image.Exif()
        trial.update(tags)
    try:
        trial.tobytes()
    except PILLOW_FAULTS:
        return False
    return True


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError, ZeroDivisionError):
        return False
    return not isinstance(value, str | bytes)
