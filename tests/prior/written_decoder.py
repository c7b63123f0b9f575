"""A decoder written from docs/format.md alone: slow, whole-number numpy, nothing of the package.

Bytes of a .lic file and the weights' safetensors files in, symbols, planes and pixels out.
"""

from __future__ import annotations

import json
from itertools import product

import numpy as np

from tests.prior.written_file import File
from tests.prior.written_numbers import Arrays, clamp, correlate
from tests.prior.written_planes import read_planes
from tests.prior.written_symbols import Symbols
from tests.prior.written_synthesis import WrittenNetwork

NET_OF_LEVEL = {6: "top", 5: "coarse", 4: "coarse", 3: "coarse", 2: "middle", 1: "fine"}


def merge(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Lists of rows (n, ..) each to (2n, ..)."""
    low, high = low.copy(), high.copy()
    n = len(low)
    before = [max(i - 1, 0) for i in range(n)]
    after = [min(i + 1, n - 1) for i in range(n)]
    low -= (454 * (high + high[before]) + 512) >> 10
    high -= (904 * (low + low[after]) + 512) >> 10
    low -= (-54 * (high + high[before]) + 512) >> 10
    high -= (-1624 * (low + low[after]) + 512) >> 10
    out = np.empty((2 * n, *low.shape[1:]), np.int64)
    out[0::2], out[1::2] = low, high
    return out


def synthesise(plane: np.ndarray, bands: np.ndarray) -> np.ndarray:
    """(h, w) and (3, h, w) to (2h, 2w)."""
    left = merge((1550 * plane + 512) >> 10, bands[1])
    right = merge(bands[0], bands[2])
    return merge(left.T, right.T).T


def fold_plane(plane: np.ndarray, level: int) -> np.ndarray:
    """(h, w) to (positions, h', w')."""
    if level == 6:
        return plane[None]
    return np.stack([plane[p >> 1 :: 2, p & 1 :: 2] for p in range(4)])


def step_channels(level: int, *, is_grey: bool) -> list[list[tuple[int, int]]]:
    """The table of steps: (detail channel, position) of each."""
    colours = [(0,)] if level == 6 else [(0, 3), (1, 2)]
    planes = [(0, 1, 2)] if is_grey else [(0, 1, 2), (3, 4, 5, 6, 7, 8)]
    return [[(c, p) for c in channels for p in colour] for channels in planes for colour in colours]


class WrittenDecoder:
    """Walks the steps of one file; afterwards `planes`, `symbols` and `pixels` are there."""

    def __init__(self, file: File, weights: Arrays) -> None:
        self.file, self.q = file, file.quality
        self.weights = {
            k: v.astype(np.int64) for k, v in weights.items() if not k.startswith("analysis.")
        }
        bound = 1 if file.is_all_coded else int(weights["skip_below"][0])
        self.symbols = Symbols(file.payload, self.weights, bound, file.quantizer)
        self.num_planes = 1 if file.is_grey else 3
        self.has_magnitudes = self.weights["net.top.first.weight0"].shape[1] > 6
        self.planes = self._low_pass(-(-file.height // 64), -(-file.width // 64))
        self.trunk: np.ndarray | None = None
        self.parents: np.ndarray | None = None
        for level in (6, 5, 4, 3, 2, 1):
            self._level(level)
        self.adaptive_filter = self.symbols.adaptive_filter()

    def _low_pass(self, rows: int, columns: int) -> np.ndarray:
        values = np.zeros((3, rows, columns), np.int64)
        for s in range(3):
            chosen = [
                (y, x)
                for y, x in product(range(rows), range(columns))
                if (2 if (y + x) % 2 else y % 2) == s
            ]
            mean = np.zeros((self.num_planes, len(chosen)), np.int64)
            for p, (n, (y, x)) in product(range(self.num_planes), enumerate(chosen)):
                mean[p, n] = self._neighbour_mean(values[p], s, y, x)
            raw = (self.weights["low_log_scale"][self.q, s, : self.num_planes] + 49) >> 1
            index = np.maximum(1, clamp(raw, 0, 63))
            added = self.symbols.step(
                np.broadcast_to(index[:, None], mean.shape), list(range(self.num_planes))
            )
            for n, (y, x) in enumerate(chosen):
                values[: self.num_planes, y, x] = mean[:, n] + (added[:, n] << 1)
        return self._coefficients(values, self.weights["low_steps_q4"][self.q])

    def _coefficients(self, values: np.ndarray, steps: np.ndarray) -> np.ndarray:
        return (values * steps[:, None, None] + (1 << 8)) >> 9

    @staticmethod
    def _neighbour_mean(plane: np.ndarray, s: int, y: int, x: int) -> int:
        diagonal, direct = [(-1, -1), (-1, 1), (1, -1), (1, 1)], [(-1, 0), (1, 0), (0, -1), (0, 1)]
        near = [(y + dy, x + dx) for dy, dx in ([], diagonal, direct)[s]]
        known = [
            int(plane[j, i]) for j, i in near if 0 <= j < plane.shape[0] and 0 <= i < plane.shape[1]
        ]
        return sum(known) // len(known) if known else 0

    def _level(self, level: int) -> None:
        net = f"net.{NET_OF_LEVEL[level]}"
        self.trunk = self._trunk(net, level)
        band_height, band_width = self.planes.shape[1:]
        y, x = np.mgrid[:band_height, :band_width] << level
        padding = fold_plane((y >= self.file.height) | (x >= self.file.width), level)
        folded: dict[tuple[int, int], np.ndarray] = {}  # by detail channel and position
        self.hidden: np.ndarray | None = None  # what `mix` of the level's last step gave
        for s, channels in enumerate(step_channels(level, is_grey=self.file.is_grey)):
            known = [self._compand(v >> 2) for v in folded.values()]
            if self.has_magnitudes:
                known += [np.abs(v) for v in known]
            out = self._head(f"{net}.head{s}", np.stack(known) if known else None)
            unit, log_scale = (
                np.array([self.weights[name][self.q, level - 1, c] for c, _ in channels])[
                    :, None, None
                ]
                for name in ("mean_unit_q8", "detail_log_scale")
            )
            mean = (out[: len(channels)] * unit + (1 << 6)) >> 7
            index = clamp((out[len(channels) :] + log_scale + 49) >> 1, 1, 63)
            for numbers in (mean, index):
                numbers[np.stack([padding[p] for _, p in channels])] = 0
            values = mean + (self.symbols.step(index, [c for c, _ in channels]) << 1)
            folded |= dict(zip(channels, values, strict=True))
        self._finish_level(level, folded)

    def _finish_level(self, level: int, folded: dict[tuple[int, int], np.ndarray]) -> None:
        values = np.zeros((9, *self.planes.shape[1:]), np.int64)
        for (c, p), v in folded.items():
            target = values[c] if level == 6 else values[c, p >> 1 :: 2, p & 1 :: 2]
            target[:] = v
        steps = self.weights["detail_steps_q4"][self.q, level - 1]
        coefficients = self._coefficients(values, steps)
        self.planes = np.stack(
            [synthesise(self.planes[p], coefficients[3 * p : 3 * p + 3]) for p in range(3)]
        )
        self.parents = self._compand(values >> 2)

    def _inputs(self, level: int) -> np.ndarray:
        parts = []
        for p in range(3):
            wide = np.pad(self.planes[p], 1, mode="edge")
            height, width = self.planes[p].shape
            box = sum(wide[u : u + height, v : v + width] for u, v in product(range(3), range(3)))
            reciprocal = self.weights["high_pass_reciprocal"][self.q, level - 1, p]
            scaled = ((9 * self.planes[p] - box) * reciprocal) >> 20
            parts += list(fold_plane(self._compand(scaled), level))
        for p in range(3):
            brightness = fold_plane(self.planes[p], level).sum(0) >> (7 if level == 6 else 9)
            parts.append(clamp(brightness, -127, 127))
        num_high_pass = len(parts) - 3
        if self.parents is not None:
            parts += list(self.parents)
        if self.has_magnitudes:
            signed = [*parts[:num_high_pass], *parts[num_high_pass + 3 :]]
            parts += [np.abs(part) for part in signed]
        return np.stack(parts)

    def _trunk(self, net: str, level: int) -> np.ndarray:
        coarser = self.trunk
        if coarser is not None and level <= 4:
            coarser = coarser.repeat(2, 1).repeat(2, 2)
        row = level - 3 if net == "net.coarse" else 0
        bias = self.weights[f"{net}.quality_bias"][self.q, row]
        inputs = self._inputs(level)
        t = clamp(self._layer(f"{net}.first", inputs, coarser, extra=bias), 0, 255)
        block = 0
        while f"{net}.block{block}.bias" in self.weights:
            t = clamp(self._layer(f"{net}.block{block}", t) + t, 0, 255)
            block += 1
        return t

    def _head(self, head: str, known: np.ndarray | None) -> np.ndarray:
        assert self.trunk is not None
        carried = self.hidden if f"{head}.in.weight2" in self.weights else None
        a = clamp(self._layer(f"{head}.in", self.trunk, known, carried), 0, 255)
        self.hidden = clamp(self._layer(f"{head}.mix", a), 0, 255)
        return clamp(self._layer(f"{head}.out", self.hidden), -4096, 4096)

    def _layer(
        self, name: str, *arguments: np.ndarray | None, extra: np.ndarray | int = 0
    ) -> np.ndarray:
        shift = self.weights[f"{name}.shift"]
        bias = self.weights[f"{name}.bias"] + extra + np.where(shift > 0, (1 << shift) >> 1, 0)
        total = bias[:, None, None]
        for number, a in enumerate(arguments):
            if a is not None:
                total = total + correlate(a, self.weights[f"{name}.weight{number}"])
        return total >> shift[:, None, None]

    def _compand(self, a: np.ndarray) -> np.ndarray:
        return np.sign(a) * self.weights["compand"][np.minimum(np.abs(a), 4095)]

    def pixels(self, synthesis: dict[str, str], weights: Arrays) -> np.ndarray:
        """(H, W) or (H, W, 3) uint8; metadata and tensors of the synthesis."""
        shape = json.loads(synthesis["config"])
        fine_blocks = shape.get("fine_blocks", 0)
        planes = clamp(self.planes, -32768, 32767)
        parts = [("", shape.get("patch_px", 8), shape["num_blocks"])]
        if fine_blocks:
            parts.append(("fine.", 2, fine_blocks))
        for part in parts:
            net = WrittenNetwork(weights, self.q, *part)
            moved = self.adaptive_filter if part is parts[-1] else []
            planes = net.corrected(planes, moved)
        photo = self._colour(planes[:, : self.file.height, : self.file.width])
        below = self._with_margins(photo)
        if self.file.layer is None:
            return below
        layer = read_planes(self.file.layer, below.shape[1], below.shape[0], 4)
        above = layer[:, :, 1] if self.file.is_grey else layer[:, :, :3]
        is_covered = layer[:, :, 3:] if below.ndim == 3 else layer[:, :, 3]
        assert set(np.unique(is_covered).tolist()) <= {0, 255}
        return np.where(is_covered == 255, above, below)

    def _with_margins(self, photo: np.ndarray) -> np.ndarray:
        top, bottom, left, right = self.file.margins
        height, width = photo.shape[:2]
        shape = height + top + bottom, width + left + right, *photo.shape[2:]
        levels = list(self.file.colour)
        whole = np.zeros(shape, np.uint8)
        if levels:
            whole[:] = levels if len(levels) == 3 else levels[0]
        whole[top : top + height, left : left + width] = photo
        return whole

    def _colour(self, planes: np.ndarray) -> np.ndarray:
        a, b, c = planes
        if self.file.is_grey:
            total = 9459 * a
        else:
            rows = ((9459, 11585, 6689), (9459, 0, -13377), (9459, -11585, 6689))
            total = np.stack([i * a + j * b + k * c for i, j, k in rows], -1)
        return clamp((total + (128 << 20) + (1 << 19)) >> 20, 0, 255).astype(np.uint8)
