"""Layers that multiply bytes give what layers on float carriers give, to the last integer.

Where the CPU does not multiply bytes exactly, its layers are those on float32 carriers.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
from torch import Tensor

from licodec.prior import byte_layers
from licodec.prior.byte_layers import has_exact_bytes, load_byte_layers
from licodec.prior.integer import IntegerPrior
from licodec.prior.layers import EXACT_LIMIT, Layer, load_layers
from tests.tiny import tiny_network, tiny_tensors

ENDS = [(True, True), (True, False), (False, True), (False, False)]


@pytest.fixture(scope="module")
def tensors() -> dict[str, Tensor]:
    return tiny_tensors(tiny_network(seed=5))


def both(tensors: dict[str, Tensor], name: str) -> tuple[Layer, Layer]:
    """A layer on exact carriers and as this machine takes it."""
    fast = load_byte_layers(tensors) or load_layers(tensors, torch.float32)
    return load_layers(tensors, torch.float64)[name], fast[name]


def random_bytes(*shape: int, seed: int = 0) -> Tensor:
    make = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, shape, generator=make, dtype=torch.uint8)


@pytest.mark.parametrize(("is_first", "is_last"), ENDS)
@pytest.mark.parametrize("rows", [3, 4, 17])
def test_block_gives_the_same_activations(is_first, is_last, rows, tensors):
    name, x = "net.middle.block0", random_bytes(rows, 11, 16)
    exact, fast = both(tensors, name)
    expected = exact.residual(exact.activations(x), is_first=is_first, is_last=is_last)
    found = fast.residual(fast.activations(x), is_first=is_first, is_last=is_last)
    assert torch.equal(found.double(), expected)


@pytest.mark.parametrize(("is_first", "is_last"), ENDS)
def test_sums_over_inputs_of_both_signs_and_activations_are_the_same(is_first, is_last, tensors):
    name = "net.fine.head2.in"
    exact, fast = both(tensors, name)
    rows = 5 - 2 + is_first + is_last
    trunk, known = random_bytes(rows, 9, 16), random_bytes(12, 5, 9).view(torch.int8)
    known = known.clamp(-127, 127)
    results = []
    for layer in (exact, fast):
        total = layer.sums(layer.inputs([known]), 1, is_first=is_first, is_last=is_last)
        total = layer.sums(layer.activations(trunk), onto=total)
        results.append((total.double(), layer.active(total.clone()).double()))
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])


def test_sums_that_lie_between_two_integers_are_rounded_up(tensors):
    name = "net.top.head0.mix"
    exact, fast = both(tensors, name)
    halves = torch.arange(16) / 2
    x = torch.zeros(1, 1, 16, dtype=torch.uint8)
    more = halves - exact.bias.float() + 0.5  # sums before rounding: 0, 1/2, 1, ..
    expected = exact.with_bias(more.double()).conv_relu(exact.activations(x))
    assert expected.flatten().tolist() == torch.floor(halves + 0.5).tolist()
    assert torch.equal(fast.with_bias(more).conv_relu(fast.activations(x)).double(), expected)


def test_family_whose_sums_leave_no_bit_for_rounding_stays_on_float_carriers(tensors):
    name = "net.fine.block0.bias"
    heavy = tensors | {name: torch.full_like(tensors[name], EXACT_LIMIT[torch.uint8])}
    assert load_byte_layers(heavy) is None
    assert IntegerPrior(heavy).layers.keys() == IntegerPrior(tensors).layers.keys()


def test_machine_without_the_instructions_stays_on_float_carriers(tensors, monkeypatch):
    monkeypatch.setattr(byte_layers, "has_exact_bytes", lambda: False)
    assert load_byte_layers(tensors) is None


def test_settings_of_torch_around_it_do_not_change_what_the_machine_can():
    expected = has_exact_bytes()
    with torch.autocast("cpu"):
        assert has_exact_bytes.__wrapped__() == expected
    torch.set_default_dtype(torch.float64)
    try:
        assert has_exact_bytes.__wrapped__() == expected
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("isa", ["SSE41", "AVX2", "AVX512_CORE"])
def test_onednn_without_the_instructions_is_found_out(isa):
    """There it adds pairs of products in 16 bits, whatever the CPU has."""
    code = "from licodec.prior.byte_layers import has_exact_bytes; print(has_exact_bytes())"
    environment = os.environ | {"ONEDNN_MAX_CPU_ISA": isa, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "False"), done.stderr
