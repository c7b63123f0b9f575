"""A decoder written from docs/format.md alone: slow, whole-number numpy, nothing of the package.

Bytes of a .lic file and the weights' safetensors files in, symbols, planes and pixels out.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import numpy as np

from tests.entropy.reference_ans import ReferenceDecoder
from tests.prior.written_planes import read_planes, varint

NET_OF_LEVEL = {6: "top", 5: "coarse", 4: "coarse", 3: "coarse", 2: "middle", 1: "fine"}
DTYPES = {"I8": "<i1", "U8": "<u1", "I16": "<i2", "I32": "<i4", "I64": "<i8", "F16": "<f2"}

Arrays = dict[str, np.ndarray]


def read_weights(path: Path) -> tuple[dict[str, str], Arrays]:
    """Metadata and tensors as they are stored."""
    data = path.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    header, numbers = json.loads(data[8 : 8 + size]), data[8 + size :]
    metadata = header.pop("__metadata__")
    arrays = {}
    for name, about in header.items():
        first, last = about["data_offsets"]
        flat = np.frombuffer(numbers[first:last], DTYPES[about["dtype"]])
        arrays[name] = flat.reshape(about["shape"])
    return metadata, arrays


@dataclass(frozen=True)
class File:
    """A .lic file without sections but perhaps a layer, taken apart."""

    front: bytes
    width: int
    height: int
    quality: int
    is_grey: bool
    is_all_coded: bool
    quantizer: int
    crc: int
    payload: bytes
    layer: bytes | None = None


def take_apart(data: bytes) -> File:
    """Split by the table "The file"."""
    assert data[4] in (0x10, 0x11)
    width, at = varint(data, 12)
    height, at = varint(data, at)
    quality, colour = data[at], data[at + 1]
    at, layer = at + 2, None
    if data[4] & 1:
        layer, at = _layer(data, at)
    crc = int.from_bytes(data[at : at + 4], "little")
    length, start = varint(data, at + 4)
    payload = data[start:]
    assert len(payload) == length
    padded = payload + bytes(-length % 4)
    flags = bool(colour & 1), bool(colour & 16), colour >> 1 & 7
    return File(data[:at], width, height, quality, *flags, crc, padded, layer)


def _layer(data: bytes, at: int) -> tuple[bytes, int]:
    """The table "Metadata sections" where LAYER, stored as it is, is the only one."""
    assert data[at : at + 2] == bytes([1, 5])
    length, start = varint(data, at + 2)
    stored = data[start + 4 : start + 4 + length]
    assert int.from_bytes(data[start : start + 4], "little") == zlib.crc32(stored)
    return stored, start + 4 + length


def clamp(a: np.ndarray | int, low: int, high: int) -> np.ndarray:
    return np.clip(a, low, high)


def correlate(a: np.ndarray, w: np.ndarray) -> np.ndarray:
    """(I, h, w) and (O, I, k, k) to (O, h, w), 0 outside the grid."""
    height, width = a.shape[1:]
    k = w.shape[2]
    wide = np.pad(a, ((0, 0), (k // 2, k // 2), (k // 2, k // 2)))
    total = np.zeros((w.shape[0], height, width), a.dtype)
    for u, v in product(range(k), range(k)):
        total += np.tensordot(
            w[:, :, u, v].astype(a.dtype), wide[:, u : u + height, v : v + width], 1
        )
    return total


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


STATES = {  # quantizer id: Q, next state after an even and after an odd symbol
    1: ([0, 1] * 4, ([0, 5, 1, 6, 2, 4, 3, 7], [2, 7, 3, 4, 0, 6, 1, 5])),
    2: ([0, 1] * 64, [[s >> 1 ^ 74 * (s % 2) ^ 49 * odd for s in range(128)] for odd in (0, 1)]),
}


SHIFT_HALF = [2056, 330, 290, 180, 100, 50, 25, 12, 8, 6, 5, 5, 8, 2]
SHIFTS = -1  # number of their table


@dataclass
class Symbols:
    """Reads the ANS stream step by step."""

    payload: bytes
    weights: Arrays
    bound: int  # smallest index that is coded
    quantizer: int = 0
    coded: list[int] = field(default_factory=list)  # in coding order
    num_escapes: int = 0
    num_shifted: int = 0

    def __post_init__(self) -> None:
        self.ans = ReferenceDecoder(self.payload)
        self.reaches = self.weights["table_reaches"].tolist()
        self.starts = np.cumsum([0, *(r + 2 for r in self.reaches)]).tolist()
        self.reaches.append(12)  # of the table of shifts, number -1

    def frequencies(self, index: int) -> list[int]:
        if index == SHIFTS:
            half = [2**12 * n for n in SHIFT_HALF]
        else:
            stored = self.weights["table_halves"]
            half = stored[self.starts[index] : self.starts[index + 1]].tolist()
        signed = half[1:-1]
        table = [*reversed(signed), half[0], *signed, half[-1]]
        assert sum(table) == 2**24
        return table

    def step(self, index: np.ndarray, bands: list[int]) -> np.ndarray:
        """Indices (C, ..) of channels that belong to bands to value - mean of the same shape."""
        flat = [int(i) for i in index.ravel()]
        size = len(flat) // len(bands)
        self._shift(flat, [band for band in bands for _ in range(size)])
        chained: list[int] = []
        if self.quantizer:
            first = int(self.weights["trellis_from"][0])
            chained = [e for e, i in enumerate(flat) if i >= first]
        if len(chained) < 128:
            chained = []
        left_out = set(chained)
        plain = [e for e, i in enumerate(flat) if i >= self.bound and e not in left_out]
        added = [0] * len(flat)
        for e, symbol in zip(plain, self._batch([flat[e] for e in plain]), strict=True):
            added[e] = 16 * symbol
        self._chains(sorted(chained, key=lambda e: flat[e]), flat, added)
        return np.array(added, np.int64).reshape(index.shape)

    def _shift(self, flat: list[int], bands: list[int]) -> None:
        groups = []
        for band in dict.fromkeys(bands):
            members = [e for e, b in enumerate(bands) if b == band and flat[e] >= self.bound]
            groups.append([e for e in members if flat[e] < 12])
            groups.append([e for e in members if flat[e] >= 12])
        groups = [group for group in groups if len(group) >= 64]
        for group, shift in zip(groups, self._batch([SHIFTS] * len(groups)), strict=True):
            self.num_shifted += bool(shift)
            for e in group:
                flat[e] = int(clamp(flat[e] + shift, self.bound, 63))

    def _chains(self, ordered: list[int], flat: list[int], added: list[int]) -> None:
        if not ordered:
            return
        number = max(16, -(-len(ordered) // 64))
        quantizer_of, following = STATES[self.quantizer]
        state = [0] * number
        for first in range(0, len(ordered), number):
            place = ordered[first : first + number]
            quantizers = [quantizer_of[s] for s, _ in zip(state, place, strict=False)]
            tables = [flat[e] + 64 * (1 + q) for e, q in zip(place, quantizers, strict=True)]
            for c, symbol in enumerate(self._batch(tables)):
                sign = (symbol > 0) - (symbol < 0)
                added[place[c]] = 10 * (2 * symbol - quantizers[c] * sign)
                state[c] = following[symbol & 1][state[c]]

    def tuning(self) -> list[int]:
        """What follows the last step."""
        (is_tuned,) = self._batch([SHIFTS])
        assert is_tuned in (0, 1)
        return self._batch([SHIFTS] * 24) if is_tuned else []

    def _batch(self, tables: list[int]) -> list[int]:
        """Symbols of elements with these tables, in coding order."""
        order = sorted(range(len(tables)), key=lambda e: tables[e])
        symbols = [0] * len(tables)
        escaped = []
        for e in order:
            reach = self.reaches[tables[e]]
            entry = self.ans.decode(self.frequencies(tables[e]))
            symbols[e] = entry - reach
            if entry == 2 * reach + 1:
                escaped.append(e)
        self._suffixes(escaped, tables, symbols)
        self.coded += symbols
        return symbols

    def _suffixes(self, escaped: list[int], flat: list[int], symbols: list[int]) -> None:
        self.num_escapes += len(escaped)
        is_negative = {e: self._equal(2) for e in escaped}
        classes = {e: self._equal(16) for e in escaped}
        excess = {e: 1 << k for e, k in classes.items()}
        for k in range(1, 16):
            for e in escaped:
                if classes[e] == k:
                    excess[e] += self._equal(1 << k)
        for e in escaped:
            size = self.reaches[flat[e]] + excess[e]
            assert size <= 32767
            symbols[e] = -size if is_negative[e] else size

    def _equal(self, count: int) -> int:
        return self.ans.decode([2**24 // count] * count)


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
        self.planes = self._low_pass(-(-file.height // 64), -(-file.width // 64))
        self.trunk: np.ndarray | None = None
        self.parents: np.ndarray | None = None
        for level in (6, 5, 4, 3, 2, 1):
            self._level(level)
        self.tuning = self.symbols.tuning()

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
        for s, channels in enumerate(step_channels(level, is_grey=self.file.is_grey)):
            known = [self._compand(v >> 2) for v in folded.values()]
            out = self._head(f"{net}.head{s}", np.stack(known) if known else None)
            unit, log_scale = (
                np.array([self.weights[name][self.q, level - 1, c] for c, _ in channels])[
                    :, None, None
                ]
                for name in ("mean_unit_q8", "detail_log_scale")
            )
            mean = (out[: len(channels)] * unit + (1 << 6)) >> 7
            index = clamp((out[len(channels) :] + log_scale + 49) >> 1, 1, 63)
            index[np.stack([padding[p] for _, p in channels])] = 0
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
        return np.stack(parts if self.parents is None else [*parts, *self.parents])

    def _trunk(self, net: str, level: int) -> np.ndarray:
        coarser = self.trunk
        if coarser is not None and level <= 4:
            coarser = coarser.repeat(2, 1).repeat(2, 2)
        row = level - 3 if net == "net.coarse" else 0
        bias = self.weights[f"{net}.quality_bias"][self.q, row]
        t = clamp(self._layer(f"{net}.first", self._inputs(level), coarser, bias), 0, 255)
        block = 0
        while f"{net}.block{block}.bias" in self.weights:
            t = clamp(self._layer(f"{net}.block{block}", t) + t, 0, 255)
            block += 1
        return t

    def _head(self, head: str, known: np.ndarray | None) -> np.ndarray:
        assert self.trunk is not None
        a = clamp(self._layer(f"{head}.in", self.trunk, known), 0, 255)
        a = clamp(self._layer(f"{head}.mix", a), 0, 255)
        return clamp(self._layer(f"{head}.out", a), -4096, 4096)

    def _layer(
        self, name: str, a: np.ndarray, b: np.ndarray | None = None, extra: np.ndarray | int = 0
    ) -> np.ndarray:
        shift = self.weights[f"{name}.shift"]
        bias = self.weights[f"{name}.bias"] + extra + np.where(shift > 0, (1 << shift) >> 1, 0)
        total = correlate(a, self.weights[f"{name}.weight0"]) + bias[:, None, None]
        if b is not None:
            total += correlate(b, self.weights[f"{name}.weight1"])
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
            moved = self.tuning if part is parts[-1] else []
            planes = net.corrected(planes, moved)
        below = self._colour(planes[:, : self.file.height, : self.file.width])
        if self.file.layer is None:
            return below
        layer = read_planes(self.file.layer, self.file.width, self.file.height, 4)
        above = layer[:, :, 1] if self.file.is_grey else layer[:, :, :3]
        is_covered = layer[:, :, 3:] if below.ndim == 3 else layer[:, :, 3]
        assert set(np.unique(is_covered).tolist()) <= {0, 255}
        return np.where(is_covered == 255, above, below)

    def _colour(self, planes: np.ndarray) -> np.ndarray:
        a, b, c = planes
        if self.file.is_grey:
            total = 9459 * a
        else:
            rows = ((9459, 11585, 6689), (9459, 0, -13377), (9459, -11585, 6689))
            total = np.stack([i * a + j * b + k * c for i, j, k in rows], -1)
        return clamp((total + (128 << 20) + (1 << 19)) >> 20, 0, 255).astype(np.uint8)


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

    def corrected(self, planes: np.ndarray, tuning: Sequence[int]) -> np.ndarray:
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
        patches = clamp(patches + self._change(last, tuning), -32768, 32767)
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

    def _change(self, a: np.ndarray, tuning: Sequence[int]) -> np.ndarray:
        weight, bias = self._of("out.weight"), self._of("out.bias")
        if tuning and "directions" in self.weights:
            moved = np.tensordot(tuning, self.weights["directions"].astype(np.int64), 1)
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
