"""Pictures to .lic files and back, in this process or in others.

    Compressor, _Decompressor, in any thread
        -> Coders: waits for slots
            -> Coder: one codec per profile and tune, in this process
            -> Processes: a Coder each

Threads that code in one process wait for each other's lock: two of them are hardly faster than one
picture on two cores (docs/decisions.md).
"""

import math
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from licodec.cli.codecs import CodecCache, FatalError
from licodec.cli.interrupts import Stoppable, Stopped
from licodec.cli.slots import Slots
from licodec.errors import ModelError

if TYPE_CHECKING:
    from licodec.container.format import Container
    from licodec.image.picture import Picture

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Coded(Generic[_T]):
    """What came out, and what it took."""

    result: _T
    seconds: float  # coding alone
    model_seconds: float  # loading weights, 0 if that had been done
    stages_s: dict[str, float]


class Coder:
    """Codes in this process, in any thread.

    Args:
        device, max_pixels: as of `licodec.Codec`.
    """

    def __init__(self, device: str, max_pixels: int) -> None:
        self._codecs = CodecCache(device, max_pixels)

    def encode(
        self, picture: "Picture", profile: str, tune: str, arguments: Mapping[str, Any]
    ) -> Coded[bytes]:
        """`Codec.encode_picture` with these keywords.

        Raises:
            FatalError: the profile's weights cannot be loaded.
        """
        try:
            codec, model_seconds = self._codecs.get(profile, tune)
        except ModelError as error:
            raise FatalError(str(error)) from error
        started = time.perf_counter()
        data = codec.encode_picture(picture, **arguments)
        seconds = time.perf_counter() - started
        return Coded(data, seconds, model_seconds, dict(codec.last_timings))

    def decode(
        self, data: "bytes | Container", profile: str, tune: str, arguments: Mapping[str, Any]
    ) -> "Coded[Picture]":
        """`Codec.decode_picture` with these keywords; files without weights need no codec."""
        if not isinstance(data, bytes) and data.is_lossless:
            from licodec.lossless import decode_lossless

            started = time.perf_counter()
            picture = decode_lossless(data, **arguments)
            return Coded(picture, time.perf_counter() - started, 0.0, {})
        codec, model_seconds = self._codecs.get(profile, tune)
        started = time.perf_counter()
        picture = codec.decode_picture(data, **arguments)
        seconds = time.perf_counter() - started
        return Coded(picture, seconds, model_seconds, dict(codec.last_timings))


class Coders:
    """Codes as many pictures at a time as it has slots, each in a process of its own.

    Args:
        count: slots. With one, everything is coded in this process by all of torch's threads.
        device, max_pixels: as of `licodec.Codec`.
    """

    def __init__(self, count: int, device: str, max_pixels: int) -> None:
        self._slots = Slots(count)
        self._here = Coder(device, max_pixels)
        self._calls_here = Stoppable()
        self._starting = threading.Lock()
        self._is_stopped = False
        self._processes = _processes(count, device, max_pixels) if count > 1 else None

    def encode(self, picture: "Picture", profile: str, tune: str, **arguments: Any) -> Coded[bytes]:
        """See `Coder.encode`; waits for slots.

        Raises:
            Stopped: `stop` was called.
        """
        with self._slots.take(picture.width * picture.height) as share:
            if self._processes is None:
                return self._calls_here.run(
                    lambda: self._here.encode(picture, profile, tune, arguments)
                )
            return self._elsewhere(Coder.encode, share, picture, profile, tune, arguments)

    def decode(
        self,
        data: "bytes | Container",
        num_pixels: int,
        profile: str,
        tune: str,
        **arguments: Any,
    ) -> "Coded[Picture]":
        """See `Coder.decode`; waits for the slots of a picture of this size.

        Raises:
            Stopped: `stop` was called.
        """
        with self._slots.take(num_pixels) as share:
            if self._processes is None:
                return self._calls_here.run(
                    lambda: self._here.decode(data, profile, tune, arguments)
                )
            return self._elsewhere(Coder.decode, share, data, profile, tune, arguments)

    def close(self) -> None:
        """Let the processes end; nothing is being coded."""
        if self._processes is not None:
            self._processes.shutdown()

    def stop(self) -> None:
        """End all coding, and that to come: every call raises `Stopped`; what it coded is lost."""
        with self._starting:  # no process begins any more
            self._is_stopped = True
        self._slots.close()
        self._calls_here.stop()
        if self._processes is not None:
            for process in multiprocessing.active_children():
                process.kill()
            self._processes.shutdown(cancel_futures=True)

    def _elsewhere(self, way: Callable[..., _T], share: float, *arguments: Any) -> _T:
        assert self._processes is not None
        try:
            # As a process is, for life, that is started here.
            with self._starting, _interrupts_blocked():
                if self._is_stopped:
                    raise Stopped
                future = self._processes.submit(_code, way, share, arguments)
            return future.result()
        except Exception as error:
            if self._is_stopped:  # the process is gone
                raise Stopped from error
            if isinstance(error, BrokenProcessPool):
                raise FatalError(
                    "a process that codes was ended from outside, as where memory runs out; "
                    "give fewer pictures at a time with -j"
                ) from error
            raise


def _processes(count: int, device: str, max_pixels: int) -> Executor:
    """Processes with a `Coder` each, which start when they are needed."""
    context = multiprocessing.get_context("spawn")  # forks break CUDA and torch's threads
    with _interrupts_blocked():  # Python's tracker of resources begins here
        return ProcessPoolExecutor(count, context, begin, (device, max_pixels))


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Keep Ctrl-C and the end of a terminal from this thread, where the system can."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGHUP])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# In a process that codes.

_here: list[Coder] = []


def begin(device: str, max_pixels: int) -> None:
    """Get a process ready to code; it ends with its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _here.append(Coder(device, max_pixels))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _code(way: Callable[..., _T], share: float, arguments: tuple[Any, ...]) -> _T:
    """Call a method of this process' `Coder` with a share of torch's threads."""
    import torch

    torch.set_num_threads(math.ceil(share * _num_threads()))
    return way(_here[0], *arguments)


@cache
def _num_threads() -> int:
    """Torch's own choice, or OMP_NUM_THREADS."""
    import torch

    return torch.get_num_threads()
