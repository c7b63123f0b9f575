"""What a batch does with each job, and what codes for it in a process."""

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from copy import copy
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from licodec.batch.jobs import Coded, FatalError, Job, Result

if TYPE_CHECKING:
    from licodec.api import Codec

_T = TypeVar("_T")


# Of what was coded, by the names of `Result`.
Times = dict[str, Any]


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
        self.max_pixels = max_pixels
        self._turn = nullcontext() if turn is None else turn
        self._codecs: dict[tuple[str, str], Codec] = {}
        self._loading = threading.Lock()

    def run(self, call: Callable[[], _T]) -> tuple[_T, Times]:
        """Do what needs no codec."""
        with self._turn:
            return _timed(call)

    def run_codec(self, profile: str, tune: str, call: Callable[["Codec"], _T]) -> tuple[_T, Times]:
        """Do what needs a codec.

        Raises:
            ModelError: unknown profile, or unusable weights.
            FatalError: unusable device.
        """
        with self._turn:
            codec, model_seconds = self._codec(profile, tune)
            value, times = _timed(lambda: call(codec))
            stages_s = dict(codec.last_timings)
        return value, times | {"model_seconds": model_seconds, "stages_s": stages_s}

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
                codec = Codec(profile, self._device, tune, max_pixels=self.max_pixels)
            except ValueError as error:
                raise FatalError(str(error)) from error
            self._codecs[profile, tune] = codec
            return copy(codec), time.perf_counter() - started


def _timed(call: Callable[[], _T]) -> tuple[_T, Times]:
    started = time.perf_counter()
    value = call()
    return value, {"seconds": time.perf_counter() - started}


class Work(Protocol):
    """What a run does with each job; travels to other processes by pickle.

    Made without arguments it is the work of a command without options.
    """

    @property
    def command(self) -> str:
        """Name of the command."""

    @property
    def settings(self) -> dict[str, Any]:
        """Settings that outputs do not carry, as JSON values; see `SettingsRecord`."""

    def find_finished(self, job: Job) -> Result | None:
        """The result of an earlier run, as far as files carry it; None if there is no output.

        Raises:
            LicodecError: there is one that is older than its input or of other settings.
        """

    def num_pixels(self, job: Job) -> float:
        """Pixels of the picture by the front of its file; infinite if they are not there."""

    def code(self, job: Job, worker: Worker) -> Coded:
        """Read the input and code it.

        Raises:
            LicodecError: the input is bad.
            FatalError: no other job can succeed either.
        """
