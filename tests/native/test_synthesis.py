"""The native synthesis gives what the reference on torch gives, wherever it runs."""

from __future__ import annotations

import os
from itertools import product

import numpy as np
import pytest

from licodec.codec import synthesis as module
from licodec.codec.region import Region
from licodec.codec.synthesis import PictureSynthesis, Results, WholePlanes, new_results
from licodec.config import CorrectionConfig
from licodec.entropy.adaptive_filter import NO_FILTER
from licodec.errors import ModelError
from licodec.native.threads import set_num_threads
from licodec.transform.integer import IntegerSynthesis, grey_levels
from licodec.transform.native_synthesis import Corrector, NativeSynthesis
from licodec.transform.reference import corrected_window
from tests.syntheses import random_synthesis, random_tensors

CONFIGS = {
    "both": CorrectionConfig(width=16, num_blocks=1, fine_width=8, fine_blocks=1),
    "no blocks": CorrectionConfig(width=24, num_blocks=0, fine_width=16, fine_blocks=4),
    "wide": CorrectionConfig(width=128, num_blocks=2, fine_width=32, fine_blocks=2),
    "patches of 2": CorrectionConfig(width=20, num_blocks=2, patch_px=2),
    "patches of 4": CorrectionConfig(width=12, num_blocks=1, patch_px=4),
}
SPREADS = {"usual": 9000, "large": 40_000, "hostile": 2**31 - 1}


def planes_of(seed: int, height: int, width: int, spread: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    planes = random.normal(0, 0.6, (3, height, width)).clip(-1, 1) * spread
    if spread == 2**31 - 1:
        planes[:, 0, 0], planes[:, -1, -1] = -(2**31), 2**31 - 1
    return planes.astype(np.int32)


def tuning_of(seed: int, most: int = 30) -> np.ndarray:
    return np.random.default_rng(seed).integers(-most, most + 1, 24).astype(np.int16)


@pytest.fixture
def use_library(monkeypatch):
    """Makes a library, or None for torch, the one that is found."""

    def use(library):
        monkeypatch.setattr(module.native, "find", lambda: library)

    return use


@pytest.mark.parametrize(("name", "quality"), list(product(CONFIGS, (0, 100, 255))))
def test_corrected_planes_and_what_the_last_layer_saw_are_those_of_the_reference(
    name, quality, libraries
):
    synthesis = random_synthesis(CONFIGS[name], 1)
    height, width = (64, 72) if name == "wide" else (128, 200)
    spread = {0: "usual", 100: "large", 255: "hostile"}[quality]
    planes = planes_of(quality, height, width, SPREADS[spread])
    form = synthesis.at(quality, tuning_of(quality))
    corrected, seen = corrected_window(form, planes)
    assert 0 < seen.std() < 120
    for library in libraries:
        packed = NativeSynthesis(synthesis, library)
        found = new_results(form, height, width)
        pixels = np.empty((height, width, 3), np.uint8)
        corrector = Corrector(
            packed, packed.picture(form), (height, width), (0, height, 0, width),
            pixels=pixels, planes=found.planes, seen=found.seen,
        )  # fmt: skip
        for top in range(0, height, 16):
            corrector.push(np.ascontiguousarray(planes[:, top : top + 16]))
        np.testing.assert_array_equal(found.planes, corrected)
        np.testing.assert_array_equal(found.seen, seen)
        np.testing.assert_array_equal(pixels, grey_levels(corrected, is_grey=False))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 77), (63, 64), (65, 131), (233, 301)])
@pytest.mark.parametrize("is_grey", [False, True])
@pytest.mark.usefixtures("restored_threads")
def test_pixels_are_the_same_on_any_number_of_threads_in_any_strips(
    height, width, is_grey, libraries, use_library, monkeypatch
):
    synthesis = random_synthesis(CONFIGS["both"], 2)
    planes = WholePlanes(planes_of(3, -(-height // 64) * 64, -(-width // 64) * 64, 9000))
    use_library(None)
    fitted = PictureSynthesis(synthesis, 77, tuning_of(1))
    expected = fitted.pixels(planes, height, width, is_grey=is_grey)
    for library, threads, strip in product(libraries, (1, 3), (1, 1 << 17)):
        monkeypatch.setattr(module, "STRIP_PX", strip)
        set_num_threads(threads)
        use_library(library)
        fitted = PictureSynthesis(synthesis, 77, tuning_of(1))
        found = fitted.pixels(planes, height, width, is_grey=is_grey)
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("isa", ["native", "torch"])
@pytest.mark.parametrize("name", ["both", "no blocks", "patches of 2"])
def test_a_region_is_that_part_of_the_whole(name, isa, libraries, use_library, monkeypatch):
    use_library(libraries[-1] if isa == "native" else None)
    monkeypatch.setattr(module, "STRIP_PX", 64 * 40)
    height, width = 250, 190
    planes = WholePlanes(planes_of(4, 256, 192, 9000))
    fitted = PictureSynthesis(random_synthesis(CONFIGS[name], 3), 200)
    whole = fitted.pixels(planes, height, width, is_grey=False)
    for x, y, w, h in ((0, 0, 1, 1), (189, 249, 1, 1), (3, 100, 187, 33), (77, 1, 9, 249)):
        part = fitted.pixels(planes, height, width, is_grey=False, region=Region(x, y, w, h))
        np.testing.assert_array_equal(part, whole[y : y + h, x : x + w])


@pytest.mark.parametrize("isa", ["native", "torch"])
def test_numbers_of_tuning_that_no_encoder_writes_give_some_picture(isa, libraries, use_library):
    synthesis = random_synthesis(CONFIGS["both"], 5)
    planes = WholePlanes(planes_of(5, 64, 64, 9000))
    for most in (-32768, 32767):
        adaptive_filter = np.full(24, most, np.int16)
        pixels = []
        for library in (libraries[0], libraries[-1], None):
            use_library(library)
            fitted = PictureSynthesis(synthesis, 255, adaptive_filter)
            pixels.append(fitted.pixels(planes, 64, 64, is_grey=False))
        np.testing.assert_array_equal(pixels[0], pixels[2])
        np.testing.assert_array_equal(pixels[1], pixels[2])


def corrector_of(
    library, size=(64, 64), wanted=(0, 64, 0, 64), results: Results | None = None
) -> Corrector:
    synthesis = random_synthesis(CONFIGS["both"], 6)
    packed = NativeSynthesis(synthesis, library)
    parts = packed.picture(synthesis.at(0, NO_FILTER))
    return Corrector(packed, parts, size, wanted, planes=results.planes if results else None)


@pytest.mark.parametrize(
    ("size", "wanted"),
    [
        ((60, 64), (0, 60, 0, 64)),
        ((64, 0), (0, 64, 0, 0)),
        ((64, 64), (0, 65, 0, 64)),
        ((64, 64), (10, 10, 0, 64)),
        ((64, 64), (0, 64, -1, 64)),
        ((8, (1 << 24) + 8), (0, 8, 0, 8)),
    ],
)
def test_windows_that_are_none_are_refused(size, wanted, libraries):
    with pytest.raises(ValueError, match="refuses a window"):
        corrector_of(libraries[0], size, wanted)


def test_rows_beyond_the_window_are_refused(libraries):
    corrector = corrector_of(libraries[-1])
    planes = np.zeros((3, 64, 64), np.int32)
    with pytest.raises(ValueError, match="refuses its arguments"):
        corrector.push(np.ascontiguousarray(planes[:, :60]))
    corrector.push(planes)
    with pytest.raises(ValueError, match="refuses its arguments"):
        corrector.push(planes[:, :8].copy())


def test_results_of_another_shape_are_refused(libraries):
    with pytest.raises(ValueError, match="expected contiguous int16"):
        corrector_of(libraries[0], results=Results(planes=np.zeros((3, 64, 63), np.int16)))


@pytest.mark.parametrize(
    ("tensor", "change"),
    [
        ("into.weight", lambda t: np.full_like(t, 127)),
        ("into.weight", lambda t: t.astype(np.int16)),
        ("fine.blocks.0.back.weight", lambda t: t[:, :4]),
        ("into.shift", lambda t: t + np.uint8(25)),
        ("into.factor", lambda t: t * 0),
        ("last.factor", lambda t: -t),
        ("into.bias", lambda t: t + np.int32(1 << 28)),
        ("out.weight", lambda t: t + np.int32(1 << 16)),
        ("gain", lambda t: -t),
        ("gain_bits", lambda t: t * 0),
        ("directions", lambda t: t[:, :1]),
    ],
)
def test_tensors_outside_their_range_are_refused(tensor, change):
    tensors = random_tensors(CONFIGS["both"], 7)
    tensors[tensor] = change(tensors[tensor])
    with pytest.raises(ModelError, match="of the synthesis"):
        IntegerSynthesis(tensors, CONFIGS["both"])


def test_every_instruction_set_of_this_machine_was_tested(libraries):
    wanted = os.environ.get("LICODEC_ISA")
    assert wanted in (None, "", "none", *(library.isa for library in libraries))
