"""A family's scale maps qualities to the file's knob and back; scores of pictures make one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from licodec import profiles
from licodec.api import Codec
from licodec.config import TUNE_FAMILIES, quality_to_index
from licodec.container.read import read_container
from licodec.errors import ModelError
from licodec.inspect import read_info
from licodec.profiles import quality_scale, read_scale
from licodec.quality_scale import (
    EVEN,
    QualityScale,
    fit_quality_points,
    scale_from_json,
    scale_to_json,
)
from tests.photos import crop
from tests.test_profiles import change_header

BENT = QualityScale(((1, 0), (20.5, 1), (50, 70.25), (70, 120), (91.5, 254), (100, 255)))
SCALES = [QualityScale(), BENT, *map(quality_scale, TUNE_FAMILIES.values())]


@pytest.mark.parametrize("scale", SCALES)
def test_every_knob_comes_back_and_qualities_rise_with_it(scale: QualityScale) -> None:
    qualities = [scale.to_quality(index) for index in range(256)]
    assert [scale.to_index(quality) for quality in qualities] == list(range(256))
    assert qualities == sorted(set(qualities))
    assert (qualities[0], qualities[-1]) == (1, 100)
    found = [scale.to_index(quality) for quality in np.linspace(1, 100, 991)]
    assert found == sorted(found)


def test_family_without_points_has_the_even_scale() -> None:
    scale = quality_scale(None)
    assert scale.points == EVEN
    assert [scale.to_quality(i) for i in range(256)] == [1 + i / 255 * 99 for i in range(256)]
    for quality in np.linspace(1, 100, 500):
        assert scale.to_index(quality) == quality_to_index(quality)


@pytest.mark.parametrize("quality", [0.99, 100.01, float("nan"), float("inf"), -3])
def test_quality_out_of_range_is_refused(quality: float) -> None:
    with pytest.raises(ValueError, match="expected 1 to 100"):
        BENT.to_index(quality)


def test_scale_survives_as_text() -> None:
    assert scale_from_json(scale_to_json(BENT)) == BENT


@pytest.mark.parametrize(
    "points",
    [
        [],
        [[1, 0]],
        [[1, 0], [50, 255]],
        [[2, 0], [100, 255]],
        [[1, 0], [50, 100], [50, 120], [100, 255]],
        [[1, 0], [50, 100], [60, 100], [100, 255]],
        [[1, 0], [60, 100], [50, 120], [100, 255]],
        [[1, 0], [float("nan"), 100], [100, 255]],
        [[1, 0, 0], [100, 255]],
        [1, 100],
        [["a", 0], [100, 255]],
        {"1": 0},
        7,
        None,
    ],
)
def test_points_that_do_not_rise_from_end_to_end_are_refused(
    points: object, tmp_path: Path, codec: Codec
) -> None:
    with pytest.raises(ValueError, match=r"quality points|unpack|convert"):
        scale_from_json(json.dumps(points))
    path = Path(shutil.copy(codec.info.family_path, tmp_path))
    text = json.dumps(points)
    change_header(path, lambda header: header["__metadata__"].update(quality_points=text))
    with pytest.raises(ModelError, match=r"family\.safetensors: .*; reinstall licodec"):
        read_scale(path)


def test_codec_info_and_plugin_go_by_the_scale_of_the_family(
    codec: Codec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(codec.info.family_path.parent, tmp_path / codec.info.family))
    text = scale_to_json(BENT)
    change_header(
        folder / "family.safetensors",
        lambda header: header["__metadata__"].update(quality_points=text),
    )
    monkeypatch.setattr(profiles, "find_models_dir", lambda: tmp_path)
    data = Codec(device="cpu").encode(crop(20, 16), quality=70, effort=0)
    assert read_container(data).header.quality_index == 120
    assert (read_info(data).quality, read_info(data).quality_index) == (70.0, 120)


def scores_of(index: np.ndarray | int) -> np.ndarray | float:
    """Points that rise ever more slowly, as those of photographs."""
    return 18 + 74 * (np.asarray(index) / 255) ** 0.8


def test_fitted_quality_is_the_score_that_it_gives() -> None:
    indices = np.linspace(0, 255, 12).round().astype(int).tolist()
    scale = QualityScale(fit_quality_points([(i, float(scores_of(i))) for i in indices]))
    for quality in range(19, 92):
        assert abs(scores_of(scale.to_index(quality)) - quality) < (2 if quality < 40 else 0.6)
    assert scale.to_index(15) <= 1
    assert scale.to_index(96) >= 254


def test_fit_begins_where_low_scores_reach_the_scale() -> None:
    scale = QualityScale(fit_quality_points([(0, -30.0), (50, 20.0), (150, 60.0), (255, 80.0)]))
    assert (scale.to_index(1), scale.to_index(10), scale.to_index(20)) == (0, 40, 50)
    assert scale.to_index(60) == 150


def test_fit_takes_the_mean_of_scores_that_do_not_rise() -> None:
    scale = QualityScale(fit_quality_points([(0, 20), (100, 61), (120, 59), (200, 80), (255, 90)]))
    assert scale.to_index(60) == 110
    assert QualityScale(fit_quality_points([(0, 50), (255, 50)])).to_index(100) == 255


@pytest.mark.parametrize(
    "measured",
    [
        [],
        [(0, 20)],
        [(0, 20), (0, 30)],
        [(0, 20), (256, 30)],
        [(-1, 2), (9, 3)],
        [(0, 20), (9, np.nan)],
    ],
)
def test_scores_that_make_no_scale_are_refused(measured: list[tuple[int, float]]) -> None:
    with pytest.raises(ValueError, match="two or more different indices"):
        fit_quality_points(measured)
