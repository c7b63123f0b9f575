"""A codec with networks of a few channels, seeded: the real code at a fraction of the work."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from licodec.codec.model import Family, family_of_tensors
from licodec.config import CorrectionConfig, FamilyConfig
from licodec.prior.load import reference_prior
from licodec.train.integer_synthesis import Sample, arrays_of, integer_synthesis
from licodec.train.integers import empty_counts, integer_prior, table_tensors
from licodec.train.network import CodecNetwork
from licodec.transform.colour import rgb_to_planes
from licodec.transform.grid import FRACTION_BITS
from licodec.transform.integer import DIRECTION_BITS, IntegerSynthesis
from licodec.transform.weights import weights_of
from tests.photos import crop

NETS = ("fine", "middle", "coarse", "top")
TINY_FAMILY = FamilyConfig(
    num_knots=3,
    widths=dict.fromkeys(NETS, 16),
    depths=dict.fromkeys(NETS, 2),
    head_widths=dict.fromkeys(NETS, 16),
    analysis_width=16,
    analysis_blocks=1,
    analysis_fine_width=8,
    analysis_fine_blocks=1,
)
# With all that a larger prior has, as narrow.
RICH_FAMILY = replace(TINY_FAMILY, has_magnitudes=True, carries_hidden=True, max_weight=64)
TINY_SYNTHESIS = CorrectionConfig(width=16, num_blocks=1, fine_width=8, fine_blocks=1)


def rgb_batch(pixels: list) -> Tensor:
    """(N, 3, H, W) uint8 of arrays (H, W, 3)."""
    return torch.stack([torch.from_numpy(p.copy()).permute(2, 0, 1) for p in pixels])


def tiny_network(seed: int = 0, family: FamilyConfig = TINY_FAMILY) -> CodecNetwork:
    """Random weights, scale tables measured on a photograph."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = CodecNetwork(family, TINY_SYNTHESIS)
    network.start_from_spreads(rgb_batch([crop(256, 256)]))
    return network.eval().requires_grad_(False)


def tiny_synthesis(
    network: CodecNetwork, directions: Tensor | None = None, shape: CorrectionConfig | None = None
) -> IntegerSynthesis:
    """The network's synthesis in integers.

    Args:
        network: with the float one.
        directions: (K, O, I + 1) float in which its last layer can be moved.
        shape: of the synthesis, if it is not the tiny one.
    """
    planes = rgb_to_planes(rgb_batch([crop(128, 64)]).float())[0]
    planes = (planes * (1 << FRACTION_BITS)).round().to(torch.int32)
    samples = [Sample(index, planes) for index in (0, 100, 160, 255)]
    shape = shape or network.synthesis_config
    tensors = integer_synthesis(network.synthesis, shape, network.family, samples)
    if directions is not None:
        exact, prefix = network.synthesis.last.out, "fine." if shape.fine_width else ""
        given = torch.cat([exact.weight[:, :, 0, 0], exact.bias[:, None]], 1)
        made = [tensors[f"{prefix}out.weight"], tensors[f"{prefix}out.bias"][:, None]]
        unit = torch.cat(made, 1).abs().sum(0) / given.abs().sum(0)
        moved = directions * unit * 2**DIRECTION_BITS
        tensors["directions"] = moved.round().to(torch.int32)
    return IntegerSynthesis(arrays_of(tensors), shape)


def tiny_tensors(network: CodecNetwork, skip_below: int = 1) -> dict[str, Tensor]:
    """All tensors that symbols depend on, as a family stores them; tables of the density."""
    tensors = integer_prior(network.prior, network.log_detail_steps, network.log_low_steps)
    return tensors | table_tensors(empty_counts(), skip_below, 12, 1.0)


def tiny_family(network: CodecNetwork, carrier: torch.dtype = torch.float32) -> Family:
    """The network in integers, ready to code."""
    tensors = tiny_tensors(network)
    analysis = weights_of(network.analysis, network.family.analysis, network.family.num_knots)
    family = family_of_tensors(arrays_of(tensors), network.family, analysis)
    return replace(family, prior=reference_prior(family.tensors, carrier))
