"""Profile and tune go in, a codec comes out; each is loaded once, whichever thread asks first."""

import threading
import time
from copy import copy
from typing import TYPE_CHECKING

from licodec.errors import LicodecError

if TYPE_CHECKING:
    from licodec.api import Codec


class FatalError(LicodecError):
    """No job of a run can succeed."""


class CodecCache:
    """Codecs of one run, by profile and tune.

    Args:
        device, max_pixels: as of `licodec.Codec`.
    """

    def __init__(self, device: str, max_pixels: int) -> None:
        self._device = device
        self._max_pixels = max_pixels
        self._codecs: dict[tuple[str, str], Codec] = {}
        self._lock = threading.Lock()

    def get(self, profile: str, tune: str) -> "tuple[Codec, float]":
        """A codec for the calling thread alone, and the seconds that loading took now.

        The weights are shared, `last_timings` is not.

        Raises:
            ModelError: unknown profile, or unusable weights.
            FatalError: unusable device.
        """
        with self._lock:
            if (profile, tune) in self._codecs:
                return copy(self._codecs[profile, tune]), 0.0
            started = time.perf_counter()
            from licodec.api import Codec

            try:
                codec = Codec(profile, self._device, tune, max_pixels=self._max_pixels)
            except ValueError as error:
                raise FatalError(str(error)) from error
            self._codecs[profile, tune] = codec
            return copy(codec), time.perf_counter() - started
