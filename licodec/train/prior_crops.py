"""Crops as a prior meets them, step by step: analysed and coded once, then kept on disk.

    CACHE/known-<analysis, steps, crop, quantizer>/<process>-<number>.safetensors

A file holds some crops at random qualities. Of each level it has, with what is innermost last and
channels in coding order:

    values     float16, coefficients in steps
    off        int8, values less what they were quantised to, 1/64 step
    known      int8, quantised values as networks see them, companded, 1/16
    features   int8, high-pass and brightness, the same

and of each crop `position`, its quality in [0, 1], and `low_bits`, the bits of its low-pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from licodec.codec.model import fingerprint_of
from licodec.prior.batch import CropCoder, Qualities
from licodec.prior.decision import Quantize
from licodec.prior.fixed_point import SIXTEENTHS
from licodec.prior.float_net import Prior
from licodec.prior.float_walk import FloatWalk
from licodec.prior.layout import detail_steps, fold_of
from licodec.prior.walk import walk
from licodec.train.cache_folder import CacheFolder
from licodec.train.data import CropSampler
from licodec.train.network import CodecNetwork
from licodec.train.precision import convolved_type, training_autocast
from licodec.train.processes import process_rank
from licodec.transform.colour import rgb_to_planes
from licodec.transform.grid import NUM_LEVELS, NUM_PLANES
from licodec.transform.quality import knot_weights
from licodec.transform.wavelet import analyse

LEVELS = tuple(range(NUM_LEVELS, 0, -1))
OFF_UNIT = 64
_INT8_MAX = 127
_FILE_CROPS = 32
_BATCH = 8
_LARGEST_HALF = 60000.0
# What crops do not depend on; the prior that they were coded with may be an earlier one.
_OTHERS = ("prior.", "synthesis.")
_KINDS = ("values", "off", "known", "features")


def coding_order(level: int) -> list[int]:
    """Folded channels of a level as its steps code them."""
    return [c for step in detail_steps(level) for c in step.channels]


class _Recorder(FloatWalk):
    """Notes what the prior knows and what it codes.

    Attributes:
        parts: tensors of a file by name.
    """

    def __init__(
        self, prior: Prior, qualities: Qualities, rows: int, columns: int, coder: CropCoder
    ) -> None:
        super().__init__(prior, qualities, rows, columns, coder)
        self._coder = coder
        self.parts: dict[str, Tensor] = {}

    def leave_low_pass(self) -> None:
        """See `Walker`."""
        self.parts["low_bits"] = self._coder.bits.float()
        super().leave_low_pass()

    def leave_level(self, level: int) -> None:
        """See `Walker`."""
        quantised = torch.cat(self.coded, 1)
        values = self._coder.level(level)[:, coding_order(level)]
        num_features = NUM_PLANES * (fold_of(level) ** 2 + 1)
        parts = {
            "values": values.clamp(-_LARGEST_HALF, _LARGEST_HALF).half(),
            "off": _bytes_of((values - quantised) * OFF_UNIT),
            "known": _bytes_of(self._prior.net(level).compand(quantised) * SIXTEENTHS),
            "features": _bytes_of(self.inputs[:, :num_features] * SIXTEENTHS),
        }
        for kind, part in parts.items():
            self.parts[f"{kind}{level}"] = part.permute(0, 2, 3, 1).contiguous()
        super().leave_level(level)


def _bytes_of(x: Tensor) -> Tensor:
    return x.round().clamp(-_INT8_MAX, _INT8_MAX).to(torch.int8)


@torch.no_grad()
def record(
    network: CodecNetwork, rgb: Tensor, position: Tensor, quantize: Quantize
) -> dict[str, Tensor]:
    """What a file holds, of these crops.

    Args:
        network: codes them.
        rgb: (N, 3, S, S) uint8.
        position: (N,) quality in [0, 1].
        quantize: how symbols are chosen.
    """
    weights = knot_weights(position.to(rgb.device), network.family.num_knots)
    qualities = network.qualities(weights)
    with training_autocast(rgb.device):
        planes = rgb_to_planes(rgb.float())
        planes = network.analysis(planes, weights, network.step_px(weights))
        low, details = analyse(planes.float())
        coder = CropCoder(low, details, qualities, quantize)
        rows, columns = low.shape[2:]
        recorder = _Recorder(network.prior, qualities, rows, columns, coder)
        walk(recorder)
    parts = {k: v.cpu() for k, v in recorder.parts.items()}
    return parts | {"position": position.float().cpu()}


@dataclass(frozen=True, slots=True)
class CropBatch:
    """Crops of a step of training; tensors by level, (n, C, h, w) and channels innermost.

    Attributes:
        position: (N,) quality in [0, 1].
        low_bits: (N,).
        values, off: as in a file.
        known, features: the same in units of 1, of the type that is convolved.
    """

    position: Tensor
    low_bits: Tensor
    values: Mapping[int, Tensor]
    off: Mapping[int, Tensor]
    known: Mapping[int, Tensor]
    features: Mapping[int, Tensor]


class CropCache:
    """Coded crops of one analysis.

    Attributes:
        folder: that holds them; it may serve several analyses, quantizers and runs.
        num_crops: that can be drawn.
        num_made: of them, by this process.

    Args:
        folder: see above.
        network: whose analysis and step sizes the crops are of.
        crop_px: side of a crop.
        quantizer: name of what chooses symbols.
    """

    def __init__(
        self, folder: CacheFolder, network: CodecNetwork, crop_px: int, quantizer: str
    ) -> None:
        kept = {k: v.cpu() for k, v in network.state_dict().items() if not k.startswith(_OTHERS)}
        self.folder = folder
        self._place = folder.path / f"known-{fingerprint_of(kept)[:16]}-{crop_px}-{quantizer}"
        paths = sorted(self._place.glob("*.safetensors"))
        self._files = [file for path in paths if (file := _read(path))]
        self.num_made = 0

    @property
    def num_crops(self) -> int:
        """See the class."""
        return sum(len(f["position"]) for f in self._files)

    def has_room(self) -> bool:
        """Whether one more file as large as the last one fits the limit; the first always does."""
        if not self._files:
            return True
        return self.folder.has_room(sum(tensor.nbytes for tensor in self._files[-1].values()))

    def make(self, network: CodecNetwork, sampler: CropSampler, quantize: Quantize) -> None:
        """Add a file of crops.

        Args:
            network: its prior codes them; with its integers, if its rounding is switched on.
            sampler: gives batches of RGB crops.
            quantize: how symbols are chosen.

        Raises:
            TrainingError: the cache cannot be written.
        """
        device = network.rd_lambdas.device
        parts: list[dict[str, Tensor]] = []
        while sum(len(p["position"]) for p in parts) < _FILE_CROPS:
            rgb = sampler.batch().to(device)
            parts += [
                record(network, x, torch.rand(len(x)), quantize) for x in torch.split(rgb, _BATCH)
            ]
        whole = {k: torch.cat([p[k] for p in parts]) for k in parts[0]}
        path = self._new_path()
        self.folder.write(path, whole)
        self._files.append(load_file(path))
        self.num_made += len(whole["position"])

    def _new_path(self) -> Path:
        number = len(self._files)
        while (path := self._place / f"{process_rank()}-{number:05d}.safetensors").exists():
            number += 1
        return path

    def batch(
        self, random: np.random.Generator, size: int, num_fine: int, device: torch.device
    ) -> CropBatch:
        """Crops drawn at random.

        Args:
            random: draws.
            size: N.
            num_fine: of how many, the first, level 1 is given.
            device: of the result.
        """
        starts = np.cumsum([0, *(len(f["position"]) for f in self._files)])
        drawn = random.integers(0, starts[-1], size)
        file = np.searchsorted(starts, drawn, side="right") - 1
        where = [(self._files[f], int(i - starts[f])) for f, i in zip(file, drawn, strict=True)]

        def rows(name: str, count: int = size) -> Tensor:
            return torch.stack([tensors[name][i] for tensors, i in where[:count]]).to(device)

        dtype = convolved_type(device)
        levels: dict[str, dict[int, Tensor]] = {kind: {} for kind in _KINDS}
        for kind in _KINDS:
            for level in LEVELS:
                part = rows(f"{kind}{level}", num_fine if level == 1 else size)
                if kind in ("known", "features"):
                    part = part.to(dtype).mul_(1 / SIXTEENTHS)
                levels[kind][level] = part.permute(0, 3, 1, 2)
        return CropBatch(rows("position"), rows("low_bits"), **levels)


def _read(path: Path) -> dict[str, Tensor] | None:
    """The tensors of a file, mapped from it; None if it is damaged."""
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError):
        return None
    expected = {"position", "low_bits", *(f"{kind}{level}" for kind in _KINDS for level in LEVELS)}
    return tensors if tensors.keys() == expected else None
