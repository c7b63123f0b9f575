"""The coding prior is the same whatever carries it, and close to the prior that was trained."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from licodec.errors import ModelError
from licodec.prior.fixed_point import LOG_SCALE_MIN, MAX_ACTIVATION, SCALES_PER_NAT, VALUE_BITS
from licodec.prior.inputs import compand_table
from licodec.prior.layers import check_bounds
from licodec.prior.layout import StepElements
from licodec.prior.load import reference_prior
from licodec.prior.logistic import logistic_bits
from licodec.prior.shapes import check_tensors
from licodec.train.integer_loss import integer_loss
from licodec.train.integer_synthesis import arrays_of
from licodec.train.network import CodecNetwork
from tests.photos import crop
from tests.prior.tracing import RandomSymbols
from tests.tiny import rgb_batch, tiny_family, tiny_network, tiny_tensors

HEIGHT, WIDTH = 200, 333  # off the padding grid in both directions
ROUNDING_HALF = 1 << 15  # what `check_bounds` allows for it


@pytest.fixture(scope="module")
def network() -> CodecNetwork:
    return tiny_network(seed=3)


@pytest.fixture(scope="module")
def tensors(network: CodecNetwork) -> dict[str, Tensor]:
    return tiny_tensors(network)


def trace(
    tensors: dict[str, Tensor], carrier: torch.dtype = torch.float32, *, is_grey: bool = False
) -> list[int]:
    """Checksums of means and indices of every step, of the symbols' picture at the end."""
    code = RandomSymbols(seed=8)
    prior = reference_prior(arrays_of(tensors), carrier)
    planes = prior.planes(140, HEIGHT, WIDTH, is_grey=is_grey, code=code).whole()
    return [*code.checksums, hash(planes.tobytes())]


@pytest.fixture
def restored_threads() -> Iterator[None]:
    num_threads = torch.get_num_threads()
    yield
    torch.set_num_threads(num_threads)


@pytest.mark.parametrize("positions", [1, 64, 700])
@pytest.mark.parametrize("is_grey", [False, True])
def test_means_and_indices_do_not_depend_on_the_size_of_strips(
    positions, is_grey, tensors, monkeypatch
):
    whole = trace(tensors, is_grey=is_grey)
    monkeypatch.setattr("licodec.prior.strips.STRIP_POSITIONS", positions)
    assert trace(tensors, is_grey=is_grey) == whole


@pytest.mark.parametrize("is_grey", [False, True])
def test_means_and_indices_do_not_depend_on_the_carrier(is_grey, tensors):
    exact = trace(tensors, torch.float64, is_grey=is_grey)
    assert trace(tensors, torch.float32, is_grey=is_grey) == exact


def test_trunk_of_the_finest_level_is_gone_when_the_last_step_is_coded(tensors):
    """It is the largest of what the last steps have in memory."""
    alive = []

    def code(mean: np.ndarray, index: np.ndarray, where: StepElements) -> np.ndarray:
        shape = (16, *mean.shape[1:])
        tensors = [t for t in gc.get_objects() if type(t) is Tensor]
        alive.append(sum(t.dtype == torch.uint8 and t.shape == shape for t in tensors))
        return np.zeros_like(mean)

    prior = reference_prior(arrays_of(tensors))
    prior.planes(140, HEIGHT, WIDTH, is_grey=False, code=code)
    assert alive[-4:] == [1, 1, 1, 0]


def test_means_and_indices_do_not_depend_on_the_number_of_threads(tensors, restored_threads):
    traces = []
    for num_threads in (1, 2, 3):
        torch.set_num_threads(num_threads)
        traces.append(trace(tensors))
    assert traces[0] == traces[1] == traces[2]


def test_means_and_indices_do_not_depend_on_reduced_precision_of_products(tensors):
    exact = trace(tensors)
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")  # may round factors to bfloat16
        assert trace(tensors) == exact
    finally:
        torch.set_float32_matmul_precision(before)


def test_installed_family_gives_the_same_on_all_carriers(family):
    traces = []
    others = (reference_prior(family.tensors, c) for c in (torch.float32, torch.float64))
    for prior in (family.prior, *others):
        code = RandomSymbols(seed=2)
        prior.planes(200, 70, 150, is_grey=False, code=code)
        traces.append(code.checksums)
    assert all(trace == traces[0] for trace in traces)


@pytest.mark.parametrize(("carrier", "limit"), [(torch.float32, 2**24), (torch.float64, 2**53)])
def test_bound_is_refused_from_the_first_integer_that_the_carrier_cannot_tell(carrier, limit):
    assert torch.tensor(float(limit), dtype=carrier) + 1 == limit
    weights = [torch.tensor([[[[-100]], [[27]]]], dtype=torch.int8)]
    rest = limit - ROUNDING_HALF - 127 * MAX_ACTIVATION
    within, beyond = (torch.tensor([n], dtype=torch.int64) for n in (1 - rest, rest))
    assert check_bounds("a", weights, within, carrier) == limit - 1
    for bias, extra in ((beyond, 0), (within, 1)):
        with pytest.raises(ModelError, match=f"layer a of the prior can reach {limit}"):
            check_bounds("a", weights, bias, carrier, extra)


def test_bound_is_that_of_the_worst_channel_over_all_convolutions_that_add_up():
    weights = [
        torch.tensor([[[[1]]], [[[-3]]]]),
        torch.tensor([[[[1, 1], [1, 1]]], [[[2, 0], [0, 0]]]]),
    ]
    bias = torch.tensor([0, -10])
    expected = 10 + 7 + ROUNDING_HALF + (3 + 2) * MAX_ACTIVATION
    assert check_bounds("a", weights, bias, torch.float32, 7) == expected  # fmt: skip


@pytest.mark.parametrize("name", ["net.fine.block0", "net.coarse.first", "net.top.head1.in"])
def test_weights_that_could_leave_the_exact_range_are_not_loaded(name, tensors):
    heavy = torch.full_like(tensors[f"{name}.bias"], 1 << 24)
    with pytest.raises(ModelError, match=f"layer {name} of the prior can reach"):
        reference_prior(arrays_of(tensors | {f"{name}.bias": heavy}))


def test_quality_bias_counts_towards_the_bound(tensors):
    name = "net.middle.quality_bias"
    with pytest.raises(ModelError, match=r"layer net\.middle\.first of the prior can reach"):
        reference_prior(arrays_of(tensors | {name: tensors[name] + (1 << 24)}))


@pytest.mark.parametrize("name", ["compand", "low_steps_q4", "net.fine.first.shift"])
def test_missing_tensor_is_named(name, tensors):
    with pytest.raises(ModelError, match=f"lack tensor '{name}'"):
        reference_prior(arrays_of({k: v for k, v in tensors.items() if k != name}))


def test_integers_of_steps_and_scales_beyond_all_pictures_stay_within_their_ranges():
    network = tiny_network()
    network.log_detail_steps[:] = -9.0
    network.prior.detail_log_scale[:] = 20.0
    tensors = arrays_of(tiny_tensors(network))
    check_tensors(tensors)
    assert int(tensors["high_pass_reciprocal"].max()) == 1 << 21
    assert int(tensors["mean_unit_q8"].max()) == 1 << 18


def test_companding_table_is_a_rising_arc_hyperbolic_sine_of_eighths():
    table = compand_table().numpy()
    exact = np.minimum(127, 16 * np.arcsinh(np.arange(4096) / 8))
    assert np.abs(table - exact).max() <= 0.5
    assert np.all(np.diff(table) >= 0)


class FloatWalk:
    """Quantizer of the trained prior that rounds and keeps each step's mean, scale and symbols."""

    def __init__(self) -> None:
        self.steps: list[tuple[Tensor, Tensor, Tensor]] = []

    def __call__(self, values: Tensor, mean: Tensor, log_scale: Tensor) -> tuple[Tensor, Tensor]:
        symbols = torch.round(values - mean)
        self.steps.append((mean[0], log_scale[0], symbols[0]))
        return logistic_bits(symbols, log_scale).flatten(1).sum(1), mean + symbols


@pytest.mark.parametrize("quality_index", [40, 128, 220])
def test_means_and_scales_of_the_integers_are_those_of_the_floats_on_a_photograph(
    quality_index, network, tensors
):
    floats = FloatWalk()
    index_errors, mean_errors = [], []

    def code(mean: np.ndarray, index: np.ndarray, where: StepElements) -> np.ndarray:
        float_mean, log_scale, symbols = floats.steps[len(mean_errors)]
        expected = ((log_scale - LOG_SCALE_MIN) * SCALES_PER_NAT).round().clamp(0, 63)
        if where.level:  # low-pass indices start at 1
            index_errors.append((torch.from_numpy(index) - expected).flatten())
        means = torch.from_numpy(mean) / (1 << VALUE_BITS)
        mean_errors.append((means - float_mean).flatten())
        return (16 * symbols.to(torch.int32)).numpy()

    pixels = crop(256, 192, name="chelsea")
    with torch.inference_mode():
        position = torch.tensor([quality_index / 255])
        network(rgb_batch([pixels]), position, quantize=floats)
        prior = reference_prior(arrays_of(tensors))
        prior.planes(quality_index, 192, 256, is_grey=False, code=code)
    index_error, mean_error = torch.cat(index_errors), torch.cat(mean_errors)
    assert float(index_error.abs().mean()) < 0.25
    assert abs(float(index_error.mean())) < 0.15  # of an index, 2 % of a scale
    assert float(mean_error.abs().mean()) < 0.1


@pytest.mark.parametrize("quality_index", [128, 200, 250])
def test_integers_cost_less_than_one_per_cent_of_rate_on_a_photograph(quality_index, network):
    # Middle and high rates alone: where random weights predict scales that are far off, the cost
    # of a changed scale says nothing about a trained prior.
    family = tiny_family(network)
    assert abs(integer_loss(network, family, [crop(256, 256)], quality_index)) < 0.01
