"""The errors that licodec raises on purpose; anything else that escapes is a defect.

    LicodecError
    ├── ImageError                  a picture cannot be read, converted or written
    ├── BitstreamError              a .lic file cannot be decoded
    │   ├── NotLicodecFileError     it does not begin like one
    │   ├── UnsupportedVersionError it needs a newer licodec
    │   ├── TruncatedFileError      it ends too early
    │   ├── CorruptFileError        its bytes contradict each other or the format
    │   └── TooLargeError           it claims more pixels than the limit allows
    ├── ModelError                  unknown profile, missing or mismatching weights
    ├── NotEnoughMemoryError        a picture would need more memory than is free
    ├── TargetError                 no file of the picture has the size or closeness asked for
    └── TrainingError               unusable dataset or checkpoint

`PictureWarning` is no error: it tells what `encode` changes or drops.

Each message is one line: where, what was found against what was expected, what to do.
"""


class LicodecError(Exception):
    """Root of the tree: catch this to catch everything that licodec reports."""


class ImageError(LicodecError):
    """A picture cannot be read, converted or written."""


class BitstreamError(LicodecError):
    """A .lic file cannot be decoded; arbitrary bytes give a picture or one of these."""


class NotLicodecFileError(BitstreamError):
    """The data does not begin with the magic bytes of a .lic file."""


class UnsupportedVersionError(BitstreamError):
    """The file uses a format version or a required feature that this licodec does not know."""


class TruncatedFileError(BitstreamError):
    """The data ends before what it announces is complete."""


class CorruptFileError(BitstreamError):
    """A checksum differs, or a value breaks a rule of the format."""


class TooLargeError(BitstreamError):
    """The header claims more pixels than the limit; the message names the way to raise it."""


class ModelError(LicodecError):
    """Unknown profile, or weights that are missing or are not those that the file names."""


class NotEnoughMemoryError(LicodecError):
    """A picture would need more memory than is free; the message says how much."""


class TargetError(LicodecError):
    """No file of the picture has the size or closeness asked for; the message names the nearest.

    Attributes:
        nearest: what the nearest file has, in the unit of what was asked for; None if nothing was
            measured.
    """

    def __init__(self, message: str, nearest: float | None = None) -> None:
        super().__init__(message)
        self.nearest = nearest


class TrainingError(LicodecError):
    """A dataset or a training checkpoint that cannot be used."""


class PictureWarning(UserWarning):
    """What `encode` changes or drops of a picture before coding; the command line prints it."""
