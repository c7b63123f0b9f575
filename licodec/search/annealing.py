"""Moves a latent to where its soft symbols cost less: stochastic Gumbel annealing.

Each step draws for every element one of its two neighbouring symbols, softly and the nearer one
more often, and goes down the gradient of rate and error. As the temperature falls the draws
harden. Where steps towards local minima end, this still finds better latents, slowly.

Source: Yang, Bamler and Mandt 2020, arXiv:2006.04240.
"""

from __future__ import annotations

import torch
from torch import Tensor

from licodec.codec.encode import Encoded
from licodec.search.objective import Objective
from licodec.search.values import Values

# Adam's step, in quantization steps: larger ones lose what is there already.
_LEARNING_RATE = 0.005
# Low enough at the start to keep most symbols where they are.
FIRST_TEMPERATURE, LAST_TEMPERATURE = 0.5, 0.15
_EDGE = 1e-4  # keeps logarithms finite


class Annealing:
    """Steps of one annealing; the draws are the same in each run.

    Args:
        objective: of the picture.
        values: to start from; changed in place.
        encoded: what they were coded as.
        seed: of the draws.
    """

    def __init__(
        self, objective: Objective, values: Values, encoded: Encoded, *, seed: int
    ) -> None:
        self._objective = objective
        self._values = values
        self._encoded = encoded
        self._adam = torch.optim.Adam(values.tensors, _LEARNING_RATE, betas=(0.9, 0.99))
        self._random = torch.Generator().manual_seed(seed)

    def step(self, share: float) -> None:
        """One step, after a share of the annealing, 0 to 1."""
        temperature = FIRST_TEMPERATURE * (LAST_TEMPERATURE / FIRST_TEMPERATURE) ** share

        def draw(values: Tensor, mean: Tensor, is_coded: Tensor) -> tuple[Tensor, Tensor]:
            symbols = soft_symbols(values - mean, temperature, self._random)
            return torch.where(is_coded, mean + symbols, mean), symbols

        slopes = self._objective.slopes(self._values, draw, self._encoded)
        for tensor, slope in zip(self._values.tensors, slopes.tensors, strict=True):
            tensor.grad = slope
        self._adam.step()


def soft_symbols(residual: Tensor, temperature: float, random: torch.Generator) -> Tensor:
    """Draw between the whole numbers below and above, differentiably.

    Args:
        residual: value minus mean in steps, float, any shape.
        temperature: above 0; near 0 the draws are whole numbers, and nearly always the nearer one.
        random: source of the draws.

    Returns:
        Soft symbols between both neighbours, same shape.
    """
    below = residual.detach().floor()
    place = (residual - below).clamp(_EDGE, 1 - _EDGE)
    # atanh(place) - atanh(1 - place)
    odds = 0.5 * torch.log(place * (1 + place) / ((1 - place) * (2 - place)))
    noise = torch.rand(residual.shape, generator=random, dtype=residual.dtype).logit_(_EDGE**2)
    return below + torch.sigmoid((odds / temperature + noise) / temperature)
