"""Quality scale and the descriptions of families and syntheses."""

import pytest

from licodec.config import (
    CorrectionConfig,
    FamilyConfig,
    family_from_json,
    family_to_json,
    quality_to_index,
    synthesis_from_json,
    synthesis_to_json,
)


def test_ends_of_the_quality_scale_are_the_ends_of_the_knob():
    assert (quality_to_index(1), quality_to_index(100)) == (0, 255)


@pytest.mark.parametrize("quality", [0.9, 100.1, float("nan"), float("inf"), -5])
def test_quality_out_of_range_is_refused(quality):
    with pytest.raises(ValueError, match="expected 1 to 100"):
        quality_to_index(quality)


def test_family_survives_its_description():
    config = FamilyConfig(num_knots=5, widths={"fine": 8, "middle": 8, "coarse": 16, "top": 16})
    assert family_to_json(family_from_json(family_to_json(config))) == family_to_json(config)


def test_unknown_setting_of_a_family_is_named():
    with pytest.raises(ValueError, match="colour_of_the_sky"):
        family_from_json('{"colour_of_the_sky": 1}')


def test_nets_that_feed_the_same_weights_must_be_equally_wide():
    with pytest.raises(ValueError, match="must be equal"):
        FamilyConfig(widths={"fine": 8, "middle": 8, "coarse": 16, "top": 8})


def test_synthesis_survives_its_description():
    config = CorrectionConfig(width=24, num_blocks=3, fine_width=8, fine_blocks=1)
    assert synthesis_from_json(synthesis_to_json(config)) == config


@pytest.mark.parametrize(
    "text", ['{"width": 3}', '{"width": 3, "num_blocks": 1, "depth": 2}', "{}"]
)
def test_synthesis_with_other_settings_is_refused(text):
    with pytest.raises(ValueError, match="expected width, num_blocks"):
        synthesis_from_json(text)
