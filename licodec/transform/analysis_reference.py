"""The analysis correction in integers on torch: what the native library is tested against.

Convolutions add bytes of 16-bit numbers times weights in 32-bit floating-point numbers, which is
exact. Also runs where there is no native library.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from licodec.transform.integer_analysis import WordLayer, WordPart
from licodec.transform.patches import from_patches, to_patches
from licodec.transform.reference import column, convolve, leak, to_short


def corrected_words(parts: Sequence[WordPart], planes: np.ndarray) -> np.ndarray:
    """Correct planes, all at once.

    Args:
        parts: networks at a quality.
        planes: (3, H, W) int32, 1/64 grey level, H and W multiples of the patches.

    Returns:
        (3, H, W) int16, 1/64 grey level.
    """
    with torch.inference_mode():
        x = to_short(torch.from_numpy(planes))
        for part in parts:
            change = from_patches(_change(part, x)[None], part.patch_px)[0]
            x = to_short(x + change)
        return x.to(torch.int16).numpy()


def _change(part: WordPart, planes: Tensor) -> Tensor:
    into, *blocks = part.layers
    stream = leak(_convolved(to_patches(planes[None], part.patch_px)[0], into))
    for middle, back in zip(blocks[::2], blocks[1::2], strict=True):
        hidden = leak(_convolved(stream, middle))
        stream = to_short(stream + _convolved(hidden, back))
    return _convolved(leak(stream), part.out)


def _convolved(x: Tensor, layer: WordLayer) -> Tensor:
    """(C, h, w) int32 within 16 bits to (O, h, w), the same.

    Sums of weights are below 2^17, so those of products with either byte are below 2^24.
    """
    low = ((x + 128) & 255) - 128
    sums = (convolve((x - low) >> 8, layer.weight) << 8) + convolve(low, layer.weight)
    return to_short(torch.bitwise_right_shift(sums + column(layer.bias), column(layer.shift)))
