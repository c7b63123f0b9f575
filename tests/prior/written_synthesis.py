"""Planes in, corrected planes out: the synthesis, written from docs/format.md alone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from tests.prior.written_numbers import Arrays, clamp, correlate


class WrittenNetwork:
    """One network of the synthesis.

    Args:
        weights: all tensors of the synthesis.
        q: quality index.
        prefix: of the network's tensors.
        patch_px: side of a patch.
        num_blocks: residual blocks.
    """

    def __init__(
        self, weights: Arrays, q: int, prefix: str, patch_px: int, num_blocks: int
    ) -> None:
        self.weights, self.q, self.prefix = weights, q, prefix
        self.px, self.num_blocks = patch_px, num_blocks

    def corrected(self, planes: np.ndarray, adaptive_filter: Sequence[int]) -> np.ndarray:
        """(3, H, W) planes, 1/64 grey level."""
        places = list(product(range(3), range(self.px), range(self.px)))
        patches = np.stack([planes[p, y :: self.px, x :: self.px] for p, y, x in places])
        seen = clamp((patches + 2) >> 2, -4096, 4095)
        h = _leak(self._scaled("into", seen))
        for b in range(self.num_blocks):
            middle = _leak(self._scaled(f"blocks.{b}.into", self._byte(h, 2048, "stream")))
            middle = self._byte(middle, 32768, f"blocks.{b}.into")
            h = clamp(h + self._scaled(f"blocks.{b}.back", middle), -32768, 32767)
        last = self._byte(_leak(h), self._of("last.factor")[:, None, None], "last")
        patches = clamp(patches + self._change(last, adaptive_filter), -32768, 32767)
        out = np.empty_like(planes)
        for patch, (p, y, x) in zip(patches, places, strict=True):
            out[p, y :: self.px, x :: self.px] = patch
        return out

    def _of(self, name: str) -> np.ndarray:
        return self.weights[self.prefix + name].astype(np.int64)

    def _scaled(self, layer: str, a: np.ndarray) -> np.ndarray:
        shift = self._of(f"{layer}.shift")
        bias = self._at(self._of(f"{layer}.bias")) + np.where(shift > 0, (1 << shift) >> 1, 0)
        total = correlate(a, self._of(f"{layer}.weight")) + bias[:, None, None]
        short = clamp(total >> shift[:, None, None], -32768, 32767)
        return _times(short, self._of(f"{layer}.factor")[:, None, None])

    def _at(self, table: np.ndarray) -> np.ndarray:
        if len(table) == 1:
            return table[0]
        k, r = divmod(self.q * (len(table) - 1), 255)
        above = table[min(k + 1, len(table) - 1)]
        return (table[k] * (255 - r) + above * r + 127) // 255

    def _byte(self, a: np.ndarray, factor: np.ndarray | int, name: str) -> np.ndarray:
        zero = self._of(f"{name}.zero")[:, None, None]
        return clamp(_times(a, factor), -zero, 255 - zero)

    def _change(self, a: np.ndarray, adaptive_filter: Sequence[int]) -> np.ndarray:
        weight, bias = self._of("out.weight"), self._of("out.bias")
        if adaptive_filter and "directions" in self.weights:
            moved = np.tensordot(adaptive_filter, self.weights["directions"].astype(np.int64), 1)
            moved = (moved + 32) >> 6
            weight = clamp(weight + moved[:, :-1], -(2**24), 2**24)
            bias = clamp(bias + moved[:, -1], -(2**31), 2**31)
        gain, bits = int(self._of("gain")[self.q]), int(self._of("gain_bits")[0])
        size = int(np.abs(weight * gain).max()).bit_length()
        e = min(max(size - 13, bits - 24, 0), bits - 1)
        weight = clamp((weight * gain + ((1 << e) >> 1)) >> e, -8191, 8191)
        bias = clamp((bias * gain + ((1 << e) >> 1)) >> e, -(2**28), 2**28)
        shift = bits - e
        total = np.tensordot(weight, a, 1) + bias[:, None, None]
        return clamp((total + (1 << shift >> 1)) >> shift, -32768, 32767)


def _times(a: np.ndarray, factor: np.ndarray | int) -> np.ndarray:
    return (a * factor + 16384) >> 15


def _leak(a: np.ndarray) -> np.ndarray:
    return np.maximum(a, _times(a, 3277))
