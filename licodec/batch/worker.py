"""What codes the pictures of a batch, in the process that it is made in."""

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from licodec.batch.jobs import FatalError

if TYPE_CHECKING:
    from licodec.api import Codec

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Timed(Generic[_T]):
    """What was coded, and the times that it took as fields of `Result`."""

    value: _T
    times: dict[str, Any]


class Worker:
    """Codes in this process, in any thread; codecs are loaded once, whichever job asks first.

    Args:
        device, max_pixels: as of `licodec.Codec`.
        turn: held while a picture is coded.
    """

    def __init__(
        self, device: str, max_pixels: int, turn: AbstractContextManager[Any] | None = None
    ) -> None:
        self._device = device
        self._max_pixels = max_pixels
        self._turn = nullcontext() if turn is None else turn
        self._codecs: dict[tuple[str, str], Codec] = {}
        self._loading = threading.Lock()

    def run(self, call: Callable[[], _T]) -> Timed[_T]:
        """Do what needs no codec."""
        with self._turn:
            return _timed(call)

    def run_codec(self, profile: str, tune: str, call: Callable[["Codec"], _T]) -> Timed[_T]:
        """Do what needs a codec.

        Raises:
            ModelError: unknown profile, or unusable weights.
            FatalError: unusable device.
        """
        with self._turn:
            codec, model_seconds = self._codec(profile, tune)
            timed = _timed(lambda: call(codec))
            stages_s = dict(codec.last_timings)
        times = timed.times | {"model_seconds": model_seconds, "stages_s": stages_s}
        return Timed(timed.value, times)

    def _codec(self, profile: str, tune: str) -> "tuple[Codec, float]":
        """A codec for the calling thread alone, and the seconds that loading took now.

        The weights are shared, `last_timings` is not.
        """
        with self._loading:
            started = time.perf_counter()
            if (profile, tune) in self._codecs:
                return copy(self._codecs[profile, tune]), 0.0
            from licodec.api import Codec

            try:
                codec = Codec(profile, self._device, tune, max_pixels=self._max_pixels)
            except ValueError as error:
                raise FatalError(str(error)) from error
            self._codecs[profile, tune] = codec
            return copy(codec), time.perf_counter() - started


def _timed(call: Callable[[], _T]) -> Timed[_T]:
    started = time.perf_counter()
    value = call()
    return Timed(value, {"seconds": time.perf_counter() - started})
