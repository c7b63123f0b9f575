"""Encodes a picture within a time budget, at a quality or to a target."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from licodec.codec.adaptive_filter import fit_filter
from licodec.codec.encode import Encoded, encode_pixels
from licodec.codec.fitted import encode_fitted, fitted_latent
from licodec.codec.latent import Latent
from licodec.codec.model import Family
from licodec.codec.step_quantizer import Coefficients
from licodec.config import MIN_QUALITY
from licodec.errors import TargetError
from licodec.image.picture import as_rgb
from licodec.metrics.pairs import MIN_SIDE_PX
from licodec.metrics.psnr import mean_squared_error, psnr_of
from licodec.metrics.ssimulacra2 import Original
from licodec.quality_scale import QualityScale
from licodec.search.objective import decoded_pixels
from licodec.search.overfit import Overfitted, Progress, overfit
from licodec.search.target import Setting, Target, adjust_setting, find_setting
from licodec.search.values import Values
from licodec.transform.integer import IntegerSynthesis

Report = Callable[[Progress], None]
# Bytes of the whole file of what was coded at a quality index.
NumBytes = Callable[[int, Encoded], int]

# Where the search over the quality begins, from photographs: sizes grow by 1.7 % and PSNR by
# 0.07 dB from one index to the next.
_BPP_AT_0, _LOG_BPP_PER_INDEX = 0.04, 0.017
_DB_AT_0, _DB_PER_INDEX = 27.0, 0.065
# What a picture without any error counts as.
_EXACT_DB = 100.0


@dataclass(frozen=True)
class SearchEncoder:
    """Encodes one picture, again and again where that is what it takes.

    Attributes:
        pixels: (H, W) or (H, W, 3) uint8.
        family: loaded latent family.
        synthesis: correction of the file's profile.
        device: of the corrections.
        choice: how symbols are chosen, key of `licodec.config.CHOICES`.
        is_fitted: the synthesis is fitted to the picture.
        num_bytes: size of the file that would be written.
        scale: of the family's qualities, which a search for a SSIMULACRA 2 begins with.
        reference: the whole picture; `pixels` have no text where there is a layer, and no margins.
            PSNR and SSIMULACRA 2 are those of the decoded picture against it.
        shown: the whole picture of decoded pixels, as decoders make it.
    """

    pixels: np.ndarray
    family: Family
    synthesis: IntegerSynthesis
    device: str
    choice: str
    is_fitted: bool
    num_bytes: NumBytes
    scale: QualityScale
    reference: np.ndarray
    shown: Callable[[np.ndarray], np.ndarray]

    def at_quality(self, quality_index: int, seconds: float, report: Report | None) -> Encoded:
        """Code at one quality, the latent overfitted for some seconds."""
        encoded = self._overfit(quality_index, seconds, report).encoded
        if not self.is_fitted:
            return encoded
        return fit_filter(encoded, self.pixels, self.family, self.synthesis, quality_index)

    def to_target(
        self, target: Target, seconds: float, report: Report | None
    ) -> tuple[int, Encoded]:
        """Code to a size, a PSNR or a SSIMULACRA 2.

        With seconds for it, the latent is overfitted at the quality that meets the target without,
        and then the rate's weight is adjusted again, at that quality or one beside it.

        Returns:
            Quality index and what was coded.

        Raises:
            TargetError: no quality reaches the target; tells the nearest that can be reached. Or
                the picture is too small for the measure.
        """
        height, width = self.reference.shape[:2]
        if target.kind == "ssimulacra2" and min(width, height) < MIN_SIDE_PX:
            raise TargetError(
                f"picture has {width}x{height} pixels, SSIMULACRA 2 needs {MIN_SIDE_PX} a side; "
                "ask for a PSNR or a quality"
            )
        plain = _Trials(self, target, None)
        setting = find_setting(target, plain, self._start(target))
        if seconds <= 0:
            return setting.quality_index, plain.encoded(setting)
        found = self._overfit(setting.quality_index, seconds, report)
        searched = _Trials(self, target, found.values)
        with suppress(TargetError):  # factors need not make up for what overfitting changed
            setting = adjust_setting(target, searched, setting.quality_index)
            return setting.quality_index, searched.encoded(setting)
        return setting.quality_index, plain.encoded(setting)

    def code(self, setting: Setting, values: Coefficients | None) -> Encoded:
        """One encode."""
        index, rate_scale = setting.quality_index, setting.rate_scale
        if self.is_fitted:
            return encode_fitted(
                self.pixels,
                self.family,
                self.synthesis,
                index,
                self.device,
                rate_scale=rate_scale,
                values=values,
            )
        return encode_pixels(
            self.pixels,
            self.family,
            index,
            self.device,
            choice=self.choice,
            rate_scale=rate_scale,
            values=values,
        )

    def latent(self, quality_index: int) -> Latent | None:
        """What is coded at a quality where the latent is not searched; None: `code` makes it."""
        if not self.is_fitted:
            return None
        return fitted_latent(self.pixels, self.family, self.synthesis, quality_index, self.device)

    def _overfit(self, quality_index: int, seconds: float, report: Report | None) -> Overfitted:
        return overfit(
            self.pixels,
            self.family,
            self.synthesis,
            quality_index,
            self.device,
            choice=self.choice,
            seconds=seconds,
            report=report,
        )

    @cached_property
    def original(self) -> Original:
        """What decoded pictures are scored against."""
        return Original(as_rgb(self.reference))

    def _start(self, target: Target) -> int:
        if target.is_size:
            bpp = 8 * target.wanted / (self.pixels.shape[0] * self.pixels.shape[1])
            return round(math.log(bpp / _BPP_AT_0) / _LOG_BPP_PER_INDEX)
        if target.kind == "ssimulacra2":
            return self.scale.to_index(max(target.wanted, MIN_QUALITY))
        return round((target.wanted - _DB_AT_0) / _DB_PER_INDEX)


class _Trials:
    """`Measure` of one latent; keeps the last file, which is mostly the one that is taken.

    Args:
        values: to be coded; None: those of the picture at each quality, the last of which are kept.
    """

    def __init__(self, encoder: SearchEncoder, target: Target, values: Values | None) -> None:
        self._encoder = encoder
        self._target = target
        self._values = values
        self._latent: tuple[int, Latent | None] | None = None
        self._last: tuple[Setting, Encoded] | None = None

    def __call__(self, setting: Setting) -> float:
        encoder, encoded = self._encoder, self.encoded(setting)
        if self._target.is_size:
            return encoder.num_bytes(setting.quality_index, encoded)
        coded = decoded_pixels(encoded, encoder.pixels, encoder.synthesis, setting.quality_index)
        decoded = encoder.shown(coded)
        if self._target.kind == "ssimulacra2":
            score = encoder.original.score(as_rgb(decoded))
            assert score is not None  # the picture is large enough
            return score
        return min(psnr_of(mean_squared_error(encoder.reference, decoded)), _EXACT_DB)

    def encoded(self, setting: Setting) -> Encoded:
        """What the setting gives."""
        if self._last is None or self._last[0] != setting:
            self._last = (setting, self._encoder.code(setting, self._values_at(setting)))
        return self._last[1]

    def _values_at(self, setting: Setting) -> Coefficients | None:
        index = setting.quality_index
        if self._values is not None:
            return self._values
        if self._latent is None or self._latent[0] != index:
            self._latent = None  # two of them need too much memory
            self._latent = index, self._encoder.latent(index)
        return self._latent[1]
