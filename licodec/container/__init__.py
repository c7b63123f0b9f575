"""The bytes of a .lic file: header, metadata sections and payload.

`docs/format.md` is the specification. Standard library only.
"""

from licodec.container.format import (
    ALPHA,
    EXIF,
    ICC,
    LAYER,
    MARGINS,
    PHOTO_SECTIONS,
    XMP,
    Container,
    Header,
    LosslessHeader,
    Section,
    section_name,
)
from licodec.container.read import (
    check_crc,
    check_length,
    read_container,
    read_front,
    read_front_from,
)
from licodec.container.write import write_container, write_lossless_container

__all__ = [
    "ALPHA",
    "EXIF",
    "ICC",
    "LAYER",
    "MARGINS",
    "PHOTO_SECTIONS",
    "XMP",
    "Container",
    "Header",
    "LosslessHeader",
    "Section",
    "check_crc",
    "check_length",
    "read_container",
    "read_front",
    "read_front_from",
    "section_name",
    "write_container",
    "write_lossless_container",
]
