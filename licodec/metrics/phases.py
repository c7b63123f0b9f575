"""Where pictures are cut before they are compared.

SSIMULACRA 2 and Butteraugli halve pictures in squares of 2x2 pixels that begin at the first pixel.
What is wrong within a square is gone from the halved picture, so that networks trained for such a
measure learn to be wrong there and right in the squares' means; without its first row the same
picture then scores lower, although nobody sees another one (docs/decisions/eye.md).
"""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor

Phase = tuple[int, int]  # rows and columns that are cut off, from the top and from the left

UNCUT: Phase = (0, 0)

# Each remainder of 4, which is what two halvings see, once for rows and once for columns.
PHASES: tuple[Phase, ...] = ((0, 1), (1, 3), (2, 0), (3, 2))

# In training: remainders of three halvings.
_NUM_DRAWN = 8
MOST_DRAWN_PX = _NUM_DRAWN - 1
_ODD = (1, 3, 5, 7)

_Planes = TypeVar("_Planes", bound=Tensor)


def draw_phases() -> tuple[Phase, Phase]:
    """One of 8x8, and one whose squares lie across those of the first; by torch's generator."""
    down, right = torch.randint(_NUM_DRAWN, (2,)).tolist()
    below, beside = (_ODD[i] for i in torch.randint(len(_ODD), (2,)).tolist())
    return (down, right), ((down + below) % _NUM_DRAWN, (right + beside) % _NUM_DRAWN)


def cut(planes: Tensor, phase: Phase) -> Tensor:
    """(.., H, W) without its first rows and columns."""
    down, right = phase
    return planes[..., down:, right:]
