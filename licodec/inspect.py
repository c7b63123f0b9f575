"""Tells what the front of a .lic file says and what decoding it needs; loads no torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from licodec.codec.compatibility import check_family
from licodec.config import (
    DEFAULT_TUNE,
    FAMILY_IDS,
    MAX_PIXELS,
    PROFILE_IDS,
    tune_of,
)
from licodec.container.format import ALPHA, LAYER, Container, Header, section_name
from licodec.container.read import check_length, read_container, read_front, read_front_from
from licodec.errors import ModelError, NotLicodecFileError
from licodec.image.strangers import name_picture
from licodec.profiles import ProfileInfo, family_name, list_profiles, quality_scale
from licodec.quality_scale import QualityScale

# How a picture is coded: by a latent family, alone or below a layer of what is drawn; or without
# one, as it was or in few colours.
CODINGS = ("photo", "layers", "lossless", "graphics")


@dataclass(frozen=True, slots=True, kw_only=True)
class Info:
    """What a .lic file says about itself, and what this installation can do with it."""

    num_bytes: int  # whole file
    width: int  # pixels
    height: int  # pixels
    is_grey: bool
    has_alpha: bool
    coding: str  # one of CODINGS
    # 1 to 100 on its family's scale, as the file's 256 steps hold it; what the encoder was asked
    # for where it coded without weights and changed pixels; None of a lossless file.
    quality: float | None
    # What follows up to the fingerprint of the synthesis is None in files without weights.
    quality_index: int | None  # 0 to 255
    quantizer: str | None
    family: str | None  # name, or "id 7" if this licodec does not know it
    tune: str | None  # what its family encodes for, None if that is not known
    family_fingerprint: str | None  # 8 hex digits
    profile: str | None  # the one that the file was made for, or "id 7"
    synthesis_fingerprint: str | None  # 4 hex digits: the encoder's synthesis weights
    frame_bytes: int  # everything but sections and payload
    payload_bytes: int  # coded symbols, or the picture without weights
    sections: tuple[tuple[str, int], ...]  # name, bytes in the file
    is_decodable: bool  # the installed family is the one of the file
    notes: tuple[str, ...]  # why it is not decodable, or what differs

    @property
    def bpp(self) -> float:
        """Bits of the whole file per pixel."""
        return 8 * self.num_bytes / (self.width * self.height)


def whole_bytes(data: object) -> bytes:
    """A file as bytes, which what callers hold may only look like.

    Raises:
        NotLicodecFileError: a picture of another format.
        TypeError: a name of a file, or anything else.
    """
    if not isinstance(data, bytes | bytearray | memoryview):
        is_name = isinstance(data, str | Path)
        hint = "; read the file first: open(name, 'rb').read()" if is_name else ""
        raise TypeError(f"data is a {type(data).__name__}, expected the bytes of a .lic file{hint}")
    whole = bytes(data)  # the same object if it is bytes already
    message = name_picture(whole)
    if message:
        raise NotLicodecFileError(f"data {message}")
    return whole


def read_info(data: bytes) -> Info:
    """Describe a whole file.

    Raises:
        BitstreamError: no .lic file, a newer one, or a damaged or incomplete one.
    """
    return describe(read_front(data), len(data))


def read_info_from(stream: BinaryIO, num_bytes: int) -> Info:
    """Describe a file of `num_bytes` from a stream at its start; reads the front only.

    Raises:
        BitstreamError: as from `read_info`.
        OSError: the stream cannot be read.
    """
    return describe(read_front_from(stream), num_bytes)


def describe(front: Container, num_bytes: int) -> Info:
    """Describe a file of `num_bytes` by its front.

    Raises:
        TruncatedFileError, CorruptFileError: the front claims another number of bytes.
    """
    check_length(front, num_bytes)
    if front.is_lossless:
        return _describe_lossless(front, num_bytes)
    header = front.header
    obstacle = _find_obstacle(header)
    notes = (obstacle,) if obstacle else _find_differences(front)
    return Info(
        coding="photo" if front.section(LAYER) is None else "layers",
        num_bytes=num_bytes,
        width=header.width,
        height=header.height,
        is_grey=header.is_grey,
        has_alpha=front.section(ALPHA) is not None,
        quality=quality_of(header),
        quality_index=header.quality_index,
        quantizer=header.quantizer,
        family=_name_of(header.family_id, FAMILY_IDS),
        tune=tune_of(family_name(header.family_id)),
        family_fingerprint=header.family_fingerprint.hex(),
        profile=_name_of(header.profile_id, PROFILE_IDS),
        synthesis_fingerprint=header.synthesis_fingerprint.hex(),
        frame_bytes=front.frame_bytes,
        payload_bytes=front.payload_bytes,
        sections=tuple((section_name(number), size) for number, size in front.section_bytes),
        is_decodable=obstacle is None,
        notes=notes,
    )


def _describe_lossless(front: Container, num_bytes: int) -> Info:
    header = front.lossless_header
    return Info(
        num_bytes=num_bytes,
        width=header.width,
        height=header.height,
        is_grey=header.is_grey,
        has_alpha=front.section(ALPHA) is not None,
        coding="graphics" if header.asked_quality else "lossless",
        quality=float(header.asked_quality) or None,
        quality_index=None,
        quantizer=None,
        family=None,
        tune=None,
        family_fingerprint=None,
        profile=None,
        synthesis_fingerprint=None,
        frame_bytes=front.frame_bytes,
        payload_bytes=front.payload_bytes,
        sections=tuple((section_name(number), size) for number, size in front.section_bytes),
        is_decodable=True,
        notes=(),
    )


def is_lossless(data: bytes, max_pixels: int | None = None) -> bool:
    """Whether a file is one without weights, by its front.

    Raises:
        BitstreamError: a bad front, or more than `max_pixels` pixels.
    """
    return read_front(data, max_pixels).is_lossless


def check_file(data: bytes, max_pixels: int = MAX_PIXELS) -> None:
    """Decode all that is coded in a file and compare its checksums; loads torch if it has symbols.

    Raises:
        BitstreamError: not a .lic file, newer, damaged or too large.
        ModelError: the latent family that the file needs is not installed.
        NotEnoughMemoryError: it would not fit into memory.
    """
    if is_lossless(data, max_pixels):
        from licodec.lossless import decode_lossless

        decode_lossless(read_container(data, max_pixels))
        return
    from licodec.check import check_symbols_of

    check_symbols_of(data, max_pixels)


def quality_of(header: Header) -> float:
    """The quality on its family's scale, with one decimal; on the even one if that is not known."""
    try:
        return quality_scale(family_name(header.family_id)).shown(header.quality_index)
    except ModelError:
        return QualityScale().shown(header.quality_index)


def choose_codec(
    data: bytes, profile: str | None = None, max_pixels: int = MAX_PIXELS
) -> tuple[str, str]:
    """Profile and tune of the `licodec.Codec` that decodes a file without a second family.

    Args:
        profile: to decode with; None takes the one that the file was made for.

    Raises:
        BitstreamError: a bad front, or more than `max_pixels` pixels.
        ModelError: this installation does not have the family or the profile.
    """
    return codec_of(read_front(data, max_pixels).header, profile)


def codec_of(header: Header, profile: str | None = None) -> tuple[str, str]:
    """As `choose_codec`, of a header.

    Raises:
        ModelError: this installation does not have the family or the profile.
    """
    check_family(header)
    family = family_name(header.family_id)
    assert family is not None  # check_family has found it
    tune = tune_of(family) or DEFAULT_TUNE  # of earlier families any codec loads the weights
    if profile is not None:
        return profile, tune
    name = _name_of(header.profile_id, PROFILE_IDS)
    installed = [profile.name for profile in list_profiles(family)]
    if installed and name not in installed:
        raise ModelError(
            f"was made for profile {name}, which is not installed; any profile of its family "
            f"decodes it, for instance {installed[-1]} (option -p, argument profile)"
        )
    return name, tune


def _find_obstacle(header: Header) -> str | None:
    """Why this installation cannot decode the file; None if it can."""
    try:
        check_family(header)
    except ModelError as error:
        return str(error)
    return None


def _find_differences(front: Container) -> tuple[str, ...]:
    """What makes decoded pixels differ from those that the encoder's machine decodes."""
    name = _name_of(front.header.profile_id, PROFILE_IDS)
    profile = _find_installed(name, family_name(front.header.family_id))
    if profile is None:
        return (f"profile {name} is not installed; choose another one of the family to decode",)
    if profile.synthesis_fingerprint != front.header.synthesis_fingerprint:
        made_with = front.header.synthesis_fingerprint.hex()
        decoded_with = profile.synthesis_fingerprint.hex()
        return (f"made with synthesis {made_with}, decoded with {decoded_with}: pixels differ",)
    return ()


def _find_installed(name: str, family: str | None) -> ProfileInfo | None:
    try:
        profiles = () if family is None else list_profiles(family)
        return next((profile for profile in profiles if profile.name == name), None)
    except ModelError:
        return None


def _name_of(number: int, ids: Mapping[str, int]) -> str:
    return next((name for name, known in ids.items() if known == number), f"id {number}")
