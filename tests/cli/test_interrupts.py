"""Threads that compute end when they are told to, wherever they are."""

import threading
import time

import pytest

from licodec.cli.interrupts import Stoppable, Stopped


def test_work_gives_its_result() -> None:
    assert Stoppable().run(lambda: 3) == 3


def test_nothing_begins_after_a_stop() -> None:
    calls = Stoppable()
    calls.stop()
    begun: list[int] = []
    with pytest.raises(Stopped):
        calls.run(lambda: begun.append(1))
    assert not begun


def test_work_that_would_never_end_is_ended_in_its_threads_alone() -> None:
    calls = Stoppable()
    told: list[str] = []

    def work_for_ever() -> None:
        while True:
            time.sleep(0.001)

    def run() -> None:
        try:
            calls.run(work_for_ever)
        except Stopped:
            told.append("stopped")

    def look_on() -> None:
        ended.wait(10)
        told.append("untouched")

    ended = threading.Event()
    threads = [threading.Thread(target=run) for _ in range(3)]
    other = threading.Thread(target=look_on)
    for thread in (*threads, other):
        thread.start()
    time.sleep(0.02)
    calls.stop()
    calls.stop()  # once more changes nothing
    for thread in threads:
        thread.join()
    ended.set()
    other.join()
    assert told == ["stopped"] * 3 + ["untouched"]


def test_stop_never_comes_later_than_the_work() -> None:
    for delay in range(100):
        calls, told = Stoppable(), []

        def run(calls: Stoppable = calls, told: list[str] = told) -> None:
            try:
                while True:
                    calls.run(int)
            except Stopped:
                told.append("stopped")
            sum(range(1000))  # would meet what comes late
            told.append("whole")

        thread = threading.Thread(target=run)
        thread.start()
        time.sleep(delay * 1e-5)
        calls.stop()
        thread.join()
        assert told == ["stopped", "whole"]
