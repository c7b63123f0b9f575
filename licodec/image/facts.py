"""What a picture file says beside its pixels and Pillow does not tell."""

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

# What may stand in a file beside its picture, as notes name it.
_PARTS = MappingProxyType(
    {
        "gain map": "gain map (high dynamic range)",
        "video": "video of a motion photo",
        "depth map": "depth map",
        "content credentials": "JUMBF (content credentials)",
    }
)


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
    exif: bytes | None = None  # a block and a packet that Pillow passes over
    xmp: bytes | None = None
    num_bits: int = 8  # of a sample
    is_grey: bool = False  # a PNG; Pillow shows 16 bits with alpha in colour
    has_loose_alpha: bool = False  # a last sample that the file says is no alpha
    extent: tuple[int, int, int, int] | None = None  # of a first frame, left, top, right, bottom
    order: tuple[int, ...] = ()  # indices of red, green and blue if they are not 0, 1, 2
    has_associated_alpha: bool = False  # by which colours are multiplied, and Pillow does not know
    has_inverted_alpha: bool = False  # as Pillow shows it
    mask: NDArray[np.bool_] | None = None  # (H, W) of an icon, true where it is transparent
    gone: frozenset[str] = frozenset()  # what has no place, by the names of `xmp.CLAIMS`
    is_damaged: bool = False  # in a way that may cost no pixel, see `loading.mend`
    num_bytes_behind: int = 0  # that follow the end of the picture and are not zeros
    notes: tuple[str, ...] = ()

    def notes_on_parts(self, claimed: frozenset[str], num_pictures: int) -> tuple[str, ...]:
        """Names of what stands beside the picture, by the file itself and by its XMP."""
        found = self.gone | claimed
        notes = tuple(
            f"{text} dropped: a .lic file has no place for it"
            for name, text in _PARTS.items()
            if name in found
        )
        if not notes and num_pictures < 2 and "further pictures" in claimed:
            notes = ("further pictures of the file dropped: a .lic file has no place for them",)
        if not notes and num_pictures < 2 and self.num_bytes_behind:
            plural = "s" * (self.num_bytes_behind > 1)
            behind = f"{self.num_bytes_behind:,} byte{plural}"
            notes = (f"{behind} behind the end of the picture dropped",)
        return self.notes + notes


NOTHING = Facts()
