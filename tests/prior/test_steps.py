"""Every element is coded in exactly one step, and the number of steps never grows."""

from __future__ import annotations

import numpy as np
import pytest

from licodec.prior.coding_prior import CodingPrior
from licodec.prior.layout import detail_steps, fold_of
from licodec.prior.load import reference_prior
from licodec.train.integer_synthesis import arrays_of
from tests.prior.tracing import ZeroSymbols
from tests.tiny import tiny_network, tiny_tensors

NUM_GREY_STEPS = 3 + 1 + 5 * 2  # low-pass, top level, two colours on each finer level
SIZES = [(1, 1), (17, 33), (65, 64), (130, 259)]  # height, width


@pytest.fixture(scope="module")
def prior() -> CodingPrior:
    return reference_prior(arrays_of(tiny_tensors(tiny_network())))


def walked(prior: CodingPrior, height: int, width: int, *, is_grey: bool = False) -> ZeroSymbols:
    trace = ZeroSymbols()
    prior.planes(128, height, width, is_grey=is_grey, code=trace)
    return trace


@pytest.mark.parametrize(("width", "height"), [(1, 1), (256, 256), (768, 512), (2048, 1365)])
def test_number_of_steps_is_25_at_every_picture_size(width, height, prior):
    assert len(walked(prior, height, width).places) == 25


@pytest.mark.parametrize(("width", "height"), [(1, 1), (256, 256), (768, 512)])
def test_grey_picture_takes_the_luma_steps_alone(width, height, prior):
    assert len(walked(prior, height, width, is_grey=True).places) == NUM_GREY_STEPS


@pytest.mark.parametrize("is_grey", [False, True])
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_every_element_is_coded_in_exactly_one_step(height, width, is_grey, prior):
    rows, columns = -(-height // 64), -(-width // 64)
    low = np.zeros((3, rows, columns), np.int32)
    folded = {}
    for level in range(1, 7):
        grid_px = fold_of(level) << level
        shape = (9 * fold_of(level) ** 2, rows * 64 // grid_px, columns * 64 // grid_px)
        folded[level] = np.zeros(shape, np.int32)
    trace = walked(prior, height, width, is_grey=is_grey)
    for where, index in zip(trace.places, trace.indices, strict=True):
        if where.mask is None:
            assert index.shape == (len(where.channels), *folded[where.level].shape[1:])
            folded[where.level][list(where.channels)] += 1
        else:
            assert index.shape == (len(where.channels), int(where.mask.sum()))
            for channel in where.channels:
                low[channel] += where.mask
    num_planes = 1 if is_grey else 3
    for maps, per_plane in [(low, 1), *((m, len(m) // 3) for m in folded.values())]:
        assert np.all(maps[: num_planes * per_plane] == 1)
        assert np.all(maps[num_planes * per_plane :] == 0)


def test_levels_come_coarse_to_fine_and_a_step_knows_all_earlier_ones_of_its_level(prior):
    levels = [where.level for where in walked(prior, 64, 64).places]
    assert levels == [0] * 3 + [6] * 2 + [lv for lv in (5, 4, 3, 2, 1) for _ in range(4)]
    for level in range(1, 7):
        known: list[int] = []
        for step in detail_steps(level):
            assert sorted(step.known) == sorted(known)
            known += step.channels


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_elements_that_lie_in_the_padding_have_index_and_mean_zero(height, width, prior):
    trace = walked(prior, height, width)
    for where, *maps in zip(trace.places, trace.indices, trace.means, strict=True):
        if where.mask is not None:
            continue
        fold = fold_of(where.level)
        for channel, *planes in zip(where.channels, *maps, strict=True):
            plane = np.maximum(*np.abs(planes))
            down, right = divmod(channel % (fold * fold), fold)
            y = (np.arange(plane.shape[0]) * fold + down) << where.level
            x = (np.arange(plane.shape[1]) * fold + right) << where.level
            is_outside = (y >= height)[:, None] | (x >= width)[None]
            assert np.all(plane[is_outside] == 0)


def test_low_pass_elements_are_never_skipped(prior):
    trace = walked(prior, 300, 500)
    for where, index in zip(trace.places, trace.indices, strict=True):
        assert where.mask is None or np.all(index >= 1)
