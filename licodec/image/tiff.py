"""TIFF files whose layout Pillow does not read rightly, as arrays of their samples.

Pillow takes signed samples for unsigned, 12 bits for 16, planes of 16 bits for pixels, and knows no
colour of more than 16 bits.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from licodec.errors import ImageError
from licodec.image.directories import LINEAR_RAW, RAW, Tag, Tags, number, numbers
from licodec.image.faults import PILLOW_FAULTS, one_line
from licodec.image.original import Data
from licodec.image.picture import turn
from licodec.image.strips import (
    FLOAT,
    SIGNED,
    UNCOMPRESSED,
    UNPACKED,
    UNSIGNED,
    Frame,
    check_strips,
    read_samples,
)

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, MASK, CMYK, YCBCR = range(7)
CIELAB, ICCLAB, ITULAB = 8, 9, 10
_COLOURS = {
    WHITE_IS_ZERO: 1,
    BLACK_IS_ZERO: 1,
    RGB: 3,
    PALETTE: 1,
    MASK: 1,
    CMYK: 4,
    YCBCR: 3,
    CIELAB: 3,
    ICCLAB: 3,
    ITULAB: 3,
}  # fmt: skip - samples beside extra ones
_READ = (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, CIELAB, ICCLAB)
_UNDEFINED = 4  # sample format, which is read as unsigned
_FORMAT_NAMES = {UNSIGNED: "unsigned", SIGNED: "signed", FLOAT: "floating-point"}
_PHOTOMETRIC_NAMES = {
    WHITE_IS_ZERO: "grey", BLACK_IS_ZERO: "grey", RGB: "RGB", PALETTE: "palette", MASK: "mask",
    CMYK: "CMYK", YCBCR: "YCbCr", CIELAB: "CIELab", ICCLAB: "ICCLab", ITULAB: "ITULab",
    RAW: "raw", LINEAR_RAW: "raw", 32844: "LogL", 32845: "LogLuv", 51177: "depth map",
}  # fmt: skip
_COMPRESSION_NAMES = {
    6: "JPEG", 7: "JPEG", 33003: "JPEG 2000", 33005: "JPEG 2000", 34676: "LogLuv",
    34677: "LogLuv", 34712: "JPEG 2000", 34887: "LERC", 34892: "JPEG", 34933: "PNG",
    34934: "JPEG XR", 50001: "WebP", 50002: "JPEG XL", 52546: "JPEG XL",
}  # fmt: skip
_FAX = (2, 3, 4)
_STRIPS_STATED = UNPACKED | {*_FAX, 7}  # the old kind of JPEG has its own tags
_IN_PILLOW = UNPACKED | {*_FAX, 6, 7, 32771, 32809}
_MAX_NAMES = 4  # of different depths or formats that a message tells
_CMYK_INKS = 1
_GREATEST = frozenset(2**num_bits - 1 for num_bits in range(9, 16))
_MAX_SAMPLES = 16
_MAX_SAMPLE_BYTES = 2**31  # of a picture, before it is reduced to 8 bits
_ASSOCIATED, _UNASSOCIATED = 1, 2
# What Pillow's formula for uncompressed YCbCr is for.
_STANDARD_WEIGHTS = (0.299, 0.587, 0.114)
_FULL_RANGE = (0, 255, 128, 255, 128, 255)


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """The first picture of a file, upright."""

    colours: NDArray[Any]  # (H, W, 1 to 4) of any integer or floating-point type
    alpha: NDArray[Any] | None  # (H, W) of the same type
    is_associated: bool  # colours are multiplied by alpha
    num_bits: int
    kind: int  # UNSIGNED, SIGNED or FLOAT
    photometric: int  # of _READ, but RGB in place of PALETTE
    notes: tuple[str, ...] = ()


def samples_of(
    data: Data, tags: Tags, *, is_open: bool = True, is_deep_read: bool = False
) -> Samples | None:
    """The samples of the first picture if Pillow would not read them rightly; else None.

    Args:
        data: a file.
        tags: of its first directory.
        is_open: whether Pillow opens the file at all.
        is_deep_read: read 16-bit colours, too, which Pillow cuts to 8 bits.

    Raises:
        ImageError: neither Pillow nor this reads the layout, or the file is damaged.
    """
    compression = number(tags, Tag.COMPRESSION, UNCOMPRESSED)
    try:
        if is_open and is_right_in_pillow(tags):
            is_deep = max(numbers(tags, Tag.BITS, 1)) == 16 and photometric_of(tags) == RGB
            if not (is_deep_read and is_deep and compression in UNPACKED):
                if compression in _STRIPS_STATED:
                    check_strips(data, tags)
                return None
        layout = _Layout.of(tags)
        values = turn(read_samples(data, tags, layout.frame), _orientation(tags))
    except PILLOW_FAULTS as error:
        raise ImageError(f"is damaged: {one_line(error)}; get it again") from error
    alpha = None if layout.alpha is None else np.ascontiguousarray(values[:, :, layout.alpha])
    colours = np.ascontiguousarray(values[:, :, : _COLOURS[layout.photometric]])
    num_bits = _num_bits_used(tags) if layout.frame.kind == UNSIGNED else layout.frame.num_bits
    if num_bits < layout.frame.num_bits and values.max() >= 2**num_bits:
        num_bits = layout.frame.num_bits
    is_palette = layout.photometric == PALETTE
    is_stated = Tag.PHOTOMETRIC in tags
    name = _PHOTOMETRIC_NAMES[layout.photometric]
    return Samples(
        colours=_looked_up(colours[:, :, 0], tags) if is_palette else colours,
        alpha=alpha,
        is_associated=layout.is_associated,
        num_bits=8 if is_palette else num_bits,
        kind=layout.frame.kind,
        photometric=RGB if is_palette else layout.photometric,
        notes=() if is_stated else (f"colour model is not stated, taken as {name}",),
    )


def notes_on_channels(tags: Tags) -> tuple[str, ...]:
    """A note where pixels have more samples than colours and alpha."""
    num_samples, photometric = number(tags, Tag.NUM_SAMPLES, 1), photometric_of(tags)
    has_alpha = _alpha_of(tags) is not None
    num_further = num_samples - _COLOURS.get(photometric, num_samples) - has_alpha
    if num_further <= 0:
        return ()
    channels = "channel" if num_further == 1 else "channels"
    return (f"{num_further} {channels} beside the colours dropped",)


def is_right_in_pillow(tags: Tags) -> bool:
    """Whether Pillow, if it opens the file, shows this layout as what it is."""
    bits, kinds = set(numbers(tags, Tag.BITS, 1)), set(numbers(tags, Tag.FORMAT, UNSIGNED))
    photometric = photometric_of(tags)
    compression = number(tags, Tag.COMPRESSION, UNCOMPRESSED)
    is_planar, num_samples = number(tags, Tag.PLANAR, 1) == 2, number(tags, Tag.NUM_SAMPLES, 1)
    if compression not in _IN_PILLOW or len(bits) > 1 or number(tags, Tag.DEPTH, 1) != 1:
        return False
    if photometric == YCBCR and compression in UNPACKED:
        # Which libtiff converts where it unpacks it. By the standard two by two pixels have one
        # sample of colour where nothing is stated; who forgets the tag may mean otherwise.
        is_plain = compression != UNCOMPRESSED or _is_plain_ycbcr(tags)
        return bits == {8} and Tag.YCBCR_SUBSAMPLING in tags and is_plain
    if kinds != {UNSIGNED} or not _is_cmyk_if_inks(tags):
        return False
    if compression in UNPACKED and _num_bits_used(tags) < max(bits):
        return False
    if compression not in UNPACKED:
        return max(bits) <= 8
    # Named files that are no RGB are mapped with rows as long as their columns are.
    is_sheared = _orientation(tags) >= 5 and photometric != RGB
    has_no_rows = number(tags, Tag.ROWS_PER_STRIP, 1) == 0
    if compression == UNCOMPRESSED and (is_sheared or has_no_rows):
        return False
    is_reversed = number(tags, Tag.FILL_ORDER, 1) == 2 and bits != {1}
    if is_reversed or Tag.PHOTOMETRIC not in tags or _ASSOCIATED in numbers(tags, Tag.EXTRA, None):
        return False
    if is_planar and (num_samples > 1 or compression == UNCOMPRESSED):
        return photometric == RGB and bits == {8} and num_samples == 3
    if bits <= {1, 2, 4, 8}:
        return True
    is_deep_grey = photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO)
    has_alpha = bool(numbers(tags, Tag.EXTRA, None))
    is_known = not is_deep_grey or (not has_alpha and (tags.prefix == b"II" or photometric == 1))
    return bits == {16} and is_known and photometric in (0, 1, 2, 3, 5)


def photometric_of(tags: Tags) -> int:
    """The colour model; what libtiff assumes where none is stated."""
    num_samples, compression = number(tags, Tag.NUM_SAMPLES, 1), number(tags, Tag.COMPRESSION, 1)
    grey = WHITE_IS_ZERO if compression in _FAX else BLACK_IS_ZERO
    return number(tags, Tag.PHOTOMETRIC, RGB if num_samples >= 3 else grey)


def palette_of(tags: Tags) -> bytes | None:
    """Red, green and blue by turns of a palette whose writer took 255 for white; else None.

    Pillow takes 65535, as the standard says, and shows such pictures black.
    """
    values = numbers(tags, Tag.COLOUR_MAP, None)
    if not values or len(values) % 3 or not 0 < max(values) < 256 or min(values) < 0:
        return None
    count = len(values) // 3
    return bytes(values[i + plane * count] for i in range(count) for plane in range(3))


def name_of(tags: Tags) -> str:
    """What a message calls the layout."""
    bits, kinds = numbers(tags, Tag.BITS, 1), numbers(tags, Tag.FORMAT, UNSIGNED)
    depth = "/".join(str(b) for b in sorted(set(bits))[:_MAX_NAMES])
    formats = sorted(set(kinds))[:_MAX_NAMES]
    kind = "/".join(_FORMAT_NAMES.get(k, f"format {k}") for k in formats)
    photometric = photometric_of(tags)
    colour = _PHOTOMETRIC_NAMES.get(photometric, f"colour model {photometric}")
    colour = colour if _is_cmyk_if_inks(tags) else "inks that are no CMYK"
    planes = " in planes" if number(tags, Tag.PLANAR, 1) == 2 else ""
    planes += " in slices" if number(tags, Tag.DEPTH, 1) != 1 else ""
    stated = number(tags, Tag.COMPRESSION, UNCOMPRESSED)
    compression = _COMPRESSION_NAMES.get(stated, str(stated))
    count = number(tags, Tag.NUM_SAMPLES, 1)
    return f"{count} x {depth}-bit {kind} {colour}{planes}, compression {compression}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """What the tags of a readable file say."""

    frame: Frame
    photometric: int
    alpha: int | None  # its place among the samples
    is_associated: bool

    @classmethod
    def of(cls, tags: Tags) -> "_Layout":
        """Raises ImageError for a layout that is not read here."""
        bits, kinds = set(numbers(tags, Tag.BITS, 1)), set(numbers(tags, Tag.FORMAT, UNSIGNED))
        frame = Frame.of(tags, max(bits), UNSIGNED if kinds == {_UNDEFINED} else max(kinds))
        photometric = photometric_of(tags)
        if len(bits) > 1 or len(kinds) > 1 or not _is_readable(tags, frame, photometric):
            raise ImageError(
                f"is a TIFF of {name_of(tags)}, which licodec does not read; "
                "save it with 8 or 16 bits per channel"
            )
        num_bytes = frame.width * frame.height * frame.num_samples * frame.num_bits // 8
        if num_bytes > _MAX_SAMPLE_BYTES:
            raise ImageError(
                f"is a TIFF of {name_of(tags)} with {num_bytes:,} bytes of samples, the limit is "
                f"{_MAX_SAMPLE_BYTES:,}; save it with 8 bits per channel"
            )
        alpha = _alpha_of(tags)
        return cls(
            frame=frame,
            photometric=photometric,
            alpha=None if alpha is None else alpha[0],
            is_associated=alpha is not None and alpha[1] == _ASSOCIATED,
        )


def _is_readable(tags: Tags, frame: Frame, photometric: int) -> bool:
    """Whether samples of one kind are read here."""
    num_bits, kind = frame.num_bits, frame.kind
    return (
        photometric in _READ
        and _COLOURS[photometric] <= frame.num_samples <= _MAX_SAMPLES
        and number(tags, Tag.COMPRESSION, UNCOMPRESSED) in UNPACKED
        and kind in _FORMAT_NAMES
        and (num_bits in (16, 32, 64) if kind == FLOAT else 1 <= num_bits <= 32)
        and not (kind == SIGNED and num_bits not in (8, 16, 32))
        and (frame.num_samples == 1 or Tag.BITS in tags)
        and number(tags, Tag.DEPTH, 1) == 1
        and _is_readable_model(tags, photometric, num_bits, kind)
        and frame.width > 0 < frame.height
    )


def _is_readable_model(tags: Tags, photometric: int, num_bits: int, kind: int) -> bool:
    """Whether samples of that kind are read of colour models that are not plain numbers."""
    if photometric in (CIELAB, ICCLAB):
        return kind == UNSIGNED and num_bits in (8, 16)
    if photometric == PALETTE:
        is_depth_read = num_bits == 8 or (num_bits < 8 and _alpha_of(tags) is None)
        return is_depth_read and kind == UNSIGNED and _colour_map(tags).size > 0
    return _is_cmyk_if_inks(tags)


def _alpha_of(tags: Tags) -> tuple[int, int] | None:
    """Place and kind of the sample that is alpha, the fourth of RGB where nothing is said."""
    extra, photometric = numbers(tags, Tag.EXTRA, None), photometric_of(tags)
    num_samples = number(tags, Tag.NUM_SAMPLES, 1)
    if not extra and photometric == RGB and num_samples == 4:
        extra = (_UNASSOCIATED,)
    first = _COLOURS.get(photometric, num_samples)
    found = enumerate(extra[: num_samples - first], first)
    return next((pair for pair in found if pair[1] in (_ASSOCIATED, _UNASSOCIATED)), None)


def _colour_map(tags: Tags) -> NDArray[np.uint8]:
    """(colours, 3) of a palette; none where it is missing."""
    mended = palette_of(tags)
    if mended is not None:
        return np.frombuffer(mended, np.uint8).reshape(-1, 3)
    values = np.array(numbers(tags, Tag.COLOUR_MAP, None), np.uint16)
    return (values[: len(values) // 3 * 3].reshape(3, -1).T >> 8).astype(np.uint8)


def _looked_up(indices: NDArray[Any], tags: Tags) -> NDArray[np.uint8]:
    """(H, W, 3) colours of (H, W) indices; those beyond the palette have its last colour."""
    palette = _colour_map(tags)
    colours: NDArray[np.uint8] = palette[np.minimum(indices, len(palette) - 1)]
    return colours


def _num_bits_used(tags: Tags) -> int:
    """Of 16 bits of grey or RGB, where the greatest sample is stated as 1023, 4095 and the like."""
    num_bits = number(tags, Tag.BITS, 1)
    if num_bits != 16 or photometric_of(tags) not in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB):
        return num_bits
    greatest = number(tags, Tag.GREATEST, 0) or number(tags, Tag.GREATEST_OF_FORMAT, 0)
    return greatest.bit_length() if greatest in _GREATEST else num_bits


def _is_cmyk_if_inks(tags: Tags) -> bool:
    is_inks = number(tags, Tag.PHOTOMETRIC, RGB) == CMYK
    return not is_inks or number(tags, Tag.INK_SET, _CMYK_INKS) == _CMYK_INKS


def _is_plain_ycbcr(tags: Tags) -> bool:
    """Whether every pixel has its three samples, and the range and weights are those of JPEG."""
    weights = tuple(map(float, tags.get(Tag.YCBCR_WEIGHTS, _STANDARD_WEIGHTS)))
    value_range = tuple(map(float, tags.get(Tag.BLACK_AND_WHITE, _FULL_RANGE)))
    return (
        max(numbers(tags, Tag.YCBCR_SUBSAMPLING, 2)) == 1
        and number(tags, Tag.PLANAR, 1) == 1
        and np.allclose(weights, _STANDARD_WEIGHTS, atol=0.001)
        and np.allclose(value_range, _FULL_RANGE, atol=1)
    )


def _orientation(tags: Tags) -> int:
    stated = number(tags, Tag.ORIENTATION, 1)
    return stated if stated in range(1, 9) else 1
