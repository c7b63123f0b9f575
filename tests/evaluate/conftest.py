"""Folders of small pictures to measure codecs on."""

from pathlib import Path

import pytest
from PIL import Image

from tests.evaluate.benches import smooth_picture


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    Image.fromarray(smooth_picture(48, 65, 1)).save(pictures / "b.png")
    Image.fromarray(smooth_picture(33, 40, 2)).save(pictures / "a.bmp")
    (pictures / "notes.txt").write_text("no picture")
    (pictures / "deeper.png").mkdir()
    return pictures


@pytest.fixture
def large_folder(tmp_path: Path) -> Path:
    """A picture that is large enough for every measure."""
    pictures = tmp_path / "large"
    pictures.mkdir()
    Image.fromarray(smooth_picture(161, 170, 4)).save(pictures / "large.png")
    return pictures
