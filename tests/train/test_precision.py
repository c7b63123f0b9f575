"""Training shortens numbers only where that is faster."""

import pytest
import torch

from licodec.train import precision
from licodec.train.precision import training_autocast


@pytest.mark.parametrize("is_fast", [False, True])
def test_cpu_trains_in_what_it_multiplies_in_hardware(
    monkeypatch: pytest.MonkeyPatch, is_fast: bool
) -> None:
    monkeypatch.setattr(precision, "has_fast_bfloat16", lambda: is_fast)
    matrix = torch.ones(2, 2)
    with training_autocast(torch.device("cpu")):
        assert (matrix @ matrix).dtype == (torch.bfloat16 if is_fast else torch.float32)
