import sys

import pytest

from licodec.errors import LicodecError
from licodec.evaluate import load_extra
from licodec.evaluate.bdrate import Curve, bd_rate


def test_a_missing_extra_is_one_line_that_names_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.interpolate", None)
    curve = Curve(name="any", bpp=(1, 2), psnr=(30, 33))
    with pytest.raises(LicodecError) as caught:
        bd_rate(curve, curve)
    assert "pip install 'licodec[bench]'" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_extra_that_is_there_is_returned():
    assert load_extra("json").loads("1") == 1
