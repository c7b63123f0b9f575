"""bfloat16 is used where it is faster."""

from __future__ import annotations

import pytest
import torch

from licodec.codec import bfloat16


@pytest.mark.parametrize(
    ("tiles", "vectors", "share", "is_fast"),
    [
        (True, True, 9.0, True),
        (False, False, 0.1, False),
        (False, True, 0.5, True),
        (False, True, 1.7, False),
    ],
)
def test_tiles_are_trusted_and_vectors_are_timed(
    monkeypatch: pytest.MonkeyPatch, tiles: bool, vectors: bool, share: float, is_fast: bool
) -> None:
    has = {"_is_amx_tile_supported": tiles, "_is_avx512_bf16_supported": vectors}
    monkeypatch.setattr(bfloat16, "_has", has.__getitem__)
    seconds = {torch.bfloat16: share, torch.float32: 1.0}
    monkeypatch.setattr(bfloat16, "_convolution_s", seconds.__getitem__)
    assert bfloat16.has_fast_bfloat16.__wrapped__() == is_fast


def test_timing_takes_no_longer_than_a_blink() -> None:
    assert 0 < bfloat16._convolution_s(torch.float32) < 1
