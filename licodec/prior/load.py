"""Makes the prior that codes with a family: native, or the reference on torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from licodec import native
from licodec.native.binding import Library
from licodec.prior.coding_prior import CodingPrior
from licodec.prior.native_elements import NativeElements
from licodec.prior.native_network import NativeNetwork, UnsupportedShapeError
from licodec.prior.shapes import check_tensors

if TYPE_CHECKING:
    import torch


def load_prior(tensors: Mapping[str, np.ndarray]) -> CodingPrior:
    """The native prior; the reference without the library, or where it cannot take the weights.

    Args:
        tensors: the family's tensors by name.

    Raises:
        ModelError: tensors that no prior consists of, or whose sums could leave the exact range.
    """
    library = native.find()
    if library is not None:
        try:
            return native_prior(tensors, library)
        except UnsupportedShapeError:
            pass
    return reference_prior(tensors)


def native_prior(tensors: Mapping[str, np.ndarray], library: Library) -> CodingPrior:
    """The prior in the native library.

    Raises:
        ModelError: tensors that no prior consists of.
        UnsupportedShapeError: weights that the library cannot take.
    """
    check_tensors(tensors)
    network, elements = NativeNetwork(tensors, library), NativeElements(tensors, library)
    return CodingPrior(tensors, network, elements)


def reference_prior(
    tensors: Mapping[str, np.ndarray], carrier: torch.dtype | None = None
) -> CodingPrior:
    """The prior on torch.

    Args:
        tensors: the family's tensors by name.
        carrier: of the networks' integers, torch.float32 (None) or torch.float64.

    Raises:
        ModelError: tensors that no prior consists of, or whose sums could leave the exact range.
    """
    import torch

    from licodec.prior.reference_elements import ReferenceElements
    from licodec.prior.reference_network import ReferenceNetwork

    check_tensors(tensors)
    network = ReferenceNetwork(tensors, carrier or torch.float32)
    return CodingPrior(tensors, network, ReferenceElements(tensors))
