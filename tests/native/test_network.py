"""Means, indices and planes of the native networks are those of the reference."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from licodec.errors import ModelError
from licodec.native import threads
from licodec.native.binding import Library
from licodec.prior import native_network as network_module
from licodec.prior.integer import IntegerPrior
from licodec.prior.layout import VALUE_BITS, StepElements
from licodec.prior.native_network import SYNTHESIS_SHIFT, NativeNetwork
from licodec.prior.native_walk import NativePlaneSource, NativePrior
from licodec.transform.grid import FRACTION_BITS, STEP_BITS
from tests.tiny import RICH_FAMILY, tiny_network, tiny_tensors

# On the padding grid and off it, one pixel, one row, one column.
SIZES = ((64, 64), (1, 1), (200, 333), (1, 150), (130, 1), (129, 65))


class Symbols:
    """Random symbols that depend on the step alone; a checksum of the inputs of each step."""

    def __init__(self, largest: int = 5, dtype: type = np.int32) -> None:
        self.largest, self.dtype = largest, dtype
        self.checksums: list[int] = []

    def offsets(self, step: int, mean: np.ndarray, index: np.ndarray) -> np.ndarray:
        inputs = mean.astype(np.int32).tobytes() + index.tobytes()
        self.checksums.append(zlib.crc32(inputs))
        random = np.random.default_rng(step)
        symbols = random.integers(-self.largest, self.largest + 1, mean.shape)
        symbols *= random.random(mean.shape) < 0.2
        return (16 * symbols * (index > 0)).astype(self.dtype)

    def arrays(
        self, step: int, mean: np.ndarray, index: np.ndarray, where: StepElements
    ) -> np.ndarray:
        return self.offsets(step, mean, index)


def arrays_of(tensors: dict[str, Tensor]) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in tensors.items()}


def reference(
    tensors: dict[str, Tensor],
    height: int,
    width: int,
    *,
    quality_index: int = 140,
    is_grey: bool = False,
    last_level: int = 1,
    largest: int = 5,
) -> tuple[list[int], np.ndarray]:
    symbols = Symbols(largest)
    planes = IntegerPrior(tensors, torch.float64).planes(
        quality_index,
        height,
        width,
        is_grey=is_grey,
        code=symbols.arrays,
        last_level=last_level,
    )
    return symbols.checksums, planes.whole()


def native(
    tensors: dict[str, Tensor],
    library: Library,
    height: int,
    width: int,
    *,
    quality_index: int = 140,
    is_grey: bool = False,
    last_level: int = 1,
    largest: int = 5,
    dtype: type = np.int32,
) -> tuple[list[int], np.ndarray]:
    symbols = Symbols(largest, dtype)
    planes = NativePrior(NativeNetwork(arrays_of(tensors), library)).planes(
        quality_index,
        height,
        width,
        is_grey=is_grey,
        code=symbols.arrays,
        last_level=last_level,
    )
    return symbols.checksums, planes.whole()


def assert_equal(
    found: tuple[list[int], np.ndarray], expected: tuple[list[int], np.ndarray]
) -> None:
    assert found[0] == expected[0]
    np.testing.assert_array_equal(found[1], expected[1])


@pytest.fixture(scope="module")
def tensors() -> dict[str, Tensor]:
    return tiny_tensors(tiny_network(seed=3))


@pytest.mark.parametrize("is_grey", [False, True])
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_every_instruction_set_gives_what_the_reference_gives(
    height, width, is_grey, tensors, libraries
):
    expected = reference(tensors, height, width, is_grey=is_grey)
    for library in libraries:
        assert_equal(native(tensors, library, height, width, is_grey=is_grey), expected)


@pytest.mark.parametrize("quality_index", [0, 90, 255])
def test_installed_family_gives_what_the_reference_gives(quality_index, libraries):
    from safetensors.torch import load_file

    from licodec.profiles import list_profiles

    stored = load_file(list_profiles()[0].family_path)
    tensors = {k: v for k, v in stored.items() if not k.startswith("analysis.")}
    expected = reference(tensors, 70, 150, quality_index=quality_index)
    for library in libraries:
        assert_equal(native(tensors, library, 70, 150, quality_index=quality_index), expected)


@pytest.mark.parametrize("last_level", [6, 3, 2])
def test_fewer_levels_give_what_the_reference_gives(last_level, tensors, libraries):
    expected = reference(tensors, 200, 333, last_level=last_level)
    for library in libraries:
        assert_equal(native(tensors, library, 200, 333, last_level=last_level), expected)


def test_symbols_of_any_size_give_what_the_reference_gives(tensors, libraries):
    """Values then need 32 bits, and planes wrap."""
    expected = reference(tensors, 100, 80, largest=32767)
    for library in libraries:
        assert_equal(native(tensors, library, 100, 80, largest=32767), expected)


def test_offsets_may_have_16_or_32_bits(tensors, libraries):
    for library in libraries:
        wide = native(tensors, library, 100, 80)
        assert_equal(native(tensors, library, 100, 80, dtype=np.int16), wide)


@pytest.mark.parametrize("largest", [127, 64])
def test_largest_weights_and_activations_give_what_the_reference_gives(largest, tensors, libraries):
    """Sums of two products leave 16 bits with 127; with 64 AVX2 may add them there."""
    random = np.random.default_rng(largest)
    heavy = dict(tensors)
    for name, tensor in tensors.items():
        if tensor.dtype == torch.int8:
            signs = random.integers(0, 2, tensor.shape) * 2 - 1
            signs[: len(signs) // 2] = 1
            heavy[name] = torch.from_numpy((signs * largest).astype(np.int8))
        if name.endswith(".shift"):
            heavy[name] = torch.full_like(tensor, 5)
    expected = reference(heavy, 100, 80)
    for library in libraries:
        assert_equal(native(heavy, library, 100, 80), expected)


@pytest.mark.parametrize("number", [2, 3, 7])
@pytest.mark.usefixtures("restored_threads")
def test_threads_and_so_strips_of_any_height_give_the_same(number, tensors, libraries, monkeypatch):
    threads.set_num_threads(1)
    expected = native(tensors, libraries[-1], 200, 333)
    monkeypatch.setattr(threads, "_MIN_POSITIONS", 1)
    threads.set_num_threads(number)
    for library in libraries:
        assert_equal(native(tensors, library, 200, 333), expected)


def windows(planes: NativePlaneSource) -> Sequence[tuple[int, int, int, int]]:
    _, height, width = planes.shape
    return (
        (0, height, 0, width),
        (0, 1, 0, 1),
        (height - 1, height, width - 1, width),
        (5, 40, 7, 8),
        (62, 63, 0, width),
        (0, height, 99, 101),
    )


def test_windows_of_planes_are_parts_of_the_whole(tensors, libraries):
    for library in libraries:
        planes = NativePrior(NativeNetwork(arrays_of(tensors), library)).planes(
            200,
            100,
            120,
            is_grey=False,
            code=Symbols().arrays,
        )
        whole = planes.whole()
        for top, bottom, left, right in windows(planes):
            part = planes.window(top, bottom, left, right)
            np.testing.assert_array_equal(part, whole[:, top:bottom, left:right])


def test_visit_without_planes_asks_for_the_same_symbols(tensors, libraries):
    prior = NativePrior(NativeNetwork(arrays_of(tensors), libraries[-1]))
    with_planes, without = [], []

    def recording(calls):
        code = Symbols().arrays

        def coded(step, mean, index, where):
            calls.append((step, mean.tobytes(), index.tobytes()))
            return code(step, mean, index, where)

        return coded

    prior.planes(140, 64, 64, is_grey=False, code=recording(with_planes))
    prior.visit(140, 64, 64, is_grey=False, code=recording(without))
    assert with_planes == without


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("net.fine.block0.bias", lambda t: torch.full_like(t, 1 << 30)),
        ("net.fine.block0.shift", lambda t: torch.full_like(t, 25)),
        ("net.fine.head1.in.weight1", lambda t: t[:, :, :2]),
        ("high_pass_reciprocal", lambda t: t - (1 << 22)),
        ("compand", lambda t: t[:-1]),
    ],
)
def test_weights_that_no_family_has_are_refused(name, change, tensors, libraries):
    bad = arrays_of(tensors | {name: change(tensors[name])})
    with pytest.raises(ModelError):
        NativeNetwork(bad, libraries[0])


def test_a_prior_that_the_library_has_no_code_for_is_refused_by_name(libraries):
    tensors = arrays_of(tiny_tensors(tiny_network(4, RICH_FAMILY)))
    with pytest.raises(ModelError, match="magnitudes among its inputs"):
        NativeNetwork(tensors, libraries[0])
    name = "net.top.first.weight0"
    with pytest.raises(ModelError, match="carry a hidden state"):
        NativeNetwork(tensors | {name: tensors[name][:, :6]}, libraries[0])


def test_arrays_of_another_shape_or_type_are_refused(tensors, libraries):
    net = NativeNetwork(arrays_of(tensors), libraries[0])
    low = np.zeros((3, 2, 2), np.int32)
    trunk = net.trunk(6, 100, low, None, None)
    with pytest.raises(ValueError, match="expected contiguous int32"):
        net.trunk(6, 100, low.astype(np.int64), None, None)
    with pytest.raises(ValueError, match="refuses its arguments"):
        net.trunk(6, 100, low, np.zeros((9, 2, 2), np.int8), None)
    with pytest.raises(ValueError, match=r"expected contiguous int8 \(3, 2, 2\)"):
        net.head(6, 100, 1, trunk, np.zeros((2, 2, 2), np.int8))
    with pytest.raises(ValueError, match="refuses its arguments"):
        net.synthesise(6, 100, low, np.zeros((9, 2, 2), np.int16), (0, 5, 0, 4))


def test_constants_are_those_of_the_reference():
    assert SYNTHESIS_SHIFT == VALUE_BITS + STEP_BITS - FRACTION_BITS
    assert network_module.NUM_PLANES * 3 == network_module.NUM_DETAIL_CHANNELS
