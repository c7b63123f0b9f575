"""Threads that the library's callers work on, and those of numpy's products beside them."""

from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from licodec.native.threads import one_blas_thread


def blas_threads() -> set[int]:
    return {int(pool["num_threads"]) for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_products_run_on_one_thread_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    np.ones((64, 64), np.float32) @ np.ones((64, 64), np.float32)
    before = blas_threads()
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    with one_blas_thread():
        assert blas_threads() <= {1}
    assert blas_threads() == before


def test_threads_are_given_back_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    before = blas_threads()
    with pytest.raises(ValueError, match="here"), one_blas_thread():
        raise ValueError("here")
    assert blas_threads() == before
