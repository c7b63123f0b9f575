"""The one traversal visits every step once, coarse to fine, whatever walks."""

from __future__ import annotations

import pytest

from licodec.prior.layout import NUM_LOW_PASS_STEPS, detail_steps
from licodec.prior.walk import Visit, walk
from licodec.transform.grid import NUM_LEVELS


class Recorder:
    """`Walker` that writes down where it was."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []
        self.visits: list[Visit] = []

    def visit_low_pass(self, step: int) -> None:
        self.calls.append(("low-pass", step))

    def leave_low_pass(self) -> None:
        self.calls.append(("leave low-pass", 0))

    def enter_level(self, level: int) -> None:
        self.calls.append(("enter", level))

    def visit(self, visit: Visit) -> None:
        self.calls.append(("visit", visit.level))
        self.visits.append(visit)

    def leave_level(self, level: int) -> None:
        self.calls.append(("leave", level))


def test_all_steps_are_visited_in_coding_order():
    recorder = Recorder()
    walk(recorder)
    assert recorder.calls[:3] == [("low-pass", 0), ("low-pass", 1), ("low-pass", 2)]
    assert recorder.calls[3] == ("leave low-pass", 0)
    assert [level for call, level in recorder.calls if call == "enter"] == [6, 5, 4, 3, 2, 1]
    heads = [v.head for v in recorder.visits]
    assert heads == [0, 1, *[0, 1, 2, 3] * 5]
    assert [v.channels for v in recorder.visits] == [
        step.channels for level in range(NUM_LEVELS, 0, -1) for step in detail_steps(level)
    ]
    assert [v.level for v in recorder.visits if v.is_last] == [6, 5, 4, 3, 2, 1]


def test_a_level_is_left_after_its_last_step_and_before_the_next_is_entered():
    recorder = Recorder()
    walk(recorder)
    order = [(c, n) for c, n in recorder.calls if c in ("enter", "leave")]
    assert order == [(c, n) for n in range(NUM_LEVELS, 0, -1) for c in ("enter", "leave")]
    last = recorder.calls.index(("leave", 3))
    assert recorder.calls[last - 4 : last] == [("visit", 3)] * 4


def test_grey_pictures_leave_the_steps_of_chroma_out_and_keep_the_heads_of_the_others():
    grey, colour = Recorder(), Recorder()
    walk(grey, is_grey=True)
    walk(colour)
    channels = {(v.level, v.head): v.channels for v in colour.visits}
    assert all(v.channels == channels[v.level, v.head] for v in grey.visits)
    assert len(grey.visits) == 1 + 5 * 2
    assert [v.level for v in grey.visits if v.is_last] == [6, 5, 4, 3, 2, 1]


@pytest.mark.parametrize("last_level", [1, 2, 5, 6])
def test_no_level_finer_than_the_last_is_visited(last_level):
    recorder = Recorder()
    walk(recorder, last_level=last_level)
    assert min(v.level for v in recorder.visits) == last_level
    assert recorder.calls[-1] == ("leave", last_level)
    assert [c for c, _ in recorder.calls].count("low-pass") == NUM_LOW_PASS_STEPS
