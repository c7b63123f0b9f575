"""What the padding's details weigh, through the wavelet on torch; see `licodec.native.lifting`."""

from __future__ import annotations

import numpy as np
import torch

from licodec.transform.wavelet import analyse_level


def padding_slope(plane: np.ndarray, height: int, width: int, norms: np.ndarray) -> np.ndarray:
    """As `licodec.native.lifting.padding_slope`."""
    rows, columns = plane.shape
    with torch.inference_mode(False), torch.enable_grad():
        x = torch.from_numpy(plane).clone().requires_grad_(True)
        low, squares = x[None, None], []
        for level, norm in enumerate(torch.from_numpy(norms), 1):
            low, details = analyse_level(low)
            inside = _inside(rows >> level, columns >> level, 1 << level, height, width)
            squares.append((details[0, 0] * ~inside * norm[:, None, None]).square().sum())
        (slope,) = torch.autograd.grad(torch.stack(squares).sum() / 2, x)
    return (slope * ~_inside(rows, columns, 1, height, width)).numpy()


def _inside(rows: int, columns: int, size: int, height: int, width: int) -> torch.Tensor:
    """(rows, columns) bool: elements of the picture in a grid of that step."""
    y, x = torch.arange(rows) * size < height, torch.arange(columns) * size < width
    return y[:, None] & x[None]
