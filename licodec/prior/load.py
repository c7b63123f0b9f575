"""Makes the prior that codes with a family: native, or the reference on torch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from licodec import native
from licodec.errors import ModelError
from licodec.prior.base import CodingPrior
from licodec.prior.native_walk import NativePrior


def load_prior(tensors: Mapping[str, np.ndarray]) -> CodingPrior:
    """The native prior; the reference without the library, or where it cannot take the weights.

    Args:
        tensors: the family's tensors by name; integers.

    Raises:
        ModelError: a tensor is missing or an accumulator could leave the exact range.
    """
    library = native.find()
    if library is not None:
        try:
            return NativePrior(tensors, library)
        except KeyError as error:
            raise ModelError(
                f"the family's weights lack tensor {error}; reinstall licodec"
            ) from error
        except ModelError:  # the reference may take them
            pass
    import torch

    from licodec.prior.integer import IntegerPrior

    return IntegerPrior({name: torch.from_numpy(array) for name, array in tensors.items()})
