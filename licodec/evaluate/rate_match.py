"""Finds a codec's file of a picture that is nearest to a number of bytes."""

import math
from collections.abc import Mapping
from types import MappingProxyType

from PIL import Image

from licodec.evaluate.codec import BenchCodec, Trial, encode_timed

# Files this near are taken for equal in size: half the step between most codecs' settings.
TOLERANCE = 0.002


def grid_index(codec: BenchCodec, quality: float) -> int:
    """Place of the setting in the codec's grid that is nearest to `quality`."""
    return min(range(len(codec.grid)), key=lambda index: abs(codec.grid[index] - quality))


def match_bytes(
    codec: BenchCodec,
    image: Image.Image,
    num_bytes: float,
    tried: Mapping[int, Trial] = MappingProxyType({}),
) -> Trial:
    """Find the setting whose file is nearest to a size, by ratio.

    Every other step guesses from the logarithms of the sizes on both sides, the others halve the
    interval; sizes must grow along the grid, and the best file tried counts where they do not.

    Args:
        image: RGB.
        num_bytes: size to come near to, above 0.
        tried: files that were made before, by place in the grid; they save encodes.

    Raises:
        LicodecError: the codec refuses the picture.
    """
    trials = dict(tried)

    def distance(trial: Trial) -> float:
        return abs(math.log(len(trial.data) / num_bytes))

    low = max((i for i, t in trials.items() if len(t.data) <= num_bytes), default=-1)
    high = min((i for i in trials if i > low), default=len(codec.grid))
    is_halving = False
    while high - low > 1 and min(map(distance, trials.values()), default=math.inf) > TOLERANCE:
        index = (low + high) // 2
        if not is_halving and low in trials and high in trials:
            index = _interpolate(low, high, trials, num_bytes)
        is_halving = not is_halving
        trials[index] = encode_timed(codec, image, codec.grid[index])
        if len(trials[index].data) <= num_bytes:
            low = index
        else:
            high = index
    return min(trials.values(), key=distance)


def _interpolate(low: int, high: int, trials: Mapping[int, Trial], num_bytes: float) -> int:
    below, above = len(trials[low].data), len(trials[high].data)
    share = math.log(num_bytes / below) / math.log(above / below)
    return min(high - 1, max(low + 1, low + round(share * (high - low))))
