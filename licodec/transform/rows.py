"""Convolves a map that comes in strips of rows, without computing a row twice.

A 3x3 convolution needs one row more above and below than it gives. A map that comes in strips, from
top to bottom, is convolved as the whole would be: each layer keeps what the next strip needs of
this one, and gives a row as soon as the one below it is there. So n layers hold n rows back until
the next strip, and the last strip gives them all.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ConvolvedRows:
    """A 3x3 convolution, padded with zeros, of a map that comes in strips.

    Args:
        conv: with weights of (C', C, 3, 3) and padding 1.
        bias: (N, C'), added to its own.
    """

    def __init__(self, conv: nn.Conv2d, bias: Tensor | None = None) -> None:
        self._conv, self._bias = conv, bias
        self._kept: Tensor | None = None
        self._at_top = True

    def push(self, x: Tensor, *, is_last: bool) -> Tensor:
        """(N, C, h, w), the rows below those of the last call, to (N, C', h', w)."""
        x = below(self._kept, x)
        num_rows = x.shape[2]
        if is_last and self._at_top:
            return self._convolve(x)
        self._kept = x[:, :, -2:].clone()
        if num_rows < 2:
            return x.new_empty(len(x), self._conv.out_channels, 0, x.shape[3])
        first, self._at_top = (0 if self._at_top else 1), False
        return self._convolve(x)[:, :, first : num_rows if is_last else num_rows - 1]

    def _convolve(self, x: Tensor) -> Tensor:
        if self._bias is None:
            return torch.as_tensor(self._conv(x))
        if len(x) == 1:  # then it costs no pass over the map
            bias = torch.as_tensor(self._conv.bias) + self._bias[0]
            return F.conv2d(x, self._conv.weight, bias, padding=1)
        out: Tensor = self._conv(x)
        return out + self._bias[:, :, None, None].to(out.dtype)


class LateRows:
    """What is added to rows that come out late."""

    def __init__(self) -> None:
        self._kept: Tensor | None = None

    def push(self, x: Tensor, num_rows: int) -> Tensor:
        """Take (N, C, h, w) rows; (N, C, num_rows, w), the first of those not yet given."""
        x = below(self._kept, x)
        self._kept = x[:, :, num_rows:].clone() if num_rows < x.shape[2] else None
        return x[:, :, :num_rows]


def below(above: Tensor | None, x: Tensor) -> Tensor:
    """(.., h, w) rows under those that were kept, if there are any."""
    return torch.cat([above, x], -2) if above is not None and above.shape[-2] else x
