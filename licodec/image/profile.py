"""Finds the ICC profile of a picture: the file's own, or one made from what the file states."""

from dataclasses import dataclass

from PIL import Image

from licodec.image.exif import without_prefix
from licodec.image.exif_colours import states_adobe_rgb
from licodec.image.facts import ColourNumbers, Facts
from licodec.image.faults import PILLOW_FAULTS, bytes_or_none
from licodec.image.icc import (
    ADOBE_RGB,
    ADOBE_RGB_GAMMA,
    PRIMARIES_BY_NUMBER,
    SRGB,
    Primaries,
    fit_profile,
    gamma_of_profile,
    make_profile,
    mend_profile,
    profile_space,
    with_srgb_curve,
)

# Power curves up to this are brought to the curve of sRGB before they are cut to 8 bits.
_MAX_LINEAR_GAMMA = 1.4

# Numbers of ITU-T H.273.
_UNSPECIFIED = 2
_SRGB_PRIMARIES = frozenset((1, _UNSPECIFIED))
_GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0, 17: 2.6}
_HDR_TRANSFERS = {16: "PQ", 18: "HLG"}
# BT.709 and its like are shown as sRGB by every program.
_SRGB_TRANSFERS = frozenset((1, _UNSPECIFIED, 6, 7, 11, 12, 13, 14, 15))

_SRGB_GAMMA = 0.45455  # what PNG files with sRGB colours state in gAMA
_GAMMA_TOLERANCE = 0.01
_CHROMATICITY_TOLERANCE = 0.005
_DAMAGED = "ICC profile is damaged and dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedProfile:
    """The profile of a file."""

    icc: bytes | None  # whole and with its right size; of CMYK pixels as it stands there
    space: str | None = None  # the colour space that it is for
    # Exponent from samples to light if it is so near to 1 that 8 bits are too coarse.
    gamma: float | None = None
    notes: tuple[str, ...] = ()


def profile_in(image: Image.Image, facts: Facts) -> StatedProfile:
    """The profile of an image's file, before its pixels are read."""
    found = bytes_or_none(image.info.get("icc_profile")) or facts.icc
    numbers = _numbers_that_count(image, facts, found) if image.format == "PNG" else None
    gamma = _gamma_of_chunk(image) if numbers is None else _GAMMAS.get(numbers.transfer)
    if image.mode == "CMYK":  # whether it can be used is seen when it is
        return StatedProfile(icc=found)
    # Of these Pillow knows that there is one, too, unless someone has removed it.
    is_known = image.format not in ("PNG", "JPEG", "MPO") or "icc_profile" in image.info
    is_damaged = found is None and facts.has_icc and is_known
    icc = None if found is None else mend_profile(found)
    if icc is not None and numbers is None:
        gamma = gamma_of_profile(icc)
    if facts.numbers is not None and not facts.numbers.is_full_range:
        gamma = None  # the range is expanded at 8 bits
    return StatedProfile(
        icc=icc,
        space=None if icc is None else profile_space(icc),
        gamma=None if gamma is None or gamma > _MAX_LINEAR_GAMMA else gamma,
        notes=(_DAMAGED,) if is_damaged or (found is not None and icc is None) else (),
    )


def profile_for(
    image: Image.Image,
    facts: Facts,
    icc: bytes | None,
    *,
    is_grey: bool,
    is_curved: bool = False,
) -> tuple[bytes | None, tuple[str, ...]]:
    """The profile of pixels that are grey or RGB; None if they are sRGB; notes.

    Args:
        image: whose pixels they are.
        facts: of its file. Numbers of a PNG go before its profile, those of an AVIF do not.
        icc: of `profile_in`.
        is_grey: of the pixels.
        is_curved: they were brought to the curve of sRGB.
    """
    notes: tuple[str, ...] = ()
    numbers = _numbers_that_count(image, facts, icc)
    if numbers is not None and numbers.transfer in _HDR_TRANSFERS:
        name = _HDR_TRANSFERS[numbers.transfer]
        if icc is None:
            note = f"high dynamic range ({name}) is taken as sRGB; convert the picture first"
            return None, (note,)
        notes = (f"high dynamic range ({name}) dropped, ICC profile taken",)
    elif numbers is not None or icc is None:
        try:
            primaries, gamma, notes = (
                _colours_of_chunks(image) if numbers is None else _colours_of_numbers(numbers)
            )
            is_srgb = gamma is None and (is_grey or _is_near(primaries, SRGB))
            icc = None if is_srgb else make_profile(None if is_grey else primaries, gamma)
        except PILLOW_FAULTS:
            return None, ("colours that the file states are impossible; taken as sRGB",)
    icc, more = fit_profile(icc, is_grey=is_grey)
    if icc is not None and is_curved:
        icc = with_srgb_curve(icc)
        icc = None if icc in (with_srgb_curve(make_profile(p)) for p in (SRGB, None)) else icc
    return icc, notes + more


def _numbers_that_count(
    image: Image.Image, facts: Facts, icc: bytes | None
) -> ColourNumbers | None:
    """Those that go before what else the file states: a PNG's profile if both are known, chunks
    about colours if one is."""
    numbers = facts.numbers
    if numbers is None:
        return None
    num_unspecified = (numbers.primaries, numbers.transfer).count(_UNSPECIFIED)
    if icc is None:
        return numbers if num_unspecified < 2 else None
    return numbers if num_unspecified == 0 and image.format == "PNG" else None


def _gamma_of_chunk(image: Image.Image) -> float | None:
    """The exponent that a PNG's gAMA states, where no sRGB does."""
    stated = image.info.get("gamma") if image.format == "PNG" else None
    is_usable = isinstance(stated, float) and 0 < stated < 10 and "srgb" not in image.info
    return 1 / float(stated) if stated and is_usable else None


def _colours_of_numbers(
    numbers: ColourNumbers,
) -> tuple[Primaries, float | None, tuple[str, ...]]:
    """Primaries, exponent to light (None: the curve of sRGB) and notes."""
    primaries, transfer = numbers.primaries, numbers.transfer
    notes: tuple[str, ...] = ()
    gamma = _GAMMAS.get(transfer)
    if gamma is None and transfer not in _SRGB_TRANSFERS:
        notes = (f"transfer function {transfer} of the file is taken as that of sRGB",)
    if primaries not in _SRGB_PRIMARIES and primaries not in PRIMARIES_BY_NUMBER:
        notes += (f"primaries {primaries} of the file are taken as those of sRGB",)
    return PRIMARIES_BY_NUMBER.get(primaries, SRGB), gamma, notes


def _colours_of_chunks(
    image: Image.Image,
) -> tuple[Primaries, float | None, tuple[str, ...]]:
    """As `_colours_of_numbers`, from PNG's gAMA and cHRM, unless sRGB is stated, too, or from what
    the EXIF block of a JPEG says."""
    info = image.info
    if image.format in ("JPEG", "MPO") and states_adobe_rgb(_exif_in(image)):
        return ADOBE_RGB, ADOBE_RGB_GAMMA, ()
    if image.format != "PNG" or "srgb" in info:
        return SRGB, None, ()
    gamma = info.get("gamma") or _SRGB_GAMMA
    is_srgb_curve = abs(gamma - _SRGB_GAMMA) <= _GAMMA_TOLERANCE
    points: tuple[float, ...] = info.get("chromaticity", ())
    primaries = Primaries(*zip(points[::2], points[1::2], strict=True)) if points else SRGB
    return primaries, None if is_srgb_curve else 1 / gamma, ()


def _exif_in(image: Image.Image) -> bytes | None:
    exif = bytes_or_none(image.info.get("exif"))
    return None if exif is None else without_prefix(exif)


def _is_near(found: Primaries, wanted: Primaries) -> bool:
    pairs = ((found.white, wanted.white), (found.red, wanted.red), (found.green, wanted.green))
    return all(
        abs(a - b) <= _CHROMATICITY_TOLERANCE
        for point, other in (*pairs, (found.blue, wanted.blue))
        for a, b in zip(point, other, strict=True)
    )
