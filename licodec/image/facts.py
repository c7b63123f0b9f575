"""What a picture file says beside its pixels and Pillow does not tell."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ColourNumbers:
    """Colours by the numbers of ITU-T H.273."""

    primaries: int
    transfer: int
    is_full_range: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Found in the bytes of one file."""

    icc: bytes | None = None  # a profile that Pillow passes over
    has_icc: bool = False  # the file means to have one, whether it can be read or not
    numbers: ColourNumbers | None = None  # colours that go before a profile
    xmp: bytes | None = None  # a packet that Pillow passes over
    num_bits: int = 8  # of a sample
    gone: frozenset[str] = frozenset()  # what has no place, by the names of `xmp.CLAIMS`
    is_damaged: bool = False  # in a way that may cost no pixel, see `mend`
    num_bytes_behind: int = 0  # that follow the end of the picture and are not zeros
    notes: tuple[str, ...] = ()


NOTHING = Facts()
