"""Finds a codec's smallest file of a picture whose quality reaches a score."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from licodec.evaluate.codec import BenchCodec, decode_timed, encode_timed


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerMatch:
    """A peer's file that is at least as good as asked, and its cost."""

    quality: int  # the lowest setting whose score is not below the target
    num_bytes: int
    score: float
    # Size at exactly the target: log of the size interpolated over the score between this file
    # and the one at the quality below; num_bytes where there is none below.
    num_bytes_at_target: float
    encode_s: float
    decode_s: float


# Of an original and a decoded picture, (H, W, 3) uint8 RGB each; higher is better.
Score = Callable[[NDArray[np.uint8], NDArray[np.uint8]], float]


def match_score(
    peer: BenchCodec,
    reference: NDArray[np.uint8],
    target: float,
    bounds: Sequence[int],
    score: Score,
) -> PeerMatch | None:
    """Find by bisection the peer's lowest quality that reaches a score.

    Args:
        reference: (H, W, 3) uint8 RGB.
        target: the score to reach.
        bounds: lowest and highest quality to try; the score must grow with the quality.
        score: such as SSIMULACRA 2 or PSNR.

    Returns:
        None where not even the highest quality reaches the target.
    """
    low, high = bounds[0] - 1, bounds[-1]  # low fails (or is not there), high succeeds
    below, best = None, _attempt(peer, reference, high, score)
    if best.score < target:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        tried = _attempt(peer, reference, middle, score)
        if tried.score < target:
            low, below = middle, tried
        else:
            high, best = middle, tried
    return _interpolate_size(below, best, target)


def _attempt(
    peer: BenchCodec, reference: NDArray[np.uint8], quality: int, score: Score
) -> PeerMatch:
    image = Image.fromarray(reference)
    made = encode_timed(peer, image, quality)
    decoded, decode_s = decode_timed(peer, made.data, image.size)
    return PeerMatch(
        quality=quality,
        num_bytes=len(made.data),
        score=score(reference, decoded),
        num_bytes_at_target=len(made.data),
        encode_s=made.encode_s,
        decode_s=decode_s,
    )


def _interpolate_size(below: PeerMatch | None, best: PeerMatch, target: float) -> PeerMatch:
    if below is None:
        return best
    share = (target - below.score) / (best.score - below.score)
    num_bytes = below.num_bytes ** (1 - share) * best.num_bytes**share
    return replace(best, num_bytes_at_target=float(num_bytes))
