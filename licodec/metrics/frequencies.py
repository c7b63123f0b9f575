"""Splits linear light into Butteraugli's bands of what the eye makes of it.

First the photoreceptors' response, whose gain follows the light around (opsin dynamics), then
four bands: low, middle, high and ultra-high frequencies of X (red against green) and Y (light), of
which blue has only the lower two.

Source: libjxl, lib/jxl/butteraugli/butteraugli.cc, v0.7; every number is from there.
"""

from dataclasses import dataclass

import torch

from licodec.metrics.blur import blur
from licodec.metrics.curves import gaussian

# Brightness in nits of the linear value 1, as of libjxl's butteraugli_main.
_INTENSITY_NITS = 80.0

_MIX = torch.tensor(
    [
        [0.29956550340058319, 0.63373087833825936, 0.077705617820981968],
        [0.22158691104574774, 0.69391388044116142, 0.0987313588422],
        [0.02, 0.02, 0.20480129041026129],
    ],
    dtype=torch.float32,
)
_MIX_BIAS = torch.tensor([1.7557483643287353, 1.7557483643287353, 12.226454707163354])


def _truncated(sigma: float) -> torch.Tensor:
    return torch.from_numpy(gaussian(sigma, max(1, int(2.25 * sigma))))


_KERNEL_OPSIN = _truncated(1.2)
_KERNEL_LOW = _truncated(7.15593339443)
_KERNEL_HIGH = _truncated(3.22489901262)
_KERNEL_ULTRA = _truncated(1.56416327805)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bands:
    """One picture in bands, float32."""

    low: torch.Tensor  # (3, H, W): X, Y, B
    middle: torch.Tensor  # (3, H, W)
    high: torch.Tensor  # (2, H, W): X, Y
    ultra: torch.Tensor  # (2, H, W)


def blur_inside(planes: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    """Blur of (C, H, W) that leaves out what is beyond the borders."""
    return blur(planes, kernel, rows="renormalise", columns="renormalise")


def separate(linear: torch.Tensor) -> Bands:
    """Bands of a picture of linear light in 0..1, (3, H, W) float32."""
    xyb = _opsin_dynamics(linear)
    low = blur_inside(xyb, _KERNEL_LOW)
    rest = xyb - low
    smooth = blur_inside(rest, _KERNEL_HIGH)
    high = _suppress_x_by_y(rest[:2] - smooth[:2])
    middle = torch.stack(
        [_without_small(smooth[0], 0.29), _with_small_doubled(smooth[1], 0.1), smooth[2]]
    )
    smooth = blur_inside(high, _KERNEL_ULTRA)
    ultra_x = _without_small(high[0] - smooth[0], 0.04)
    high_x = _without_small(smooth[0], 1.5)
    high_y = _compressed(smooth[1], 28.4691806922)
    ultra_y = 2.69313763794 * _compressed(high[1] - high_y, 5.19175294647)
    high_y = _with_small_doubled(2.155 * high_y, 0.132)
    return Bands(
        low=_low_values(low),
        middle=middle,
        high=torch.stack([high_x, high_y]),
        ultra=torch.stack([ultra_x, ultra_y]),
    )


def _opsin_dynamics(linear: torch.Tensor) -> torch.Tensor:
    """X, Y and B: receptor responses with the gain that the blurred light sets, (3, H, W)."""
    bias = _MIX_BIAS[:, None]
    around = blur(linear, _KERNEL_OPSIN, rows="mirror", columns="mirror").flatten(1)
    adapted = torch.maximum(_MIX @ (_INTENSITY_NITS * around) + bias, bias)
    gain = ((adapted + 9.9710635769299145).log() * 19.245013259874995 - 23.16046239805755) / adapted
    here = _MIX @ (_INTENSITY_NITS * linear.flatten(1)) + bias
    long, middle, short = torch.maximum(here * gain.clamp_min(1e-4), bias).view_as(linear)
    return torch.stack([long - middle, long + middle, short])


def _suppress_x_by_y(high: torch.Tensor) -> torch.Tensor:
    """X and Y (2, H, W), red and green edges weakened where light has edges."""
    weight, least = 46.0, 0.653020556257
    x, y = high
    return torch.stack([x * ((1 - least) * weight / (y.square() + weight) + least), y])


def _without_small(x: torch.Tensor, limit: float) -> torch.Tensor:
    """Move values towards zero by `limit`; smaller ones become zero."""
    return x - x.clamp(-limit, limit)


def _with_small_doubled(x: torch.Tensor, limit: float) -> torch.Tensor:
    """Move values away from zero by `limit`; smaller ones double."""
    return x + x.clamp(-limit, limit)


def _compressed(x: torch.Tensor, limit: float) -> torch.Tensor:
    """Weaken what is beyond `limit` on either side."""
    inside = x.clamp(-limit, limit)
    return inside + 0.724216145665 * (x - inside)


def _low_values(low: torch.Tensor) -> torch.Tensor:
    """Low frequencies on scales whose squared differences count alike."""
    x, y, b = low
    return torch.stack(
        [32.2217497012 * x, 13.7697791434 * y, 47.504615728 * (b - 0.362267051518 * y)]
    )
