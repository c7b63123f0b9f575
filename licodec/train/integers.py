"""Turns the trained float prior into the integer tensors that code with it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from licodec.coding.trellis import UNIT
from licodec.config import MAX_QUALITY_INDEX
from licodec.entropy.tables import NUM_SCALES, fit_halves
from licodec.errors import TrainingError
from licodec.prior.fixed_point import (
    EIGHTHS,
    LOG_SCALE_MIN,
    MAX_ACTIVATION,
    MAX_MEAN_UNIT,
    MAX_RECIPROCAL,
    RECIPROCAL_BITS,
    SCALES_PER_NAT,
    SIXTEENTHS,
    UNIT_BITS,
)
from licodec.prior.float_net import Prior
from licodec.prior.inputs import compand_table
from licodec.prior.level_net import LevelNet
from licodec.prior.logistic import HALVING_BIAS
from licodec.prior.qat import MAX_WEIGHT, weight_shift
from licodec.transform.grid import FRACTION_BITS
from licodec.transform.quality import knot_weights

_EXACT_FLOAT32 = 1 << 24


def integer_layer(
    weights: list[Tensor], bias: Tensor | None, max_weight: int = MAX_WEIGHT
) -> dict[str, Tensor]:
    """Quantise convolutions that add into one sum.

    Args:
        weights: each (O, I, k, k) float; they share one power-of-two scale per output channel.
        bias: (O,) float or None.
        max_weight: of the integers.

    Returns:
        weight0, weight1, .. int8, bias int32, shift uint8 (O,).

    Raises:
        TrainingError: weights so large that no power of two brings their sums into range.
    """
    largest = torch.stack([w.abs().amax((1, 2, 3)) for w in weights]).amax(0).clamp_min(1e-6)
    shift = weight_shift(largest, max_weight)
    scale = 2.0**shift
    total = sum(
        ((w * scale[:, None, None, None]).round().abs().sum((1, 2, 3)) for w in weights),
        torch.zeros_like(scale),
    )
    # Coarser weights where the sum could leave the exact range of float32 carriers.
    excess = torch.ceil(torch.log2(total * MAX_ACTIVATION * 1.25 / _EXACT_FLOAT32)).clamp_min(0)
    shift = shift - excess
    if shift.min() < 0:
        raise TrainingError(
            f"weights of up to {float(largest.max()):.3g} are beyond the prior's integers; export "
            "an earlier checkpoint, or train on at a lower learning rate"
        )
    scale = 2.0**shift
    tensors = {
        f"weight{i}": (w * scale[:, None, None, None])
        .round()
        .clamp(-max_weight, max_weight)
        .to(torch.int8)
        for i, w in enumerate(weights)
    }
    bias = torch.zeros_like(scale) if bias is None else bias
    tensors["bias"] = (bias * SIXTEENTHS * scale).round().to(torch.int32)
    tensors["shift"] = shift.to(torch.uint8)
    return tensors


def integer_prior(
    prior: Prior, log_detail_steps: Tensor, log_low_steps: Tensor
) -> dict[str, Tensor]:
    """All tensors that symbols depend on, but for the frequency tables.

    Args:
        prior: trained.
        log_detail_steps: (knots, 6, 9) natural logarithms of the steps in grey levels.
        log_low_steps: (knots, 3) the same for the low-pass.
    """
    with torch.no_grad():
        positions = torch.arange(MAX_QUALITY_INDEX + 1) / MAX_QUALITY_INDEX
        weights = knot_weights(positions, len(log_low_steps)).double()  # (256, knots)
        tensors = _step_tables(weights, log_detail_steps.double(), log_low_steps.double())
        log_scale = torch.einsum("qk,klc->qlc", weights, prior.detail_log_scale.double())
        low_scale = torch.einsum("qk,ksc->qsc", weights, prior.low_log_scale.double())
        for name, values in (("detail_log_scale", log_scale), ("low_log_scale", low_scale)):
            tensors[name] = (values * SIXTEENTHS - HALVING_BIAS).round().to(torch.int32)
        units = (1 << UNIT_BITS) * (0.5 + log_scale.clamp(-6, 8).exp())
        tensors["mean_unit_q8"] = units.round().clamp_max(MAX_MEAN_UNIT).to(torch.int32)
        tensors["compand"] = compand_table()
        for name, net in prior.nets.items():
            assert isinstance(net, LevelNet)
            tensors |= _net_tensors(f"net.{name}", net, weights, prior.max_weight)
    return tensors


def _step_tables(weights: Tensor, log_detail: Tensor, log_low: Tensor) -> dict[str, Tensor]:
    detail = torch.einsum("qk,klc->qlc", weights, log_detail).exp()
    low = (weights @ log_low).exp()
    unit = SIXTEENTHS * (1 << FRACTION_BITS)
    detail_q4 = (detail * unit).round().clamp_min(1)
    # Nine times the high-pass in 1/64 grey level to eighths of a step.
    reference = detail_q4[:, :, ::3] / SIXTEENTHS
    return {
        "detail_steps_q4": detail_q4.to(torch.int32),
        "low_steps_q4": (low * unit).round().clamp_min(1).to(torch.int32),
        "high_pass_reciprocal": (EIGHTHS * 2.0**RECIPROCAL_BITS / (9 * reference))
        .round()
        .clamp_max(MAX_RECIPROCAL)
        .to(torch.int64),
    }


def _net_tensors(name: str, net: LevelNet, weights: Tensor, max_weight: int) -> dict[str, Tensor]:
    layers = {
        layer: integer_layer([c.weight for c in convs], convs[0].bias, max_weight)
        for layer, convs in net.layers().items()
    }
    tensors = {f"{name}.{layer}.{k}": v for layer, ts in layers.items() for k, v in ts.items()}
    scale = 2.0 ** layers["first"]["shift"].double() * SIXTEENTHS
    bias = torch.einsum("qk,klc->qlc", weights, net.quality_bias.double())
    tensors[f"{name}.quality_bias"] = (bias * scale).round().to(torch.int32)
    return tensors


def reach_of(index: int) -> int:
    """Largest magnitude R in the table of a scale index; larger ones are escapes.

    About ten scales, so that an escape is rarer than one in ten thousand.
    """
    scale = math.exp(LOG_SCALE_MIN + index / SCALES_PER_NAT)
    return min(1023, math.ceil(10 * scale) + 1)


def expected_shares(index: int, quantizer: int | None = None) -> Tensor:
    """Chances of magnitudes under the training density, before any symbol has been counted.

    Args:
        index: scale index.
        quantizer: None for cells of one step, 0 or 1 for Q0 or Q1 of the trellis; a symbol of the
            trellis is taken to stand for the half cell on both sides of its place.

    Returns:
        (R + 2,) float64: of 0, +-1, .. +-R and beyond.
    """
    scale = math.exp(LOG_SCALE_MIN + index / SCALES_PER_NAT)
    reach = reach_of(index)
    magnitudes = torch.arange(reach + 1, dtype=torch.float64)
    if quantizer is None:
        edges = magnitudes + 0.5
        beyond = 2 * torch.sigmoid(-edges / scale)  # chance of a larger size than each edge
        shares = -torch.diff(torch.cat([torch.ones(1, dtype=torch.float64), beyond]))
        return torch.cat([shares, beyond[-1:]]).clamp_min(1e-12)
    places = (2 * magnitudes - quantizer).clamp_min(0) * UNIT / 16
    half = UNIT / 32
    low, high = (places - half) / scale, (places + half) / scale
    low[0], high[-1] = 0.0, torch.inf
    shares = torch.cat([torch.sigmoid(-low) - torch.sigmoid(-high), torch.full((1,), 1e-6)])
    return (shares / shares.sum()).clamp_min(1e-12)


def table_tensors(
    counts: list[Tensor], skip_below: int, trellis_from: int, prior_count: float
) -> dict[str, Tensor]:
    """Frequency tables as a family stores them: plain ones, those of Q0, those of Q1.

    Args:
        counts: per table (R + 2,) counts of 0, +-1, .. +-R, escape; 3 x 64 tables.
        skip_below: indices below are not coded.
        trellis_from: indices from here on are in chains where the quantizer has a trellis.
        prior_count: observations that the training density weighs in each table.
    """
    halves, reaches = [], []
    for table, quantizer in enumerate(q for q in (None, 0, 1) for _ in range(NUM_SCALES)):
        expected = expected_shares(table % NUM_SCALES, quantizer).numpy()
        fitted = fit_halves(counts[table].double().numpy(), expected, prior_count)
        halves.append(torch.from_numpy(fitted))
        reaches.append(reach_of(table % NUM_SCALES))
    return {
        "table_halves": torch.cat(halves).to(torch.int32),
        "table_reaches": torch.tensor(reaches, dtype=torch.int32),
        "skip_below": torch.tensor([skip_below], dtype=torch.int32),
        "trellis_from": torch.tensor([trellis_from], dtype=torch.int32),
    }


def empty_counts() -> list[Tensor]:
    """Counts for `table_tensors` before any symbol."""
    return [torch.zeros(reach_of(i) + 2) for _ in range(3) for i in range(NUM_SCALES)]
