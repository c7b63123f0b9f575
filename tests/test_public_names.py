"""What `import licodec` promises."""

import licodec
from licodec.errors import LicodecError


def test_public_names_are_these() -> None:
    assert sorted(licodec.__all__) == [
        "BitstreamError",
        "Codec",
        "CorruptFileError",
        "ImageError",
        "LicodecError",
        "ModelError",
        "NotEnoughMemoryError",
        "NotLicodecFileError",
        "PictureWarning",
        "TargetError",
        "TooLargeError",
        "TrainingError",
        "TruncatedFileError",
        "UnsupportedVersionError",
        "__version__",
        "decode",
        "encode",
        "info",
    ]
    assert set(licodec.__all__) <= set(dir(licodec))


def test_every_public_error_derives_from_licodec_error() -> None:
    errors = [getattr(licodec, name) for name in licodec.__all__ if name.endswith("Error")]
    assert len(errors) == 12
    assert all(issubclass(error, LicodecError) for error in errors)


def test_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(licodec, "compress_everything")
