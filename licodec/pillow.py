"""Pillow plugin: with `import licodec.pillow`, Pillow opens and saves .lic files.

    import licodec.pillow
    from PIL import Image

    with Image.open("photo.lic") as image:  # size, mode and metadata; no torch
        image.load()                        # pixels
    image.save("small.lic", quality=40)

docs/pillow.md has all options.
"""

from __future__ import annotations

import functools
import numbers
import threading
import warnings
from dataclasses import dataclass
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Any

from PIL import Image, ImageFile

from licodec.config import (
    DEFAULT_CONTENT,
    DEFAULT_PROFILE,
    DEFAULT_TUNE,
    TARGETS,
    check_content,
    tune_of,
)
from licodec.container.format import ALPHA, EXIF, ICC, MAGIC_BYTES, MAX_SIDE_PX, XMP, Container
from licodec.container.read import read_front_from
from licodec.errors import BitstreamError, LicodecError, NotLicodecFileError, PictureWarning
from licodec.image.exif import EXIF_PREFIX, density_in, state_density
from licodec.image.faults import bytes_or_none
from licodec.inspect import check_file, choose_codec, is_lossless, quality_of
from licodec.profiles import family_name, find_profile, profile_name

if TYPE_CHECKING:
    from licodec.api import Codec

FORMAT = "LIC"
MIME_TYPE = "image/x-licodec"

_DECODER = "licodec"
# Pillow's name of each option and key of `info`, and licodec's.
_METADATA_KINDS = MappingProxyType({"icc_profile": "icc", "exif": "exif", "xmp": "xmp"})
_MAX_HALVINGS = 5  # level 6 of the format is the coarsest
_CODING_OPTIONS = ("quality", *TARGETS, "effort", "time_budget", "quantizer", "content")
_NO_LIMIT = MAX_SIDE_PX**2  # Pillow's own limit, Image.MAX_IMAGE_PIXELS, has been applied before
_LOCK = threading.Lock()  # a Codec must not be used by two threads at once


@dataclass
class _Settings:
    """What `register` sets: Pillow has no way to pass options to `Image.open`."""

    profile: str | None = None
    device: str = "auto"


_SETTINGS = _Settings()


def register(*, profile: str | None = None, device: str = "auto") -> None:
    """Register the plugin, as the import does, and choose how pictures are decoded from now on.

    Args:
        profile: synthesis to decode with; None takes the one that a file was made for.
        device: "auto" (CUDA if there is one), "cpu" or "cuda"; for saving, too.

    Raises:
        ModelError: the profile is unknown or not installed.
        ValueError: another device, or "cuda" where torch finds none.
    """
    if profile is not None:
        find_profile(profile)
    if device not in ("auto", "cpu", "cuda"):
        raise ValueError(f"device is {device!r}, expected auto, cpu or cuda")
    if device == "cuda":
        from licodec.codec.device import find_device

        find_device(device)
    _SETTINGS.profile, _SETTINGS.device = profile, device
    Image.register_open(FORMAT, LicImageFile, _accept)
    Image.register_decoder(_DECODER, LicDecoder)
    Image.register_save(FORMAT, _save)
    Image.register_save_all(FORMAT, _save_all)
    Image.register_extension(FORMAT, ".lic")
    Image.register_mime(FORMAT, MIME_TYPE)


class LicImageFile(ImageFile.ImageFile):
    """A .lic file whose front has been read; pixels are decoded at `load`.

    `info` has quality (1.0 to 100.0), profile and, unless the family is unknown here, tune, or
    lossless=True in place of them; icc_profile, exif, xmp and dpi where the file has them.
    """

    format = FORMAT
    format_description = "Learned image codec (licodec)"

    def _open(self) -> None:
        assert self.fp is not None
        try:
            front = read_front_from(self.fp)
        except NotLicodecFileError as error:
            raise SyntaxError(str(error)) from error
        except BitstreamError as error:
            raise OSError(str(error)) from error
        has_alpha = front.section(ALPHA) is not None
        self._size = front.head.width, front.head.height
        self._mode = ("L" if front.head.is_grey else "RGB") + ("A" if has_alpha else "")
        self.info.update(_coding_info(front))
        exif = front.section(EXIF)
        blocks = (
            ("icc_profile", front.section(ICC)),
            ("exif", None if exif is None else EXIF_PREFIX + exif),
            ("xmp", front.section(XMP)),
        )
        self.info |= {key: block for key, block in blocks if block is not None}
        density = density_in(exif)
        self.info |= {} if density is None else {"dpi": density}
        self.tile = [ImageFile._Tile(_DECODER, (0, 0, *self.size), 0, ())]

    def draft(
        self, mode: str | None, size: tuple[int, int] | None
    ) -> tuple[str, tuple[int, int, float, float]] | None:
        """Choose a preview: `load` then decodes the picture at 1/2 to 1/32 of its width and height,
        as small as it can be without falling below `size` (width, height); the mode stays.

        Returns:
            The mode, and the box of the picture in the preview, which is all of it; None if nothing
            is changed. Finer levels are not read, so `load` does not compare the checksum.
        """
        if size is None or len(self.tile) != 1 or self.tile[0].args:
            return None
        from licodec.codec.crop import size_within

        width, height = self.size
        halvings = min(width // max(size[0], 1), height // max(size[1], 1)).bit_length() - 1
        if halvings < 1:
            return None
        max_size = -(-max(self.size) >> min(halvings, _MAX_HALVINGS))
        self._size = size_within(width, height, max_size)
        self.tile = [ImageFile._Tile(_DECODER, (0, 0, *self.size), 0, (max_size,))]
        return self.mode, (0, 0, *self.size)

    def load_seek(self, pos: int) -> None:
        """Go to a place in the file; that this is here keeps `ImageFile.Parser` from decoding
        parts of a file."""
        assert self.fp is not None
        self.fp.seek(pos)

    def verify(self) -> None:
        """Decode the symbols and the alpha plane and compare every checksum; makes no pixels.

        As with other formats, the image cannot be used afterwards.

        Raises:
            OSError: the file is damaged or incomplete, or weights or memory to tell are missing.
            RuntimeError: the pixels have been loaded already.
        """
        if self.fp is None:
            raise RuntimeError("verify must be called directly after open")
        try:
            self.fp.seek(0)
            with _LOCK:
                check_file(self.fp.read(), _NO_LIMIT)
        except LicodecError as error:
            raise OSError(str(error)) from error
        finally:
            super().verify()


class LicDecoder(ImageFile.PyDecoder):
    """Reads a whole file and fills the picture; its argument is the longer side of a preview."""

    _pulls_fd = True

    def decode(self, buffer: object) -> tuple[int, int]:
        assert self.fd is not None
        data = self.fd.read()
        try:
            image = _decode(data, self.args[0] if self.args else None)
        except LicodecError as error:
            raise OSError(str(error)) from error
        self.set_as_raw(image.tobytes())
        return -1, 0


def _coding_info(front: Container) -> dict[str, Any]:
    """What `info` says of the way in which a picture is coded."""
    if front.is_lossless:
        asked = front.lossless_header.asked_quality
        return {"quality": float(asked)} if asked else {"lossless": True}
    header = front.header
    profile = profile_name(header.profile_id) or f"id {header.profile_id}"
    tune = tune_of(family_name(header.family_id))
    found = {"quality": quality_of(header), "profile": profile}
    return found if tune is None else found | {"tune": tune}


def _decode(data: bytes, max_size: int | None) -> Image.Image:
    if is_lossless(data, _NO_LIMIT):
        import licodec

        return licodec.decode(data, max_pixels=_NO_LIMIT, max_size=max_size)
    chosen = choose_codec(data, _SETTINGS.profile, _NO_LIMIT)
    with _LOCK:
        return _codec(*chosen, _SETTINGS.device).decode(data, max_size=max_size)


@functools.lru_cache(maxsize=4)
def _codec(profile: str, tune: str, device: str) -> Codec:
    from licodec.api import Codec

    return Codec(profile, device, tune, max_pixels=_NO_LIMIT)


def _accept(prefix: bytes) -> bool:
    return prefix.startswith(MAGIC_BYTES)


def _save(image: Image.Image, stream: IO[bytes], filename: str | bytes) -> None:
    """Pillow's save handler; options are in `image.encoderinfo`.

    Raises:
        OSError: the picture cannot be converted, the profile is not usable, or the wanted size or
            closeness cannot be reached.
        TypeError: an option that is no number, pair or block where one is expected.
        ValueError: an option out of range, an unknown tune, or two that exclude each other.
    """
    options = image.encoderinfo
    given = {key: _block(key, options[key]) for key in _METADATA_KINDS if key in options}
    kept = [kind for key, kind in _METADATA_KINDS.items() if given.get(key, b"") is not None]
    coding = {key: options[key] for key in _CODING_OPTIONS if key in options}
    own_info = image.info
    try:
        image.info = own_info | {key: block for key, block in given.items() if block is not None}
        if "dpi" in options and _state_density(image, options["dpi"], keeps_exif="exif" in kept):
            kept = sorted({*kept, "exif"})
        if options.get("lossless"):
            data = _encode_lossless(image, kept, **coding)
        else:
            with _LOCK:
                wanted = options.get("profile", DEFAULT_PROFILE), options.get("tune", DEFAULT_TUNE)
                codec = _codec(*wanted, _SETTINGS.device)
                data = codec.encode(image, keep=kept, **coding)
    except LicodecError as error:
        raise OSError(f"cannot write {FORMAT}: {error}") from error
    finally:
        image.info = own_info
    stream.write(data)


def _encode_lossless(
    image: Image.Image,
    kept: list[str],
    *,
    content: str = DEFAULT_CONTENT,
    **others: Any,
) -> bytes:
    """Raises ValueError if there are options that mean nothing to a lossless file."""
    from licodec.lossless import encode_lossless

    check_content(content)
    return encode_lossless(image, keep=kept, **others)


def _save_all(image: Image.Image, stream: IO[bytes], filename: str | bytes) -> None:
    """Pillow's handler for save_all=True: a .lic file holds one picture, the others are told."""
    num_others = len(list(image.encoderinfo.get("append_images") or ()))
    if num_others:
        note = f"only the first of {num_others + 1} pictures is kept: a .lic file holds one"
        warnings.warn(note, PictureWarning, stacklevel=3)
    frame = image.tell()
    image.seek(0)
    try:
        _save(image, stream, filename)
    finally:
        image.seek(frame)


def _state_density(image: Image.Image, dpi: Any, *, keeps_exif: bool) -> bool:
    """Put a `dpi` option into the EXIF block of `image.info`; whether there is something to state.

    Raises:
        TypeError: it is neither None nor a pair of numbers.
    """
    from licodec.image.facts import Facts
    from licodec.image.metadata import exif_of  # loads numpy

    is_pair = isinstance(dpi, tuple | list) and len(dpi) == 2
    if dpi is not None and not (is_pair and all(isinstance(v, numbers.Real) for v in dpi)):
        raise TypeError(f"dpi is {dpi!r}, expected (x, y) in pixels per inch")
    image.info |= {"dpi": dpi}
    raw = bytes_or_none(image.info.get("exif")) if keeps_exif else None
    exif, notes = exif_of(image, raw, Facts()) if keeps_exif else (None, ())
    stated = state_density(exif, dpi)
    if stated is None:
        return False
    for note in notes:
        warnings.warn(note, PictureWarning, stacklevel=4)
    image.info |= {"exif": EXIF_PREFIX + stated, "dpi": None}
    return True


def _block(key: str, value: Any) -> bytes | None:
    """A metadata option as bytes; None where it says that there shall be none."""
    if isinstance(value, Image.Exif):
        value = value.tobytes() if len(value) else None
    if not isinstance(value, bytes | bytearray | str | None):
        raise TypeError(f"{key} is a {type(value).__name__}, expected bytes or None")
    return bytes_or_none(value)


register()
