"""Pictures compressed by the workers of a Ray cluster, here on this machine."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

import licodec
from licodec.errors import LicodecError
from tests.cli.pictures import save_photo

pytestmark = pytest.mark.ray

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Two CPUs of this machine as a cluster."""
    import ray
    import ray.data

    ray.init(num_cpus=2, include_dashboard=False, object_store_memory=100_000_000)
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield
    ray.shutdown()


def test_folder_is_compressed_once_and_a_second_run_does_the_rest(
    cluster: None, tmp_path: Path
) -> None:
    from licodec.batch.ray import compress_files

    names = ("a", "b", "deep/c", "deep/er/d")
    for seed, name in enumerate(names):
        save_photo(tmp_path / "in" / f"{name}.png", seed=seed)
    (tmp_path / "in" / "bad.png").write_bytes(b"no picture")
    arguments = ([str(tmp_path / "in")], str(tmp_path / "out"))

    def run(**options: object) -> dict[str, dict[str, object]]:
        rows = compress_files(
            *arguments, quality=30, num_workers=(1, 2), files_per_task=2, **options
        ).take_all()
        return {os.path.relpath(row["input"], tmp_path / "in"): row for row in rows}

    rows = run()
    assert {name: row["status"] for name, row in rows.items()} == {
        "bad.png": "failed", **{f"{name}.png": "done" for name in names}
    }  # fmt: skip
    assert "is not a picture" in str(rows["bad.png"]["error"])
    for name in names:
        with Image.open(tmp_path / "in" / f"{name}.png") as image:
            expected = licodec.encode(image, quality=30, device="cpu")
        made = tmp_path / "out" / f"{name}.lic"
        assert made.read_bytes() == expected
        row = rows[f"{name}.png"]
        assert (row["width"], row["height"], row["num_bytes"]) == (11, 7, len(expected))

    (tmp_path / "out" / "b.lic").unlink()
    again = run()
    assert {name for name, row in again.items() if row["status"] == "done"} == {"b.png"}
    assert {name for name, row in again.items() if row["status"] == "failed"} == {"bad.png"}


def test_example_of_the_page_runs(cluster: None, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "batches.md").read_text(encoding="utf-8")
    codes = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    (code,) = (code for code in codes if "ray" in code)
    (tmp_path / "photos").mkdir()
    shutil.copy(ROOT / "examples" / "photos" / "chelsea.png", tmp_path / "photos")
    code = code.replace('"photos', f'"{tmp_path}/photos').replace('"small', f'"{tmp_path}/small')
    code = code.replace("num_workers=16", "num_workers=1")
    exec(code, {})
    assert (tmp_path / "small" / "chelsea.lic").exists()


@pytest.mark.parametrize(
    ("inputs", "options", "error", "words"),
    [
        ("in", {}, LicodecError, "no pictures"),
        ("-", {}, LicodecError, "no stdin"),
        ([], {}, LicodecError, "nothing to do"),
        ("", {}, LicodecError, "empty"),
        (["in/a.png", "in/a.jpg"], {}, LicodecError, "as would"),
        ("in", {"quality": 101}, ValueError, "1 to 100"),
        ("in", {"effort": 10}, ValueError, "0 to 9"),
        ("in", {"keep": ["all"]}, ValueError, "all"),
    ],
)
def test_wrong_call_is_refused_before_a_cluster_is_asked_for(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    inputs: str | list[str],
    options: dict[str, object],
    error: type[Exception],
    words: str,
) -> None:
    from licodec.batch.ray import compress_files

    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    with pytest.raises(error, match=words):
        compress_files(inputs, "out", **options)
