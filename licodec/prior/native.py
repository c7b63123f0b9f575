"""The native library's walk for callers that have torch: tensors that share its arrays' memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from licodec import native
from licodec.errors import ModelError
from licodec.native.network import NativeNetwork
from licodec.native.prior import NativePlanes, Place, visit
from licodec.prior.inputs import low_pass_elements
from licodec.prior.planes import Planes
from licodec.transform.grid import GRID_PX


class TensorPlanes(Planes):
    """As `Planes`, with windows of the native library."""

    def __init__(self, planes: NativePlanes) -> None:
        self._native = planes
        self.shape = planes.shape

    def window(self, top: int, bottom: int, left: int, right: int) -> Tensor:
        """(3, bottom - top, right - left) int32, the same whatever the window."""
        return torch.from_numpy(self._native.window(top, bottom, left, right))


def load_network(tensors: Mapping[str, Tensor]) -> NativeNetwork | None:
    """The family's networks in the native library; None without it, or where it cannot take them.

    Raises:
        KeyError: a tensor is missing; it is named.
    """
    library = native.find()
    if library is None:
        return None
    arrays = {k: v.numpy() for k, v in tensors.items() if not v.is_floating_point()}
    try:
        return NativeNetwork(arrays, library)
    except ModelError:
        return None


def visit_native(
    network: NativeNetwork,
    quality_index: int,
    height: int,
    width: int,
    *,
    is_grey: bool,
    code: Callable[[int, Tensor, Tensor, Place, Tensor | None], Tensor],
    last_level: int,
    is_kept: bool,
) -> Planes:
    """As `licodec.native.prior.visit`; `code` also takes the mask of low-pass elements."""
    rows, columns = -(-height // GRID_PX), -(-width // GRID_PX)

    def code_arrays(step: int, mean: np.ndarray, index: np.ndarray, place: Place) -> np.ndarray:
        mask = None if place.level else low_pass_elements(place.number, rows, columns)
        added = code(step, torch.from_numpy(mean), torch.from_numpy(index), place, mask)
        if added.dtype not in (torch.int16, torch.int32):
            added = added.to(torch.int32)
        array: np.ndarray = added.contiguous().numpy()
        return array

    planes = visit(
        network,
        quality_index,
        height,
        width,
        is_grey=is_grey,
        code=code_arrays,
        last_level=last_level,
        is_kept=is_kept,
    )
    return TensorPlanes(planes)
