"""The metrics need nothing but what licodec itself needs."""

import subprocess
import sys

import pytest

EXTRAS = {"scipy", "pytorch_msssim", "ssimulacra2"}


@pytest.mark.parametrize("name", ["ssimulacra2", "butteraugli"])
def test_a_metric_is_taken_without_the_extras_of_benchmarks(name: str) -> None:
    code = (
        "import sys, numpy as np\n"
        f"from licodec.metrics.{name} import {name}\n"
        f"{name}(np.zeros((16, 16, 3), np.uint8), np.ones((16, 16, 3), np.uint8))\n"
        "print(*{module.split('.')[0] for module in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert EXTRAS.isdisjoint(done.stdout.split())
