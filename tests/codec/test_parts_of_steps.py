"""Cutting a step into parts changes nothing of what is coded."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from licodec.codec import choose
from licodec.codec.encode import encode_pixels
from tests.photos import crop
from tests.tiny import tiny_family, tiny_network


@pytest.mark.parametrize("choice", ["rounding", "dead-zone", "rdoq", "tcq8"])
def test_payload_does_not_depend_on_how_much_is_chosen_at_once(choice, monkeypatch):
    family, pixels = tiny_family(tiny_network(seed=4)), crop(200, 130)
    whole = encode_pixels(pixels, family, 200, torch.device("cpu"), choice=choice)
    monkeypatch.setattr(choose, "_WHOLE_ELEMENTS", 300)
    cut = encode_pixels(pixels, family, 200, torch.device("cpu"), choice=choice)
    assert cut.payload == whole.payload
    assert len(np.concatenate(cut.tables_used)) == len(np.concatenate(whole.tables_used))
