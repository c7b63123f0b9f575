"""`benchmarks/gallery.py` shows crops beside other codecs' files of equal bytes."""

from __future__ import annotations

import dataclasses
import importlib.util
import io
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from licodec.evaluate.metrics import ssimulacra2_cut
from licodec.evaluate.peers import PEERS
from licodec.metrics.butteraugli import butteraugli
from licodec.metrics.ssimulacra2 import ssimulacra2
from tests.photos import crop

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "gallery.py"


@pytest.fixture
def gallery(monkeypatch) -> ModuleType:
    """The script, with WebP in place of licodec."""
    spec = importlib.util.spec_from_file_location("gallery", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    fake = dataclasses.replace(PEERS["webp"], name="licodec-fake")
    monkeypatch.setattr(module, "licodec_codecs", lambda *_: [fake])
    return module


def test_strips_and_page_show_files_of_equal_size(gallery, tmp_path):
    folder, out = tmp_path / "pictures", tmp_path / "out"
    folder.mkdir()
    Image.fromarray(crop(300, 240)).save(folder / "a.png")
    Image.fromarray(crop(100, 90)).save(folder / "small.png")
    assert gallery.main([str(folder), "-o", str(out), "-c", "jpeg"]) == 0
    page = (out / "README.md").read_text(encoding="utf-8")
    assert "Columns from left to right: original, licodec-fake, jpeg." in page
    assert "Kodak" not in page
    image = Image.open(folder / "a.png")
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", method=6, quality=58)
    assert f"| licodec-fake | {len(buffer.getvalue()):,} |" in page
    assert (
        "| column | bytes | bpp | SSIMULACRA 2 | SSIMULACRA 2 when cut | Butteraugli | PSNR (dB) |"
        in page
    )
    decoded = np.asarray(Image.open(buffer).convert("RGB"))
    pair = np.asarray(image), decoded
    assert f" | {ssimulacra2(*pair):.2f} | {ssimulacra2_cut(*pair):.2f} | " in page
    assert f" | {butteraugli(*pair):.3f} | " in page
    with Image.open(out / "a.webp") as strip:
        assert strip.size == (3 * 192 + 2 * 6, 192)
        original = np.asarray(strip.convert("RGB"))[:, :192]
    np.testing.assert_array_equal(original, np.asarray(image)[24:216, 54:246])
    with Image.open(out / "small.webp") as strip:
        assert strip.size == (3 * 100 + 2 * 6, 90)


def test_kodak_is_shown_with_its_licence(gallery, tmp_path):
    Image.fromarray(crop(560, 380, left=0, top=0)).save(tmp_path / "kodim05.png")
    Image.fromarray(crop(64, 64)).save(tmp_path / "other.png")
    assert gallery.main([str(tmp_path), "-o", str(tmp_path / "out"), "-c", "jpeg"]) == 0
    page = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "Eastman Kodak Company for unrestricted usage" in page
    assert "## other" not in page


def test_folder_without_pictures_and_unknown_codecs_are_told_in_one_line(gallery, tmp_path, capsys):
    (tmp_path / "pictures").mkdir()
    out = tmp_path / "out"
    for arguments, message in (
        ([tmp_path / "pictures"], "no PNG, TIFF or WebP picture; name another folder"),
        ([tmp_path / "absent"], "No such file"),
    ):
        assert gallery.main([*map(str, arguments), "-o", str(out)]) == 1
        assert message in capsys.readouterr().err
    Image.fromarray(crop(64, 64)).save(tmp_path / "pictures" / "a.png")
    assert gallery.main([str(tmp_path / "pictures"), "-o", str(out), "-c", "x"]) == 1
    assert "unknown codec 'x'" in capsys.readouterr().err
    assert not out.exists()
