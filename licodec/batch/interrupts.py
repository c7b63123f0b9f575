"""Ctrl-C in a batch: it waits until what belongs together is done, and is never forgotten."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Interrupts:
    """Ctrl-C for the time of a `with` block in the main thread; elsewhere nothing changes."""

    def __init__(self) -> None:
        self._before: Callable[[int, FrameType | None], Any] | None = None
        self._is_held = False
        self._waiting: tuple[int, FrameType | None] | None = None
        self._has_come = False

    def __enter__(self) -> "Interrupts":
        before = signal.getsignal(signal.SIGINT)
        if threading.current_thread() is threading.main_thread() and callable(before):
            self._before = before
            signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    @property
    def is_waiting(self) -> bool:
        """Whether Ctrl-C is being kept back."""
        return self._waiting is not None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep Ctrl-C back until the block ends, be it by an error.

        Raises:
            KeyboardInterrupt: at the end of the block, or whatever else the program does at Ctrl-C.
        """
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False
            if self._waiting is not None:
                waiting, self._waiting = self._waiting, None
                self._handle(*waiting)

    def check(self) -> None:
        """Raise KeyboardInterrupt once more, if the work has taken it for its own."""
        if self._has_come:
            raise KeyboardInterrupt

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._is_held:
            self._waiting = number, frame
            return
        assert self._before is not None
        try:
            self._before(number, frame)
        except KeyboardInterrupt:
            self._has_come = True
            raise
