"""Means, indices and planes of the native networks are those of the reference."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from licodec.errors import ModelError
from licodec.native import threads
from licodec.native.binding import Library
from licodec.prior.coding_prior import LevelPlanes
from licodec.prior.layout import StepElements
from licodec.prior.load import native_prior, reference_prior
from licodec.prior.native_elements import NativeElements
from licodec.prior.native_network import NativeNetwork, UnsupportedShapeError
from tests.tiny import RICH_FAMILY, TINY_FAMILY, tiny_network, tiny_tensors

# On the padding grid and off it, one pixel, one row, one column.
SIZES = ((64, 64), (1, 1), (200, 333), (1, 150), (130, 1), (129, 65))
# Each net of another width and depth, no head as wide as its trunk.
UNEVEN_FAMILY = replace(
    RICH_FAMILY,
    widths={"fine": 12, "middle": 20, "coarse": 28, "top": 28},
    depths={"fine": 2, "middle": 1, "coarse": 4, "top": 3},
    head_widths={"fine": 8, "middle": 24, "coarse": 16, "top": 20},
)
FAMILIES = {
    "small": TINY_FAMILY,
    "large": UNEVEN_FAMILY,
    "magnitudes": replace(UNEVEN_FAMILY, carries_hidden=False),
    "hidden": replace(UNEVEN_FAMILY, has_magnitudes=False),
}


class Symbols:
    """Random symbols that depend on the step alone; a checksum of the inputs of each step."""

    def __init__(self, largest: int = 5, dtype: type = np.int32) -> None:
        self.largest, self.dtype = largest, dtype
        self.checksums: list[int] = []

    def __call__(self, mean: np.ndarray, index: np.ndarray, where: StepElements) -> np.ndarray:
        random = np.random.default_rng(len(self.checksums))
        inputs = mean.astype(np.int32).tobytes() + index.tobytes()
        self.checksums.append(zlib.crc32(inputs))
        symbols = random.integers(-self.largest, self.largest + 1, mean.shape)
        symbols *= random.random(mean.shape) < 0.2
        return (16 * symbols * (index > 0)).astype(self.dtype)


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
    planes = reference_prior(arrays_of(tensors), torch.float64).planes(
        quality_index,
        height,
        width,
        is_grey=is_grey,
        code=symbols,
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
    planes = native_prior(arrays_of(tensors), library).planes(
        quality_index,
        height,
        width,
        is_grey=is_grey,
        code=symbols,
        last_level=last_level,
    )
    return symbols.checksums, planes.whole()


def assert_equal(
    found: tuple[list[int], np.ndarray], expected: tuple[list[int], np.ndarray]
) -> None:
    assert found[0] == expected[0]
    np.testing.assert_array_equal(found[1], expected[1])


@pytest.fixture(scope="module", params=FAMILIES)
def tensors(request) -> dict[str, Tensor]:
    return tiny_tensors(tiny_network(3, FAMILIES[request.param]))


@pytest.fixture(scope="module")
def small() -> dict[str, Tensor]:
    return tiny_tensors(tiny_network(3))


@pytest.fixture(scope="module")
def large() -> dict[str, Tensor]:
    return tiny_tensors(tiny_network(3, UNEVEN_FAMILY))


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


def test_symbols_of_any_size_give_what_the_reference_gives(small, libraries):
    """Values then need 32 bits, and planes wrap."""
    expected = reference(small, 100, 80, largest=32767)
    for library in libraries:
        assert_equal(native(small, library, 100, 80, largest=32767), expected)


def test_offsets_may_have_16_or_32_bits(small, libraries):
    for library in libraries:
        wide = native(small, library, 100, 80)
        assert_equal(native(small, library, 100, 80, dtype=np.int16), wide)


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


def windows(planes: LevelPlanes) -> Sequence[tuple[int, int, int, int]]:
    _, height, width = planes.shape
    return (
        (0, height, 0, width),
        (0, 1, 0, 1),
        (height - 1, height, width - 1, width),
        (5, 40, 7, 8),
        (62, 63, 0, width),
        (0, height, 99, 101),
    )


def test_windows_of_planes_are_parts_of_the_whole(small, libraries):
    for library in libraries:
        planes = native_prior(arrays_of(small), library).planes(
            200,
            100,
            120,
            is_grey=False,
            code=Symbols(),
        )
        whole = planes.whole()
        for top, bottom, left, right in windows(planes):
            part = planes.window(top, bottom, left, right)
            np.testing.assert_array_equal(part, whole[:, top:bottom, left:right])


def test_visit_without_planes_asks_for_the_same_symbols(small, libraries):
    prior = native_prior(arrays_of(small), libraries[-1])
    with_planes, without = [], []

    def recording(calls):
        code = Symbols()

        def coded(mean, index, where):
            calls.append((mean.tobytes(), index.tobytes()))
            return code(mean, index, where)

        return coded

    prior.planes(140, 64, 64, is_grey=False, code=recording(with_planes))
    prior.visit(140, 64, 64, is_grey=False, code=recording(without))
    assert with_planes == without


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("net.fine.block0.shift", lambda t: torch.full_like(t, 17)),
        ("net.fine.quality_bias", lambda t: t - (1 << 29)),
        ("net.coarse.quality_bias", lambda t: t[:, :2]),
        ("mean_unit_q8", lambda t: t - (1 << 19)),
        ("detail_log_scale", lambda t: t + (1 << 21)),
        ("low_steps_q4", lambda t: t[0]),
        ("low_log_scale", lambda t: t.long()),
        ("compand", lambda t: t - 1),
        ("net.fine.head1.in.weight1", lambda t: t[:, :, :2]),
        ("high_pass_reciprocal", lambda t: t - (1 << 22)),
        ("compand", lambda t: t[:-1]),
        ("net.top.first.weight0", lambda t: t[0]),
        ("net.top.first.weight0", lambda t: t[:, :6]),  # no magnitudes here, but everywhere else
        ("net.middle.first.weight0", lambda t: t[:, :24]),
        ("net.middle.first.weight1", lambda t: t[:, :20]),  # of the coarser trunk
        ("net.fine.head2.in.weight1", lambda t: t[:, :12]),
        ("net.fine.head1.in.weight2", lambda t: t[:, :4]),
        ("net.fine.head1.in.weight2", lambda t: t[:4]),
        ("net.fine.head1.in.weight2", lambda t: t.repeat(1, 1, 3, 3)),
        ("net.fine.head1.in.weight2", lambda t: t[..., 0]),
        ("net.fine.head1.mix.weight0", lambda t: t[:, :4]),
        ("net.fine.head1.mix.bias", lambda t: t[:4]),
    ],
)
def test_weights_that_no_family_has_are_refused(name, change, large, libraries):
    bad = arrays_of(large | {name: change(large[name])})
    for make in (lambda: native_prior(bad, libraries[0]), lambda: reference_prior(bad)):
        with pytest.raises(ModelError) as error:
            make()
        assert not isinstance(error.value, UnsupportedShapeError)
        assert "\n" not in str(error.value)


def test_sums_that_leave_32_bits_are_refused(large, libraries):
    name = "net.fine.block0.bias"
    bad = arrays_of(large | {name: torch.full_like(large[name], 1 << 30)})
    with pytest.raises(UnsupportedShapeError, match=r"net\.fine\.block0"):
        native_prior(bad, libraries[0])
    with pytest.raises(ModelError, match="can reach"):
        reference_prior(bad)


@pytest.mark.parametrize(
    ("name", "like"),
    [
        ("net.fine.head0.in.weight1", "net.fine.head1.in.weight2"),  # nothing comes before
        ("net.fine.head1.in.weight3", "net.fine.head1.in.weight2"),
        ("net.fine.first.weight2", "net.fine.first.weight1"),
        ("net.fine.block0.weight1", "net.fine.first.weight1"),
    ],
)
def test_convolutions_that_no_family_has_are_refused(name, like, large, libraries):
    with pytest.raises(ModelError, match=r"more than . convolutions"):
        native_prior(arrays_of(large | {name: large[like]}), libraries[0])


@pytest.mark.parametrize("convolution", [1, 2])
def test_a_head_without_one_of_its_convolutions_is_refused(convolution, large, libraries):
    without = {k: v for k, v in large.items() if k != f"net.middle.head1.in.weight{convolution}"}
    with pytest.raises(ModelError, match=r"net\.middle\.head1\.in"):
        native_prior(arrays_of(without), libraries[0])


def test_widths_that_are_no_multiples_of_four_and_too_many_blocks_are_refused(libraries):
    narrow = replace(TINY_FAMILY, head_widths=dict.fromkeys(TINY_FAMILY.head_widths, 10))
    with pytest.raises(UnsupportedShapeError, match="multiple of four"):
        native_prior(arrays_of(tiny_tensors(tiny_network(3, narrow))), libraries[0])
    deep = replace(TINY_FAMILY, depths=TINY_FAMILY.depths | {"fine": 10})
    with pytest.raises(UnsupportedShapeError, match="more than 8 blocks"):
        native_prior(arrays_of(tiny_tensors(tiny_network(3, deep))), libraries[0])


def test_a_hidden_state_is_asked_for_and_has_its_size(large, libraries):
    net = NativeNetwork(arrays_of(large), libraries[0])
    low = np.zeros((3, 2, 2), np.int32)
    trunk = net.trunk(6, 100, low, None, None)
    known = np.zeros((3, 2, 2), np.int8)
    with pytest.raises(ValueError, match="refuses its arguments"):
        net.head(6, 100, 1, trunk, known, None)
    of_other = net.new_hidden(5, trunk)
    with pytest.raises(ValueError, match="expected contiguous uint8"):
        net.head(6, 100, 1, trunk, known, of_other)


def test_arrays_of_another_shape_or_type_are_refused(small, libraries):
    net = NativeNetwork(arrays_of(small), libraries[0])
    low = np.zeros((3, 2, 2), np.int32)
    trunk = net.trunk(6, 100, low, None, None)
    with pytest.raises(ValueError, match="expected contiguous int32"):
        net.trunk(6, 100, low.astype(np.int64), None, None)
    with pytest.raises(ValueError, match="refuses its arguments"):
        net.trunk(6, 100, low, np.zeros((9, 2, 2), np.int8), None)
    with pytest.raises(ValueError, match=r"expected contiguous int8 \(3, 2, 2\)"):
        net.head(6, 100, 1, trunk, np.zeros((2, 2, 2), np.int8), None)
    with pytest.raises(ValueError, match="refuses its arguments"):
        elements = NativeElements(arrays_of(small), libraries[0])
        elements.synthesise(6, 100, low, np.zeros((9, 2, 2), np.int16), (0, 5, 0, 4))
