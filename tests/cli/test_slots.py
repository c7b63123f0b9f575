"""Pictures share slots."""

import threading
from contextlib import suppress

import pytest

from licodec.cli.interrupts import Stopped
from licodec.cli.slots import SLOT_PX, Slots, default_jobs


def is_free(slots: Slots, num_pixels: int) -> bool:
    """Whether another thread gets slots for a picture at once."""
    taken = threading.Event()

    def take() -> None:
        with suppress(Stopped), slots.take(num_pixels):
            taken.set()

    thread = threading.Thread(target=take)
    thread.start()
    found = taken.wait(0.2)
    slots.close()  # lets a thread that waits go
    thread.join()
    return found


def test_default_is_at_least_one_and_at_most_eight() -> None:
    assert 1 <= default_jobs() <= 8


def test_small_pictures_take_one_slot_each() -> None:
    slots = Slots(2)
    with slots.take(SLOT_PX):
        assert is_free(slots, 1)


def test_full_slots_let_nobody_in() -> None:
    slots = Slots(2)
    with slots.take(1), slots.take(1):
        assert not is_free(slots, 1)


def test_large_picture_takes_several_slots() -> None:
    slots = Slots(3)
    with slots.take(2 * SLOT_PX + 1):
        assert not is_free(slots, 1)


def test_picture_of_any_size_gets_all_slots_at_most() -> None:
    slots = Slots(2)
    with slots.take(100 * SLOT_PX):
        pass
    assert is_free(slots, 100 * SLOT_PX)


def test_slots_come_back_after_a_failure() -> None:
    slots = Slots(2)
    try:
        with slots.take(2 * SLOT_PX):
            raise ZeroDivisionError
    except ZeroDivisionError:
        assert is_free(slots, 2 * SLOT_PX)


def test_share_grows_with_the_picture() -> None:
    slots = Slots(4)
    for num_pixels, wanted in ((1, 0.25), (2 * SLOT_PX, 0.5), (99 * SLOT_PX, 1.0)):
        with slots.take(num_pixels) as share:
            assert share == wanted


def test_closed_slots_let_nobody_in() -> None:
    slots = Slots(2)
    slots.close()
    with pytest.raises(Stopped), slots.take(1):
        pass
