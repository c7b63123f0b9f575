"""Ctrl-C waits until what belongs together is done, and is not forgotten."""

from __future__ import annotations

import signal
import threading
from contextlib import suppress
from types import FrameType

import pytest

from licodec.batch.interrupts import Interrupts


def test_interrupt_waits_for_the_end_of_a_block() -> None:
    done = []
    with Interrupts() as interrupts, pytest.raises(KeyboardInterrupt), interrupts.held():
        signal.raise_signal(signal.SIGINT)
        assert interrupts.is_waiting
        done.append("whole")
    assert done == ["whole"]


def test_interrupt_outside_of_such_a_block_comes_at_once() -> None:
    with Interrupts(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_interrupt_that_was_taken_comes_again() -> None:
    with Interrupts() as interrupts:
        interrupts.check()
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()


def test_handler_of_a_program_is_called_and_comes_back() -> None:
    called: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        called.append(number)

    before = signal.signal(signal.SIGINT, note)
    try:
        with Interrupts() as interrupts, interrupts.held():
            signal.raise_signal(signal.SIGINT)
            assert called == []
        interrupts.check()  # the program goes on
        assert signal.getsignal(signal.SIGINT) is note
    finally:
        signal.signal(signal.SIGINT, before)
    assert called == [signal.SIGINT]


def test_other_threads_change_nothing() -> None:
    before = signal.getsignal(signal.SIGINT)
    found = []

    def look() -> None:
        with Interrupts() as interrupts, interrupts.held():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [before]
