import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from licodec.errors import LicodecError
from licodec.evaluate.bdrate import WHOLE, WINDOWS, Curve, Window, bd_rate, load_curve, unique_names
from licodec.evaluate.measures import MEASURES

BPP = (0.05, 0.11, 0.25, 0.49, 0.87, 1.43, 2.32, 3.63)
PSNR = (26.1, 28.5, 31.2, 34.3, 37.4, 40.4, 43.5, 46.6)
ANCHOR = Curve(name="anchor", bpp=BPP, psnr=PSNR)


def scaled(factor: float) -> Curve:
    return Curve(name="test", bpp=tuple(factor * bpp for bpp in BPP), psnr=PSNR)


def test_a_curve_against_itself_has_bd_rate_zero():
    assert bd_rate(ANCHOR, ANCHOR).percent == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("factor", "percent"), [(1.10, 10), (0.90, -10), (3.0, 200)])
@pytest.mark.parametrize("window", WINDOWS)
def test_rate_times_a_factor_gives_that_percentage_in_every_window(factor, percent, window):
    found = bd_rate(ANCHOR, scaled(factor), window=window)
    assert found.percent == pytest.approx(percent, abs=1e-6)
    assert found.coverage == pytest.approx(1)


def test_straight_lines_in_log_rate_give_the_mean_of_their_distance_by_hand():
    anchor = Curve(name="anchor", bpp=(math.exp(0), math.exp(2)), psnr=(30, 34))
    # ln rate is 0.5 q - 15 for the anchor and 0.6 q - 18 for the test; the distance is
    # 0.1 q - 3, over 31..34 in the mean 0.1 * 32.5 - 3 = 0.25.
    test = Curve(name="test", bpp=(math.exp(0.6), math.exp(3.0)), psnr=(31, 35))
    found = bd_rate(anchor, test)
    assert found.percent == pytest.approx(100 * (math.exp(0.25) - 1), abs=1e-9)
    assert (found.low, found.high) == (31, 34)


def test_a_window_that_the_test_covers_by_half_says_so():
    line = Curve(name="anchor", bpp=(math.exp(0), math.exp(4)), psnr=(30, 38))
    half = Curve(name="test", bpp=(math.exp(1), math.exp(4)), psnr=(32, 38))
    found = bd_rate(
        line, half, window=Window(label="w", bpp=(math.exp(0), math.exp(2)))
    )  # 30 to 34 dB
    assert (found.low, found.high) == pytest.approx((32, 34))
    assert found.coverage == pytest.approx(0.5)


def test_a_window_that_the_anchor_covers_by_half_says_so():
    line = Curve(name="anchor", bpp=(math.exp(1), math.exp(4)), psnr=(32, 38))
    found = bd_rate(line, line, window=Window(label="w", bpp=(math.exp(0), math.exp(2))))
    assert (found.low, found.high) == pytest.approx((32, 34))
    assert found.coverage == pytest.approx(0.5)


def test_a_window_beyond_the_anchor_has_no_number():
    assert bd_rate(ANCHOR, scaled(1.1), window=Window(label="w", bpp=(5.0, 9.0))) is None


def test_the_order_of_points_does_not_matter():
    turned = Curve(name="test", bpp=scaled(1.1).bpp[::-1], psnr=PSNR[::-1])
    assert bd_rate(ANCHOR, turned).percent == pytest.approx(10, abs=1e-6)


def test_a_point_with_more_bits_for_less_quality_is_left_out():
    worse = Curve(name="test", bpp=(*BPP, 0.6), psnr=(*PSNR, 34.0))
    assert bd_rate(ANCHOR, worse).percent == pytest.approx(0, abs=1e-9)


def test_of_two_points_of_equal_quality_the_smaller_counts():
    double = Curve(name="test", bpp=(*BPP, 0.48), psnr=(*PSNR, 34.3))
    only_small = Curve(
        name="test", bpp=tuple(0.48 if bpp == 0.49 else bpp for bpp in BPP), psnr=PSNR
    )
    assert bd_rate(ANCHOR, double) == bd_rate(ANCHOR, only_small)


def test_curves_that_hardly_overlap_have_no_number():
    above = Curve(name="test", bpp=(4, 8), psnr=(46.2, 50))
    assert bd_rate(ANCHOR, above) is None


def test_a_missing_metric_has_no_number():
    assert bd_rate(ANCHOR, ANCHOR, metric="ms_ssim") is None


def test_thirds_cut_the_common_range_of_quality_into_equal_parts():
    # ln rate is 0.5 q - 15 for the anchor and 0.6 q - 18 for the test, which meet over 31..34.
    anchor = Curve(name="anchor", bpp=(math.exp(0), math.exp(2)), psnr=(30, 34))
    test = Curve(name="test", bpp=(math.exp(0.6), math.exp(3.0)), psnr=(31, 35))
    found = [bd_rate(anchor, test, window=Window(label="", third=third)) for third in range(3)]
    assert [(one.low, one.high) for one in found] == [(31, 32), (32, 33), (33, 34)]
    for one, middle in zip(found, (31.5, 32.5, 33.5), strict=True):
        assert one.percent == pytest.approx(100 * math.expm1(0.1 * middle - 3), abs=1e-9)


def test_a_third_of_too_short_a_range_has_no_number():
    anchor = Curve(name="anchor", bpp=(1, 2), psnr=(30, 30.4))
    assert bd_rate(anchor, anchor, window=Window(label="", third=0)) is None


@pytest.mark.parametrize("metric", MEASURES)
def test_rate_times_a_factor_gives_that_percentage_at_equal_quality_of_every_measure(metric):
    values = {
        "ssimulacra2": (12.0, 35.0, 52.0, 66.0, 76.0, 83.0, 88.0, 91.0),
        "ssimulacra2_cut": (10.0, 33.0, 51.0, 66.0, 76.0, 83.0, 88.0, 91.0),
        "butteraugli": (5.1, 3.6, 2.5, 1.8, 1.2, 0.8, 0.5, 0.3),
        "psnr": PSNR,
        "ms_ssim": (0.8, 0.88, 0.93, 0.96, 0.98, 0.99, 0.995, 0.998),
    }[metric]
    anchor = Curve(name="anchor", bpp=BPP, **{metric: values})
    test = replace(anchor, bpp=scaled(0.75).bpp)
    for window in (WHOLE, *WINDOWS[1:4]):
        found = bd_rate(anchor, test, metric=metric, window=window)
        assert found.percent == pytest.approx(-25, abs=1e-6)


@pytest.mark.parametrize("metric", MEASURES)
def test_values_come_back_from_the_scale_on_which_higher_is_better(metric):
    measure, values = MEASURES[metric], np.array([0.3, 0.6, 0.97])
    levels = measure.level(values)
    assert [measure.value(level) for level in levels] == pytest.approx(list(values))
    assert list(levels) == sorted(levels, reverse=measure.is_distance)


def test_a_codec_of_lower_distance_at_equal_rate_needs_fewer_bits():
    # Distance falls by half as the rate doubles; a distance lower by a fifth saves a fifth.
    anchor = Curve(name="anchor", bpp=(0.25, 0.5, 1, 2), butteraugli=(4, 2, 1, 0.5))
    test = Curve(name="test", bpp=(0.25, 0.5, 1, 2), butteraugli=(3.2, 1.6, 0.8, 0.4))
    found = bd_rate(anchor, test, metric="butteraugli")
    assert found.percent == pytest.approx(-20, abs=1e-6)
    assert bd_rate(test, anchor, metric="butteraugli").percent == pytest.approx(25, abs=1e-6)
    assert (found.low, found.high) == pytest.approx((-20 * math.log10(3.2), 20 * math.log10(2)))


def test_equal_ratios_of_butteraugli_weigh_alike_at_all_rates():
    # The test needs half the bits at distance 4, twice the bits at 1, and its logarithm of the
    # rate is straight over that of the distance: both ways cancel out, which they would not over
    # the distance itself, where 4 to 2 is twice as long as 2 to 1.
    anchor = Curve(name="anchor", bpp=(1, 2, 4), butteraugli=(4, 2, 1))
    test = Curve(name="test", bpp=(2**-1, 2, 8), butteraugli=(4, 2, 1))
    found = bd_rate(anchor, test, metric="butteraugli")
    assert found.percent == pytest.approx(0, abs=1e-6)


def test_points_of_higher_distance_at_a_higher_rate_are_left_out():
    clean = Curve(name="test", bpp=(0.25, 0.5, 1, 2), butteraugli=(4, 2, 1, 0.5))
    worse = Curve(name="test", bpp=(0.25, 0.5, 0.8, 1, 2), butteraugli=(4, 2, 2.1, 1, 0.5))
    assert bd_rate(clean, worse, metric="butteraugli").percent == pytest.approx(0, abs=1e-9)


def test_a_butteraugli_of_0_stays_finite():
    curve = Curve(name="perfect", bpp=(1, 2), butteraugli=(1.0, 0.0))
    assert math.isfinite(bd_rate(curve, curve, metric="butteraugli").percent)


def test_ms_ssim_is_compared_in_decibels():
    similarity = tuple(1 - 10 ** (-level / 10) for level in PSNR)
    by_ms_ssim = Curve(name="anchor", bpp=BPP, ms_ssim=similarity)
    other = replace(by_ms_ssim, bpp=scaled(0.8).bpp)
    found = bd_rate(by_ms_ssim, other, metric="ms_ssim")
    assert found.percent == pytest.approx(-20, abs=1e-6)
    assert found.low == pytest.approx(26.1)


def test_perfect_ms_ssim_stays_finite():
    curve = Curve(name="perfect", bpp=(1, 2), ms_ssim=(0.9, 1.0))
    assert math.isfinite(bd_rate(curve, curve, metric="ms_ssim").percent)


def test_columns_points_and_per_image_lists_give_the_same_curve(tmp_path):
    bpp, psnr = [0.1, 0.2], [30.0, 32.0]
    shapes = {
        "columns": {"bpp": bpp, "psnr": psnr},
        "points": {"points": [{"bpp": 0.1, "psnr": 30.0}, {"bpp": 0.2, "psnr": 32.0}]},
        "pictures": {
            "per_image": [
                {"bpp": [0.05, 0.15], "psnr": [29.0, 31.0]},
                {"bpp": [0.2, 0.2], "psnr": [31.0, 33.0]},
            ]
        },
    }
    for name, content in shapes.items():
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(content))
        curve = load_curve(path)
        assert curve.name == name
        assert np.allclose(curve.bpp, bpp)
        assert np.allclose(curve.psnr, psnr)
        assert curve.ms_ssim is None


PER_IMAGE = {
    "images": ["a.png", "b.png", "c.png"],
    "points": [{"bpp": 9, "psnr": 9}, {"bpp": 10, "psnr": 10}],
    "per_image": [
        {"quality": 1, "bpp": [1, 2, 6], "psnr": [30, 31, 35]},
        {"quality": 2, "bpp": [2, 4, 12], "psnr": [32, 34, 39]},
    ],
}


def test_a_stored_curve_is_restricted_to_the_pictures_that_were_measured(tmp_path):
    path = tmp_path / "curve.json"
    path.write_text(json.dumps(PER_IMAGE))
    curve = load_curve(path, ["c.png", "a.png"])
    assert (curve.bpp, curve.psnr) == ((3.5, 7), (32.5, 35.5))


@pytest.mark.parametrize("images", [(), ("a.png", "other.png")])
def test_a_stored_curve_of_other_pictures_is_taken_whole(tmp_path, images):
    path = tmp_path / "curve.json"
    path.write_text(json.dumps(PER_IMAGE))
    assert load_curve(path, images).bpp == (9, 10)


def test_lists_that_do_not_fit_the_stored_pictures_are_reported(tmp_path):
    path = tmp_path / "curve.json"
    path.write_text(json.dumps({**PER_IMAGE, "images": ["a.png", "b.png"]}))
    with pytest.raises(LicodecError, match="entry 1 of per_image has no list of 2 values"):
        load_curve(path, ["a.png"])


def test_the_stored_name_wins_over_the_file_name(tmp_path):
    path = tmp_path / "file.json"
    path.write_text(json.dumps({"name": "A codec", "bpp": [1, 2], "ms_ssim": [0.9, 0.95]}))
    assert load_curve(path) == Curve(name="A codec", bpp=(1, 2), ms_ssim=(0.9, 0.95))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "cannot be read"),
        (b"{", "cannot be read"),
        (b"\xff\xfe{}", "cannot be read"),
        (b"[1, 2]", "no JSON object"),
        (b"{}", "0 points with bpp"),
        (b'{"bpp": [1], "psnr": [30]}', "1 points with bpp"),
        (b'{"bpp": 3, "psnr": [30]}', "bpp is no list"),
        (b'{"bpp": [1, 2]}', "none of ssimulacra2, ssimulacra2_cut, butteraugli, psnr, ms_ssim"),
        (
            b'{"bpp": [1, 2], "ssimulacra2": [50, 101]}',
            "ssimulacra2 of point 2 is 101, expected a number from -1e",
        ),
        (
            b'{"bpp": [1, 2], "butteraugli": [-1, 1]}',
            "butteraugli of point 1 is -1, expected a number from 0",
        ),
        (b'{"bpp": [1, 2], "psnr": [30]}', "2 values of bpp but 1 of psnr"),
        (
            b'{"bpp": [1, -2], "psnr": [30, 31]}',
            "bpp of point 2 is -2, expected a number from 1e-09",
        ),
        (b'{"bpp": [1, NaN], "psnr": [30, 31]}', "bpp of point 2 is nan"),
        (b'{"bpp": [1, true], "psnr": [30, 31]}', "bpp of point 2 is True"),
        (b'{"bpp": [1, 2], "psnr": [30, "x"]}', "psnr of point 2 is 'x'"),
        (b'{"bpp": [1, 2], "ms_ssim": [0.9, 13.1]}', "ms_ssim of point 2 is 13.1"),
        (b'{"points": 5}', "points is no list of objects"),
        (b'{"points": [{"bpp": 1, "psnr": 30}, {"bpp": 2}]}', "psnr of point 2 is None"),
    ],
)
def test_a_bad_curve_file_is_one_line_that_names_the_file(tmp_path, content, reason):
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    with pytest.raises(LicodecError) as caught:
        load_curve(path)
    message = str(caught.value)
    assert str(path) in message
    assert reason in message
    assert "\n" not in message


def test_a_missing_curve_file_is_reported(tmp_path):
    with pytest.raises(LicodecError, match="cannot be read"):
        load_curve(tmp_path / "none.json")


def test_names_that_are_taken_get_a_number():
    curves = [ANCHOR, ANCHOR, replace(ANCHOR, name="webp")]
    names = [curve.name for curve in unique_names(curves, taken=["webp"])]
    assert names == ["anchor", "anchor (2)", "webp (2)"]


def test_a_mean_over_other_pictures_is_refused(tmp_path):
    path = tmp_path / "mean.json"
    path.write_text(json.dumps({"images": ["a.png", "b.png"], "bpp": [1, 2], "psnr": [30, 33]}))
    assert load_curve(path, ["b.png", "a.png"]).bpp == (1, 2)
    assert load_curve(path).bpp == (1, 2)
    with pytest.raises(LicodecError, match=r"mean over 2 pictures, a\.png to b\.png, and not"):
        load_curve(path, ["a.png"])


def test_the_curve_that_comes_along_is_for_the_pictures_of_kodak():
    path = Path(__file__).parents[2] / "docs" / "results" / "anchors" / "vtm-18.0.json"
    curve = load_curve(path, [f"kodim{number:02}.png" for number in range(1, 25)])
    assert (len(curve.bpp), min(curve.bpp), max(curve.bpp)) == (36, 0.028837, 2.821609)
