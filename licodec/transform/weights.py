"""The weights of a learned correction as numpy arrays, which every implementation is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from licodec import native
from licodec.config import CorrectionConfig
from licodec.errors import ModelError
from licodec.transform.integer_analysis import IntegerCorrection
from licodec.transform.native_correction import NativeCorrection

if TYPE_CHECKING:
    from licodec.transform.correction import Correction


@dataclass(frozen=True)
class CorrectionWeights:
    """Shape and weights of a correction.

    Attributes:
        shape: of its networks.
        num_knots: qualities with parameters of their own.
        arrays: float32, by the names that `licodec.transform.correction.Correction` gives them.
        path: of the file that they come from, for messages.
    """

    shape: CorrectionConfig
    num_knots: int
    arrays: Mapping[str, np.ndarray]
    path: str = "weights"

    @cached_property
    def integer(self) -> IntegerCorrection:
        """The same in integers.

        Raises:
            ModelError: the weights do not have the shape.
        """
        try:
            return IntegerCorrection(self.shape, self.arrays)
        except (KeyError, ModelError) as error:
            raise ModelError(
                f"{self.path}: weights do not have the shape that they state"
            ) from error

    @cached_property
    def native(self) -> NativeCorrection | None:
        """`integer` in the native library; None without it. Raises as `integer`."""
        library = native.find()
        return None if library is None else NativeCorrection(self.integer, library)

    @cached_property
    def module(self) -> Correction:
        """The same on torch, which is loaded. Raises as `integer`."""
        import torch

        from licodec.transform.correction import Correction

        try:
            net = Correction(**asdict(self.shape), num_knots=self.num_knots).float()
            net.load_state_dict({k: torch.from_numpy(a) for k, a in self.arrays.items()})
        except (RuntimeError, TypeError, ValueError) as error:
            raise ModelError(
                f"{self.path}: weights do not have the shape that they state"
            ) from error
        net.eval().requires_grad_(False)
        channels_last = torch.channels_last
        return net.to(memory_format=channels_last)  # type: ignore[call-overload,no-any-return]


def weights_of(module: Correction, shape: CorrectionConfig, num_knots: int) -> CorrectionWeights:
    """Weights of a network on torch, in memory of their own."""
    arrays = {k: v.detach().cpu().float().numpy().copy() for k, v in module.state_dict().items()}
    return CorrectionWeights(shape, num_knots, arrays)
