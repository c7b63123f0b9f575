"""The 9/7 wavelet: planes to a low-pass plane and detail bands per level, and back.

Lifting without normalisation: the low-pass keeps the range of the picture at every level (gain 1
at zero frequency), and the step sizes carry the norms instead (`band_norm`). The analysis runs in
float32; it is the encoder's alone. The synthesis exists twice: in float32 for training, and in
int32 with rounding shifts for coding, where its low-pass planes select probabilities and must be
the same on every machine.

Source: CDF 9/7 in lifting steps, Daubechies and Sweldens 1998; whole-sample symmetric extension.
"""

from __future__ import annotations

import torch
from torch import Tensor

from licodec.transform.grid import FRACTION_BITS, LOW_GAIN, LOW_GAIN_Q10, NUM_LEVELS, STEP_BITS

# Lifting factors in 1/1024; both directions use these very numbers, so the pair inverts exactly
# up to rounding whatever their precision.
_LIFT_Q10 = (-1624, -54, 904, 454)  # alpha, beta, gamma, delta
LIFT = tuple(k / 1024 for k in _LIFT_Q10)
_SHIFT = 10
_HALF = 1 << (_SHIFT - 1)
# Planes smaller than this are lifted together, larger ones one by one to stay in the cache.
_CACHED_POSITIONS = 1 << 14


def _next(x: Tensor, dim: int) -> Tensor:
    """x[i + 1], the last one repeated."""
    n = x.shape[dim]
    return torch.cat([x.narrow(dim, 1, n - 1), x.narrow(dim, n - 1, 1)], dim)


def _previous(x: Tensor, dim: int) -> Tensor:
    """x[i - 1], the first one repeated."""
    n = x.shape[dim]
    return torch.cat([x.narrow(dim, 0, 1), x.narrow(dim, 0, n - 1)], dim)


def _split(x: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """One direction: even and odd samples to low-pass and detail."""
    shape = x.shape
    pairs = x.reshape(*shape[:dim], shape[dim] // 2, 2, *shape[dim + 1 :])
    low, high = pairs.select(dim + 1, 0), pairs.select(dim + 1, 1)
    alpha, beta, gamma, delta = LIFT
    high = high + alpha * (low + _next(low, dim))
    low = low + beta * (high + _previous(high, dim))
    high = high + gamma * (low + _next(low, dim))
    low = low + delta * (high + _previous(high, dim))
    return low, high


def _merge(low: Tensor, high: Tensor, dim: int) -> Tensor:
    """Inverse of `_split`."""
    alpha, beta, gamma, delta = LIFT
    low = low - delta * (high + _previous(high, dim))
    high = high - gamma * (low + _next(low, dim))
    low = low - beta * (high + _previous(high, dim))
    high = high - alpha * (low + _next(low, dim))
    return torch.stack([low, high], dim + 1).flatten(dim, dim + 1)


def analyse_level(plane: Tensor) -> tuple[Tensor, Tensor]:
    """One level of analysis.

    Args:
        plane: (N, C, h, w) float, h and w even.

    Returns:
        low-pass (N, C, h/2, w/2) and details (N, C, 3, h/2, w/2) float.
    """
    low, high = _split(plane, 3)
    low_low, low_high = _split(low, 2)
    high_low, high_high = _split(high, 2)
    return low_low / LOW_GAIN, torch.stack([high_low, low_high, high_high], 2)


def synthesise_level(low: Tensor, details: Tensor) -> Tensor:
    """Inverse of `analyse_level` in float."""
    left = _merge(low * LOW_GAIN, details[:, :, 1], 2)
    right = _merge(details[:, :, 0], details[:, :, 2], 2)
    return _merge(left, right, 3)


def analyse(planes: Tensor) -> tuple[Tensor, list[Tensor]]:
    """All levels of analysis.

    Args:
        planes: (N, C, H, W) float, H and W multiples of GRID_PX.

    Returns:
        low-pass (N, C, H/64, W/64) and the details of levels 1 (finest) to 6.
    """
    details = []
    for _ in range(NUM_LEVELS):
        planes, detail = analyse_level(planes)
        details.append(detail)
    return planes, details


def _lift_int(target: Tensor, source: Tensor, factor_q10: int, dim: int, forward: bool) -> None:
    """target -= (factor * (source + neighbour) + 512) >> 10, in place, int32 modulo 2^32."""
    last = source.shape[dim] - 1
    total = torch.empty_like(source)
    inner, edge = (0, last) if forward else (1, 0)
    torch.add(
        source.narrow(dim, 0, last),
        source.narrow(dim, 1, last),
        out=total.narrow(dim, inner, last),
    )
    torch.mul(source.select(dim, edge), 2, out=total.select(dim, edge))
    total.mul_(factor_q10).add_(_HALF).bitwise_right_shift_(_SHIFT)
    target.sub_(total)


def _merge_int(low: Tensor, high: Tensor, dim: int) -> None:
    """Integer `_merge` in place: low and high become the even and the odd samples."""
    alpha, beta, gamma, delta = _LIFT_Q10
    _lift_int(low, high, delta, dim, forward=False)
    _lift_int(high, low, gamma, dim, forward=True)
    _lift_int(low, high, beta, dim, forward=False)
    _lift_int(high, low, alpha, dim, forward=True)


def synthesise_values(low: Tensor, values: Tensor, steps: Tensor, value_bits: int) -> Tensor:
    """Inverse of `analyse_level` in integers, the same on every machine.

    Details are the products of values and steps, rounded to 1/64 grey level.

    Args:
        low: (C, h, w) int32, 1/64 grey level.
        values: (C, 3, h, w) int16 or int32, 2^-value_bits step.
        steps: (C, 3) int32, 1/1024 grey level.
        value_bits: fractional bits of the values.

    Returns:
        (C, 2h, 2w) int32, 1/64 grey level. Sums wrap modulo 2^32; pictures stay far below it
        (16 bits of range, 2 of growth, 12 of factor), damaged files may not.
    """
    channels, height, width = low.shape
    shift = value_bits + STEP_BITS - FRACTION_BITS
    out = low.new_empty(channels, 2 * height, 2 * width)
    factors = steps.expand(channels, 3)[:, :, None, None].unbind(1)
    at_once = channels if height * width < _CACHED_POSITIONS else 1
    for first in range(0, channels, at_once):
        c = slice(first, first + at_once)
        columns = low.new_empty(2, at_once, 2 * height, width)  # even, odd
        even_rows, odd_rows = columns[:, :, ::2], columns[:, :, 1::2]
        for rows, band in ((odd_rows[0], 1), (even_rows[1], 0), (odd_rows[1], 2)):
            torch.mul(values[c, band], factors[band][c], out=rows)
            rows.add_(1 << shift - 1).bitwise_right_shift_(shift)
        torch.mul(low[c], LOW_GAIN_Q10, out=even_rows[0])
        even_rows[0].add_(_HALF).bitwise_right_shift_(_SHIFT)
        _merge_int(even_rows, odd_rows, 2)
        _merge_int(columns[0], columns[1], 2)
        out[c, :, ::2], out[c, :, 1::2] = columns[0], columns[1]
    return out
