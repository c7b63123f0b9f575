"""The blur and the lines of Butteraugli in the native library are those of torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from licodec.metrics import blur as blur_module
from licodec.metrics import malta
from licodec.metrics.blur import Border, blur
from licodec.metrics.butteraugli import butteraugli, butteraugli_distance
from licodec.metrics.curves import gaussian
from licodec.metrics.malta import DENSE, SPARSE, line_energy
from licodec.native import threads
from licodec.native.planes import Lines, blur_planes
from tests.photos import crop


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(shape[-1]).normal(0, 3, shape).astype(np.float32)


def with_slope(function, values: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """What a function of a tensor gives, and a gradient of it."""
    tensor = torch.from_numpy(values).requires_grad_(True)
    found = function(tensor)
    (found * torch.linspace(-1, 2, found.numel()).view_as(found)).sum().backward()
    assert tensor.grad is not None
    return found.detach(), tensor.grad


@pytest.mark.parametrize("border", ["zero", "renormalise"])
@pytest.mark.parametrize("radius", [0, 2, 16])
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 70, 5), (2, 33, 130), (1, 4, 300)])
def test_blur_and_its_slope_are_those_of_torch(
    shape, radius: int, border: Border, libraries, monkeypatch
):
    kernel = torch.from_numpy(gaussian(1 + radius / 2, radius))

    def blurred(planes: torch.Tensor) -> torch.Tensor:
        return blur(planes, kernel, border, border)

    monkeypatch.setattr(blur_module.native, "find", lambda: None)
    expected = with_slope(blurred, noise(*shape))
    for library in libraries:
        monkeypatch.setattr(blur_module.native, "find", lambda library=library: library)
        found = with_slope(blurred, noise(*shape))
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("lines", [DENSE, SPARSE])
@pytest.mark.parametrize("shape", [(1, 1), (9, 40), (70, 33)])
def test_energy_of_lines_and_its_slope_are_those_of_torch(lines, shape, libraries, monkeypatch):
    monkeypatch.setattr(malta.native, "find", lambda: None)
    expected = with_slope(lambda x: line_energy(x, lines), noise(*shape))
    for library in libraries:
        monkeypatch.setattr(malta.native, "find", lambda library=library: library)
        found = with_slope(lambda x: line_energy(x, lines), noise(*shape))
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-3)


def test_every_instruction_set_gives_the_same_numbers(libraries):
    kernel, padded = gaussian(3.0, 7).astype(np.float32), np.pad(noise(40, 70), 4)
    lines, pull = Lines(SPARSE), noise(40, 70)
    found = [
        (
            blur_planes(noise(2, 40, 70), kernel, library, is_renormalised=True),
            blur_planes(noise(2, 40, 70), kernel, library, is_renormalised=True, is_adjoint=True),
            lines.energy(padded, library),
            lines.slope(padded, pull, library),
        )
        for library in libraries
    ]
    for arrays in found:
        for one, other in zip(arrays, found[0], strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.usefixtures("restored_threads")
def test_threads_change_nothing(libraries):
    kernel, planes = gaussian(3.0, 7).astype(np.float32), noise(5, 40, 70)
    threads.set_num_threads(1)
    expected = blur_planes(planes, kernel, libraries[-1], is_renormalised=True)
    threads.set_num_threads(3)
    found = blur_planes(planes, kernel, libraries[-1], is_renormalised=True)
    np.testing.assert_array_equal(found, expected)


def test_butteraugli_is_that_of_torch(libraries, monkeypatch):
    original = crop(120, 90)
    decoded = np.clip(original + noise(90, 120, 3).round(), 0, 255).astype(np.uint8)
    pair = [torch.from_numpy(x.copy()).permute(2, 0, 1)[None].float() for x in (original, decoded)]
    monkeypatch.setattr(malta.native, "find", lambda: None)
    expected = butteraugli(original, decoded)
    distance, slope = with_slope(lambda x: butteraugli_distance(pair[0], x), pair[1].numpy())
    monkeypatch.setattr(malta.native, "find", lambda: libraries[-1])
    assert butteraugli(original, decoded) == pytest.approx(expected, rel=1e-5)
    found, found_slope = with_slope(lambda x: butteraugli_distance(pair[0], x), pair[1].numpy())
    torch.testing.assert_close(found, distance, rtol=1e-4, atol=1e-5)
    assert (found_slope - slope).norm() < 5e-3 * slope.norm()


def test_what_the_library_does_not_take_is_refused(libraries):
    kernel = np.ones(4, np.float32)
    with pytest.raises(ValueError, match="refuses its arguments"):
        blur_planes(noise(1, 8, 8), kernel, libraries[0], is_renormalised=True)
    with pytest.raises(ValueError, match="refuses its arguments"):
        blur_planes(noise(1, 8, 8), np.ones(65, np.float32), libraries[0], is_renormalised=True)
    with pytest.raises(ValueError, match="expected contiguous"):
        blur_planes(noise(1, 8, 16)[..., ::2], kernel[:3], libraries[0], is_renormalised=True)
    with pytest.raises(ValueError, match="refuses its arguments"):
        Lines([(((0, 0), (5, 0), (-5, 0)), 1.0)]).energy(noise(20, 20), libraries[0])
    with pytest.raises(ValueError, match="opposite"):
        Lines([(((0, 0), (1, 0), (1, 1)), 1.0)])
    with pytest.raises(ValueError, match="expected contiguous"):
        Lines(DENSE).slope(noise(20, 20), noise(11, 12), libraries[0])
