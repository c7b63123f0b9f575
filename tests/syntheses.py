"""Syntheses in integers with random weights: all extremes that the format allows."""

from __future__ import annotations

import numpy as np

from licodec.config import CorrectionConfig
from licodec.transform.grid import FINE_PATCH_PX, NUM_PLANES
from licodec.transform.integer import IntegerSynthesis, is_middle

NUM_KNOTS = 3


def random_tensors(config: CorrectionConfig, seed: int) -> dict[str, np.ndarray]:
    """Tensors of a synthesis whose maps use their range and leave it now and then."""
    random = np.random.default_rng(seed)
    tensors = _part(random, "", config.patch_px, config.width, config.num_blocks)
    prefix = ""
    if config.fine_blocks:
        prefix = "fine."
        tensors |= _part(random, prefix, FINE_PATCH_PX, config.fine_width, config.fine_blocks)
    outputs, inputs = tensors[f"{prefix}out.weight"].shape
    directions = random.integers(-2000, 2000, (24, outputs, inputs + 1))
    return tensors | {"directions": directions.astype(np.int32)}


def random_synthesis(config: CorrectionConfig, seed: int) -> IntegerSynthesis:
    return IntegerSynthesis(random_tensors(config, seed), config)


def _part(
    random: np.random.Generator, prefix: str, patch_px: int, width: int, num_blocks: int
) -> dict[str, np.ndarray]:
    channels = NUM_PLANES * patch_px**2
    most = 64 if patch_px > FINE_PATCH_PX else 127
    tensors: dict[str, np.ndarray] = {}
    for name in ["into", *(f"blocks.{b}.{n}" for b in range(num_blocks) for n in ("into", "back"))]:
        inputs = channels if name == "into" else width
        weight = random.normal(0, most / 4, (width, inputs, 3, 3)).clip(-most, most)
        # What a sum is worth in bytes, or in sixteenths of them where blocks add to it.
        wanted = 60 if is_middle(name) else 900
        size = np.sqrt(9 * inputs) * most / 4 * (1500 if name == "into" else 60)
        shift = max(int(np.log2(size / wanted)) - 5, 0)
        factor = min(2.0 ** (15 + shift) * wanted / size, 32767.0)
        num_rows = 1 if name.endswith("back") else NUM_KNOTS
        tensors |= {
            f"{prefix}{name}.weight": weight.astype(np.int8),
            f"{prefix}{name}.bias": _integers(random, 4000, (num_rows, width)),
            f"{prefix}{name}.shift": np.full(width, shift, np.uint8),
            f"{prefix}{name}.factor": (factor * random.uniform(0.5, 1, width)).astype(np.int16),
        }
        if is_middle(name):
            tensors[f"{prefix}{name}.zero"] = random.integers(0, 90, width).astype(np.uint8)
    return tensors | {
        f"{prefix}stream.zero": random.integers(60, 200, width).astype(np.uint8),
        f"{prefix}last.zero": random.integers(0, 60, width).astype(np.uint8),
        f"{prefix}last.factor": random.integers(1500, 3000, width).astype(np.int16),
        f"{prefix}out.weight": _integers(random, 32767, (channels, width)),
        f"{prefix}out.bias": _integers(random, 200_000, (channels,)),
        f"{prefix}gain": np.geomspace(2**29, 2**23, 256).astype(np.int32),
        f"{prefix}gain_bits": np.array([42], np.int32),
    }


def _integers(random: np.random.Generator, most: int, shape: tuple[int, ...]) -> np.ndarray:
    return random.integers(-most, most, shape).astype(np.int32)
