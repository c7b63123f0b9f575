"""Whether a file is a .lic file, said in the words of whoever has taken it for one."""

from licodec.errors import NotLicodecFileError

_PICTURES = (
    (0, b"\x89PNG", "a PNG"),
    (0, b"\xff\xd8\xff", "a JPEG"),
    (0, b"GIF8", "a GIF"),
    (0, b"II*\0", "a TIFF"),
    (0, b"MM\0*", "a TIFF"),
    (0, b"BM", "a BMP"),
    (8, b"WEBP", "a WebP"),
    (4, b"ftypavif", "an AVIF"),
)


def check_is_lic(data: bytes) -> None:
    """Refuse a picture by its name.

    Args:
        data: a file, or its first bytes.

    Raises:
        NotLicodecFileError: it is a picture, or empty.
    """
    if not data:
        raise NotLicodecFileError("is empty; get it again")
    for offset, magic, name in _PICTURES:
        if data.startswith(magic, offset):
            raise NotLicodecFileError(
                f"is {name} file, no .lic file; licodec compress makes a .lic file of it"
            )
