"""Encodes a picture by a latent family to a .lic file, at a quality or by a search."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from licodec.codec.encode import Encoded, encode_pixels
from licodec.codec.model import Family, Synthesis
from licodec.codec.padding import padding_bytes
from licodec.config import (
    DEFAULT_CHOICE,
    FAMILY_IDS,
    PROFILE_IDS,
    QUANTIZER_IDS,
    choice_of,
    search_seconds,
)
from licodec.container.format import LAYER, MARGINS, Header, Section
from licodec.container.write import write_container
from licodec.graphics.choose import Layers
from licodec.graphics.layer import lay_over
from licodec.graphics.margins import NO_MARGINS, Pixels, find_margins
from licodec.image.picture import Picture
from licodec.memory import LARGE_PX, check_memory, check_side, encode_bytes, score_bytes
from licodec.profiles import ProfileInfo
from licodec.quality_scale import QualityScale
from licodec.search.target import Target
from licodec.sections import sections_of

if TYPE_CHECKING:
    from licodec.search.overfit import Progress


@dataclass(frozen=True, slots=True)
class PhotoEncoder:
    """Encodes by one family, for one synthesis."""

    info: ProfileInfo
    family: Family
    synthesis: Synthesis
    scale: QualityScale
    device: str  # "cpu" or "cuda"

    def encode(
        self,
        picture: Picture,
        *,
        quality: float,
        target: Target | None,
        effort: int,
        time_budget: float | None,
        quantizer: str | None,
        report: Callable[[Progress], None] | None = None,
        layers: Layers | None = None,
    ) -> tuple[bytes, dict[str, float]]:
        """The file, and seconds by stage; `Codec.encode_picture` says what the arguments are.

        Args:
            layers: of a picture that is taken apart.
        """
        index = self.scale.to_index(quality)
        width, height = picture.width, picture.height
        seconds = search_seconds(effort, width * height)
        seconds = seconds if time_budget is None else time_budget
        choice = choice_of(effort, quantizer)
        _check_size(picture, target, is_searched=seconds > 0)
        sections, photo, shown = sections_of(picture), picture.pixels, _as_they_are
        margins = NO_MARGINS if layers is not None else find_margins(photo)
        if layers is not None:
            sections.append(Section(LAYER, layers.packed))
            photo, shown = layers.photo, partial(lay_over, layer=layers.above)
        elif margins.num_lines:
            sections.append(Section(MARGINS, margins.packed()))
            photo = margins.cut_off(photo)
            shown = partial(margins.put_around, view=margins.view(width, height))
        # Planes of large pictures are not kept, see docs/large-pictures.md.
        is_fitted = choice == DEFAULT_CHOICE and width * height <= LARGE_PX
        if target is None and seconds == 0:
            encoded = self._at_quality(photo, index, choice, is_fitted=is_fitted)
            return self._file(picture, sections, index, encoded), encoded.timings_s
        from licodec.search.encode import SearchEncoder

        started = time.perf_counter()
        encoder = SearchEncoder(
            photo,
            self.family,
            self.synthesis.correction,
            self.device,
            choice,
            is_fitted=is_fitted,
            num_bytes=lambda index, encoded: len(self._file(picture, sections, index, encoded)),
            scale=self.scale,
            reference=picture.pixels,
            shown=shown,
        )
        if target is None:
            encoded = encoder.at_quality(index, seconds, report)
        else:
            index, encoded = encoder.to_target(target, seconds, report)
        timings = {"search": time.perf_counter() - started}
        return self._file(picture, sections, index, encoded), timings

    def _at_quality(self, pixels: Pixels, index: int, choice: str, *, is_fitted: bool) -> Encoded:
        if is_fitted:
            from licodec.codec.fitted import encode_fitted

            return encode_fitted(pixels, self.family, self.synthesis.correction, index, self.device)
        return encode_pixels(
            pixels, self.family, index, self.device, choice=choice, is_synthesis_kept=False
        )

    def _file(
        self, picture: Picture, sections: list[Section], index: int, encoded: Encoded
    ) -> bytes:
        header = Header(
            family_id=FAMILY_IDS[self.info.family],
            profile_id=PROFILE_IDS[self.info.name],
            family_fingerprint=self.family.fingerprint,
            synthesis_fingerprint=self.synthesis.fingerprint,
            width=picture.width,
            height=picture.height,
            quality_index=index,
            is_grey=picture.is_grey,
            quantizer_id=QUANTIZER_IDS[encoded.quantizer],
            is_all_coded=encoded.is_all_coded,
        )
        return write_container(header, sections, encoded.payload, encoded.symbols)


def _as_they_are(pixels: Pixels) -> Pixels:
    return pixels


def _check_size(picture: Picture, target: Target | None, *, is_searched: bool) -> None:
    """Raises ImageError or NotEnoughMemoryError, before the padding takes any memory."""
    width, height = picture.width, picture.height
    num_bytes = padding_bytes(width, height)
    check_side(width, height)
    num_bytes = max(num_bytes, encode_bytes(width, height, is_searched=is_searched))
    if target is not None and target.kind == "ssimulacra2":
        num_bytes = max(num_bytes, score_bytes(width, height))
    remedy = "free some, choose a lower effort or encode a smaller picture"
    check_memory(width, height, num_bytes, remedy)
