"""Analysis corrections with random weights."""

from __future__ import annotations

import numpy as np
import torch

from licodec.config import CorrectionConfig
from licodec.transform.correction import Correction
from licodec.transform.weights import CorrectionWeights, weights_of

NUM_KNOTS = 3
# Knot weights and step of a quality.
INPUTS = np.array([[0.25, 0.75, 0]], np.float32), np.array([7.5], np.float32)
SHAPES = (
    CorrectionConfig(width=16, num_blocks=1, fine_width=8, fine_blocks=1),
    CorrectionConfig(width=4, num_blocks=0, fine_width=4, fine_blocks=2),
    CorrectionConfig(width=20, num_blocks=2, patch_px=2),
)


def weights(shape: CorrectionConfig) -> CorrectionWeights:
    """Random ones, large enough to change pictures by some grey levels."""
    torch.manual_seed(shape.width)
    net = Correction(
        width=shape.width,
        num_blocks=shape.num_blocks,
        num_knots=NUM_KNOTS,
        patch_px=shape.patch_px,
        fine_width=shape.fine_width,
        fine_blocks=shape.fine_blocks,
    )
    for name, parameter in net.named_parameters():
        if name.endswith(("bias", "gain")):
            torch.nn.init.normal_(parameter, std=0.3)
        if name.endswith("out.weight"):
            parameter.data.mul_(30)
    return weights_of(net, shape, NUM_KNOTS)


def random_words(height: int, width: int) -> np.ndarray:
    """(3, height, width) int32 planes, 1/64 grey level."""
    random = np.random.default_rng(width)
    return np.rint(random.normal(0, 60 * 64, (3, height, width))).astype(np.int32)
