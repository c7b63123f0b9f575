"""With the native library, what a file needs imports no torch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from licodec import native
from tests.photos import crop

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(native.find() is None, reason="there is no native library")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, codec) -> Path:
    made = tmp_path_factory.mktemp("without-torch")
    Image.fromarray(crop(150, 100)).save(made / "a.png")
    Image.fromarray(crop(90, 64, "L")).save(made / "b.png")
    (made / "a.lic").write_bytes(codec.encode(crop(300, 200), quality=60))
    (made / "b.lic").write_bytes(codec.encode(crop(90, 64, "L"), quality=60))
    return made


def modules_after(code: str, folder: Path) -> set[str]:
    """Which of the heavy modules a process has imported at its end."""
    script = f"{code}\nimport sys\nprint(*{{'torch', 'constriction'}} & sys.modules.keys())"
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split("\n")[-2].split())


def command(*arguments: str) -> str:
    return f"from licodec.cli.main import run\nassert run({list(arguments)!r}) == 0"


@pytest.mark.parametrize("effort", range(5))
def test_compress_imports_none(effort: int, folder: Path) -> None:
    code = command("compress", "-q", "60", "-e", str(effort), "--force", "a.png", "-o", "c.lic")
    assert modules_after(code, folder) == set()


@pytest.mark.parametrize(
    "arguments",
    [
        ("decompress", "a.lic", "-o", "c.png", "--force"),
        ("decompress", "b.lic", "-o", "c.png", "--force"),
        ("decompress", "a.lic", "-o", "c.png", "--force", "--region", "3,5,40,30"),
        ("decompress", "a.lic", "-o", "c.png", "--force", "--max-size", "64"),
        ("thumbnail", "a.lic", "c.png", "--force"),
        ("thumbnail", "a.lic", "c.png", "--force", "--size", "64"),
        ("info", "a.lic"),
        ("info", "a.lic", "--check"),
        ("info", "--system"),
        ("profiles",),
    ],
)
def test_other_commands_import_none(arguments: tuple[str, ...], folder: Path) -> None:
    assert modules_after(command(*arguments), folder) == set()


def test_api_and_pillow_plugin_import_none(folder: Path) -> None:
    code = """
import io
import numpy as np
from PIL import Image
import licodec, licodec.pillow
image = Image.open("a.png")
data = licodec.encode(image, device="cpu")
assert licodec.decode(data).size == image.size
assert licodec.info(data).width == image.width
with Image.open("a.lic") as stored:
    stored.load()
buffer = io.BytesIO()
image.save(buffer, "LIC", quality=40)
with Image.open(io.BytesIO(buffer.getvalue())) as saved:
    saved.verify()
"""
    assert modules_after(code, folder) == set()


def test_search_imports_torch(folder: Path) -> None:
    code = command("compress", "--time-budget", "0.01", "--force", "b.png", "-o", "c.lic")
    assert "torch" in modules_after(code, folder)


def test_pictures_without_torch_are_those_with_it(folder: Path, codec) -> None:
    modules_after(command("decompress", "a.lic", "-o", "d.png", "--force"), folder)
    with Image.open(folder / "d.png") as found:
        data = (folder / "a.lic").read_bytes()
        np.testing.assert_array_equal(np.asarray(found), np.asarray(codec.decode(data)))
