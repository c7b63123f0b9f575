"""Files come out at the size or PSNR asked for, in few encodes."""

from __future__ import annotations

import math

import numpy as np
import pytest

import licodec
from licodec import PictureWarning, TargetError
from licodec.api import Codec
from licodec.config import TARGETS
from licodec.metrics.ssimulacra2 import ssimulacra2
from licodec.search.target import (
    Setting,
    Target,
    TargetKind,
    adjust_setting,
    find_setting,
    notes_on_size,
    target_of,
)
from tests.photos import PHOTOS, crop, psnr_db


class Picture:
    """Sizes and PSNR as a codec's: growth by index, a little by the rate's weight, in steps."""

    def __init__(self, seed: int, kind: TargetKind, *, has_scale: bool = True) -> None:
        random = np.random.default_rng(seed)
        self.num_encodes = 0
        self._kind = kind
        self._has_scale = has_scale
        self._growth = random.uniform(0.01, 0.025, 256).cumsum()
        self._base = random.uniform(300, 30_000)

    def __call__(self, setting: Setting) -> float:
        self.num_encodes += 1
        log = float(self._growth[setting.quality_index])
        if self._has_scale:
            log -= 0.12 * (setting.rate_scale - 1)
        return round(self._base * math.exp(log)) if self._kind == "size" else 24 + 4.5 * log


@pytest.mark.parametrize("kind", ["size", "psnr"])
@pytest.mark.parametrize("seed", range(20))
def test_targets_within_reach_are_met_in_few_encodes(seed: int, kind: TargetKind) -> None:
    picture = Picture(seed, kind)
    wanted = picture(Setting(20 + 11 * seed)) + (0 if kind == "size" else 0.02)
    target = Target(wanted, kind)
    picture.num_encodes = 0
    setting = find_setting(target, picture, 128)
    assert picture.num_encodes <= 10
    assert target.is_met(picture(setting))


def test_psnr_beyond_the_best_quality_names_the_nearest() -> None:
    picture = Picture(1, "psnr")
    best = picture(Setting(255, 0.25))
    with pytest.raises(TargetError, match=f"{best:.2f}"):
        find_setting(Target(best + 3, "psnr"), picture, 128)


def test_size_beyond_the_best_quality_is_answered_with_that_and_a_note() -> None:
    picture = Picture(1, "size")
    best = picture(Setting(255, 0.25))
    target = Target(2 * best, "size")
    assert picture(find_setting(target, picture, 128)) == best
    (note,) = notes_on_size(target, 1234, 100.0)
    assert note.startswith("the best quality has 1,234 bytes")
    assert notes_on_size(target, int(target.wanted), 100.0) == ()
    assert notes_on_size(target, 1234, 99.6) == ()
    assert notes_on_size(None, 1234, 100.0) == ()


def test_of_files_that_grow_no_more_the_best_quality_is_taken() -> None:
    def measure(setting: Setting) -> float:
        return min(20 + setting.quality_index // 10, 36)

    assert find_setting(Target(60, "size"), measure, 200).quality_index == 255


def test_target_below_the_worst_quality_names_the_nearest() -> None:
    picture = Picture(1, "size")
    smallest = picture(Setting(0, 2.5))
    with pytest.raises(TargetError, match=f"ask for --size {smallest:.0f}"):
        find_setting(Target(smallest / 2, "size"), picture, 200)


@pytest.mark.parametrize("seed", range(5))
def test_file_stays_under_a_size_where_the_rate_has_no_weight(seed: int) -> None:
    picture = Picture(seed, "size", has_scale=False)
    wanted = picture(Setting(100)) * 1.012
    found = picture(find_setting(Target(wanted, "size"), picture, 30))
    assert 0.97 * wanted < found <= wanted


def test_adjusting_keeps_the_quality() -> None:
    picture = Picture(3, "size")
    target = Target(picture(Setting(90)) * 1.05, "size")
    setting = adjust_setting(target, picture, 90)
    assert setting.quality_index == 90
    assert target.is_met(picture(setting))


def test_where_files_jump_a_neighbouring_quality_is_asked() -> None:
    def measure(setting: Setting) -> float:
        """Factors move sizes smoothly at one quality alone."""
        size = 1000 * math.exp(0.03 * (setting.quality_index - 90))
        if setting.quality_index == 89:
            return size / setting.rate_scale**0.3
        return size if setting.rate_scale > 1 else 1.05 * size

    target = Target(1030, "size")
    setting = adjust_setting(target, measure, 90)
    assert setting.quality_index == 89
    assert target.is_met(measure(setting))


def test_one_target_at_a_time() -> None:
    assert target_of(1000) is None
    assert target_of(1000, bpp=0.8) == Target(100, "size")
    with pytest.raises(ValueError, match="bpp and psnr exclude each other"):
        target_of(1000, bpp=0.8, psnr=38)
    with pytest.raises(ValueError, match="size is -1, expected more than 0"):
        target_of(1000, size=-1)
    assert target_of(1000, ssimulacra2=80) == Target(80, "ssimulacra2")
    with pytest.raises(ValueError, match="psnr and ssimulacra2 exclude each other"):
        target_of(1000, psnr=38, ssimulacra2=80)
    for wrong in (0, -5, 100.5, math.nan):
        with pytest.raises(ValueError, match=r"ssimulacra2 is .*, expected"):
            target_of(1000, ssimulacra2=wrong)


@pytest.mark.parametrize("name", TARGETS)
def test_targets_beyond_all_files_are_refused(name: str) -> None:
    assert target_of(1000, **{name: TARGETS[name]}) is not None
    for wrong in (1e308, math.inf):
        with pytest.raises(ValueError, match=f"{name} is .*, expected at most"):
            target_of(1000, **{name: wrong})


def test_quality_and_target_exclude_each_other(codec: Codec) -> None:
    with pytest.raises(ValueError, match="quality excludes"):
        codec.encode(crop(20, 20), quality=60, bpp=1)


def test_size_is_an_upper_limit(codec: Codec) -> None:
    pixels = crop(64, 48)
    with pytest.warns(PictureWarning, match="the best quality has"):
        data = codec.encode(pixels, size=10**7)
    assert len(data) > len(codec.encode(pixels, quality=100, effort=0)) * 0.8


def test_unreachable_target_is_an_error_with_the_nearest(psnr_codec: Codec) -> None:
    with pytest.raises(TargetError, match="60 dB cannot be reached"):
        psnr_codec.encode(crop(40, 30), psnr=60)


@pytest.mark.parametrize("seed", range(10))
def test_scores_within_reach_are_met_in_few_encodes(seed: int) -> None:
    picture = Picture(seed, "psnr")

    def score(setting: Setting) -> float:
        return 100 - 85 * math.exp(-(picture(setting) - 24) / 7)

    wanted = score(Setting(30 + 20 * seed)) + 0.1
    picture.num_encodes = 0
    target = Target(wanted, "ssimulacra2")
    setting = find_setting(target, score, 128)
    assert picture.num_encodes <= 10
    assert target.is_met(score(setting))


@pytest.mark.parametrize(("tune", "wanted"), [("visual", 60), ("visual", 82.5), ("psnr", 75)])
def test_photograph_meets_a_ssimulacra2(tune: str, wanted: float) -> None:
    pixels = crop(192, 160)
    data = licodec.encode(pixels, ssimulacra2=wanted, tune=tune, effort=2, device="cpu")
    found = ssimulacra2(pixels, np.asarray(licodec.decode(data, device="cpu")))
    assert found is not None
    assert wanted <= found <= wanted + 0.5


def test_grey_picture_meets_a_ssimulacra2(codec: Codec) -> None:
    pixels = crop(96, 64, "L")
    decoded = np.asarray(codec.decode(codec.encode(pixels, ssimulacra2=92, effort=1)))
    found = ssimulacra2(*(np.repeat(p[:, :, None], 3, axis=2) for p in (pixels, decoded)))
    assert found is not None
    assert 92 <= found <= 92.5


def test_unreachable_ssimulacra2_is_an_error_with_the_nearest(codec: Codec) -> None:
    with pytest.raises(
        TargetError, match=r"SSIMULACRA 2 of 100 cannot be reached .* ask for --ssimulacra2 \d\d\."
    ):
        codec.encode(crop(40, 30), ssimulacra2=100, effort=1)


@pytest.mark.parametrize(("width", "height"), [(7, 64), (64, 7), (1, 1)])
def test_picture_too_small_for_ssimulacra2_is_told(width: int, height: int, codec: Codec) -> None:
    with pytest.raises(TargetError, match=f"has {width}x{height} pixels, SSIMULACRA 2 needs 8"):
        codec.encode(crop(width, height), ssimulacra2=80)


def check_targets(codec: Codec, pixels: np.ndarray, **wanted: float) -> None:
    data = codec.encode(pixels, **wanted)
    height, width = pixels.shape[:2]
    if "psnr" in wanted:
        found = psnr_db(np.asarray(codec.decode(data)), pixels)
        assert abs(found - wanted["psnr"]) <= 0.05
        return
    size = wanted.get("size", wanted.get("bpp", 0) * width * height / 8)
    assert 0.99 * size <= len(data) <= size


@pytest.mark.parametrize("wanted", [{"bpp": 0.5}, {"size": 4000}, {"psnr": 36.0}])
def test_photograph_meets_a_target(psnr_codec: Codec, wanted: dict[str, float]) -> None:
    check_targets(psnr_codec, crop(192, 160), **wanted)


def test_target_is_met_after_a_search(codec: Codec) -> None:
    data = codec.encode(crop(192, 160), size=4000, time_budget=1)
    assert 3960 <= len(data) <= 4000


@pytest.mark.slow
@pytest.mark.parametrize("number", range(10))
@pytest.mark.parametrize(
    "wanted", [{"bpp": 0.3}, {"bpp": 1.0}, {"size": 6000}, {"psnr": 33.0}, {"psnr": 38.0}]
)
def test_ten_pictures_meet_five_targets(
    psnr_codec: Codec, number: int, wanted: dict[str, float]
) -> None:
    names = sorted(path.stem for path in PHOTOS.glob("*.png"))
    pixels = crop(192, 192, name=names[number % len(names)], left=40 * number, top=25 * number)
    check_targets(psnr_codec, pixels, **wanted)


def test_exact_picture_counts_as_a_hundred_db() -> None:
    flat = np.full((16, 16), 128, np.uint8)
    codec = Codec("fast", tune="psnr")
    with pytest.raises(TargetError, match=r"ask for --psnr 100\.00"):
        codec.encode(flat, psnr=120, content="photo")
    assert np.array_equal(codec.decode(codec.encode(flat, psnr=100)), flat)


@pytest.mark.parametrize(("kind", "wanted"), [("size", 1), ("psnr", 1), ("psnr", 1e7)])
def test_what_an_error_proposes_can_be_reached(kind: TargetKind, wanted: float) -> None:
    settings = []

    def measure(setting: Setting) -> float:
        """Of a small picture: the rate's weight has an effect at the ends of its range alone."""
        settings.append(setting)
        step = (setting.rate_scale < 0.26) - (setting.rate_scale > 2.4)
        return 34 + setting.quality_index // 10 + step * (1 if kind == "size" else 0.208)

    with pytest.raises(TargetError) as raised:
        find_setting(Target(wanted, kind), measure, 128)
    assert len(settings) <= 10
    target = Target(float(str(raised.value).rpartition(" ")[2]), kind)
    assert target.is_allowed(measure(find_setting(target, measure, 128)))


@pytest.mark.parametrize("kind", ["size", "psnr"])
def test_jump_at_an_end_of_the_scale_is_no_reason_to_refuse(kind: TargetKind) -> None:
    def measure(setting: Setting) -> float:
        return 60.0 if setting.quality_index > (0 if kind == "size" else 254) else 40.0

    found = measure(find_setting(Target(50, kind), measure, 128))
    assert found == (40 if kind == "size" else 60)
