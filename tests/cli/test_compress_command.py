"""`licodec compress`: names, pipes, folders, refusals and messages."""

import io
import json
import os
import re
from pathlib import Path

import pytest
from PIL import Image

from licodec.container import ALPHA, EXIF, read_front
from tests.cli.conftest import Licodec
from tests.cli.pictures import save_photo


def test_result_lies_beside_the_picture_and_is_reported_on_stderr(
    licodec: Licodec, tmp_path: Path
) -> None:
    save_photo(tmp_path / "photo.png")
    outcome = licodec("compress", tmp_path / "photo.png")
    size = (tmp_path / "photo.lic").stat().st_size
    assert outcome.code == 0
    assert outcome.out == b""
    line = outcome.err.rstrip("\n").split("  ")
    assert line[0] == f"{tmp_path / 'photo.png'} -> {tmp_path / 'photo.lic'}"
    assert line[1:4] == ["11x7", f"{size:,} B", f"{8 * size / 77:.3f} bpp"]
    assert line[4].endswith(" s")


def test_encode_is_another_name_of_compress(licodec: Licodec, tmp_path: Path) -> None:
    save_photo(tmp_path / "photo.png")
    assert licodec("encode", tmp_path / "photo.png", "-o", tmp_path / "x.lic").code == 0
    assert (tmp_path / "x.lic").exists()


def test_quality_and_profile_reach_the_file(licodec: Licodec, tmp_path: Path) -> None:
    save_photo(tmp_path / "photo.png")
    licodec("compress", "-q", "100", "-p", "fast", tmp_path / "photo.png")
    header = read_front((tmp_path / "photo.lic").read_bytes()).header
    assert (header.quality_index, header.profile_id) == (255, 1)


def test_alpha_and_metadata_are_kept(licodec: Licodec, tmp_path: Path) -> None:
    tags = Image.Exif()
    tags[0x010F] = "maker"
    save_photo(tmp_path / "photo.png", mode="RGBA", exif=tags)
    licodec("compress", tmp_path / "photo.png")
    front = read_front((tmp_path / "photo.lic").read_bytes())
    assert front.section(ALPHA) is not None
    assert front.section(EXIF) == tags.tobytes().removeprefix(b"Exif\0\0")


def test_conversion_is_noted_unless_quiet(licodec: Licodec, tmp_path: Path) -> None:
    Image.new("CMYK", (3, 3)).save(tmp_path / "print.jpg")
    noted = licodec("compress", tmp_path / "print.jpg")
    assert "note: CMYK without ICC profile" in noted.err
    quiet = licodec("compress", "--quiet", "--force", tmp_path / "print.jpg")
    assert (quiet.code, quiet.err) == (0, "")


def test_verbose_line_tells_profile_quality_and_stages(licodec: Licodec, tmp_path: Path) -> None:
    save_photo(tmp_path / "photo.png")
    outcome = licodec("compress", "-v", tmp_path / "photo.png")
    for part in ("profile balanced", "model 0.0 s", "prior 0.25 s"):
        assert f"  {part}" in outcome.err
    # The nearest of the file's 256 steps is told, within half a point of what was asked for.
    assert re.search(r"  quality (74\.[5-9]|75(\.[0-4])?)  ", outcome.err)


def test_pipe_in_and_out(licodec: Licodec, tmp_path: Path) -> None:
    save_photo(tmp_path / "photo.png")
    outcome = licodec("compress", "-", stdin=(tmp_path / "photo.png").read_bytes())
    assert outcome.code == 0
    assert read_front(outcome.out).header.width == 11
    assert outcome.err.startswith("stdin -> stdout  ")


def test_file_to_pipe(licodec: Licodec, tmp_path: Path) -> None:
    save_photo(tmp_path / "photo.png")
    outcome = licodec("compress", tmp_path / "photo.png", "-o", "-")
    assert read_front(outcome.out).header.height == 7
    assert os.listdir(tmp_path) == ["photo.png"]


def test_folder_keeps_its_structure_and_takes_pictures_only(
    licodec: Licodec, tmp_path: Path, codecs_made: list[str]
) -> None:
    source = tmp_path / "in"
    for name in ("a.png", "deep/er/b.JPG", "deep/c.webp"):
        save_photo(source / name)
    (source / "notes.txt").write_text("no picture")
    outcome = licodec("compress", source, "-o", tmp_path / "out")
    assert outcome.code == 0
    found = {str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.lic")}
    assert found == {"a.lic", "deep/er/b.lic", "deep/c.lic"}
    assert codecs_made == ["balanced"]


def test_several_files_go_beside_themselves_or_into_a_folder(
    licodec: Licodec, tmp_path: Path
) -> None:
    names = [tmp_path / "a.png", tmp_path / "sub" / "b.png"]
    for name in names:
        save_photo(name)
    assert licodec("compress", *names).code == 0
    assert (tmp_path / "sub" / "b.lic").exists()
    assert licodec("compress", *names, "-o", tmp_path / "out").code == 0
    assert sorted(os.listdir(tmp_path / "out")) == ["a.lic", "b.lic"]


def test_bad_file_in_a_batch_is_reported_and_skipped(licodec: Licodec, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    save_photo(tmp_path / "b.png")
    outcome = licodec("compress", tmp_path / "a.png", tmp_path / "b.png")
    assert outcome.code == 1
    assert outcome.err.startswith(f"licodec: {tmp_path / 'a.png'}: is not a picture")
    assert (tmp_path / "b.lic").exists()
    assert not (tmp_path / "a.lic").exists()


def test_clash_of_outputs_is_reported_for_its_own_files_only(
    licodec: Licodec, tmp_path: Path
) -> None:
    for name in ("a.png", "a.jpg", "b.png"):
        save_photo(tmp_path / name)
    outcome = licodec("compress", *sorted(tmp_path.iterdir()))
    assert outcome.code == 1
    assert outcome.err.count("as would") == 2
    assert "--keep-extension" in outcome.err
    assert sorted(os.listdir(tmp_path)) == ["a.jpg", "a.png", "b.lic", "b.png"]
    outcome = licodec("compress", "--keep-extension", tmp_path, "-o", tmp_path / "out")
    assert outcome.code == 0
    assert sorted(os.listdir(tmp_path / "out")) == ["a.jpg.lic", "a.png.lic", "b.png.lic"]
    assert licodec("decompress", tmp_path / "out", "-o", tmp_path / "back").code == 0
    assert sorted(os.listdir(tmp_path / "back")) == ["a.jpg.png", "a.png.png", "b.png.png"]


def test_existing_output_is_refused_before_the_codec_is_loaded(
    licodec: Licodec, tmp_path: Path, codecs_made: list[str]
) -> None:
    save_photo(tmp_path / "a.png")
    (tmp_path / "a.lic").write_bytes(b"precious")
    outcome = licodec("compress", tmp_path / "a.png")
    assert outcome.code == 1
    assert outcome.err.count("\n") == 1
    assert "--force" in outcome.err
    assert (tmp_path / "a.lic").read_bytes() == b"precious"
    assert codecs_made == []
    assert licodec("compress", "--force", tmp_path / "a.png").code == 0
    assert read_front((tmp_path / "a.lic").read_bytes()).header.width == 11


def test_input_is_never_overwritten_even_with_force(licodec: Licodec, tmp_path: Path) -> None:
    save_photo(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a")
    before = (tmp_path / "a").read_bytes()
    outcome = licodec("compress", "--force", tmp_path / "a", "-o", tmp_path / "a")
    assert outcome.code == 1
    assert "the input itself" in outcome.err
    assert (tmp_path / "a").read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n"])
def test_bad_picture_gives_one_line_and_no_file(
    licodec: Licodec, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "a.png").write_bytes(content)
    outcome = licodec("compress", tmp_path / "a.png")
    assert outcome.code == 1
    assert outcome.err.startswith(f"licodec: {tmp_path / 'a.png'}: ")
    assert outcome.err.count("\n") == 1
    assert os.listdir(tmp_path) == ["a.png"]


def test_missing_picture_gives_one_line(licodec: Licodec, tmp_path: Path) -> None:
    outcome = licodec("compress", tmp_path / "none.png")
    assert outcome.code == 1
    assert outcome.err.endswith("none.png: cannot be read: No such file or directory\n")


def test_pixel_limit_names_the_option(licodec: Licodec, tmp_path: Path) -> None:
    save_photo(tmp_path / "a.png")
    outcome = licodec("compress", "--max-pixels", "76", tmp_path / "a.png")
    assert outcome.code == 1
    assert "--max-pixels" in outcome.err
    assert licodec("compress", "--max-pixels", "77", tmp_path / "a.png").code == 0


def test_unknown_profile_ends_a_batch_with_one_line(licodec: Licodec, tmp_path: Path) -> None:
    save_photo(tmp_path / "a.png")
    save_photo(tmp_path / "b.png")
    outcome = licodec("compress", "-p", "huge", tmp_path / "a.png", tmp_path / "b.png")
    assert (outcome.code, outcome.err) == (1, "licodec: unknown profile 'huge'\n")


def test_unusable_device_is_one_line(licodec: Licodec, tmp_path: Path) -> None:
    save_photo(tmp_path / "a.png")
    outcome = licodec("compress", "--device", "cuda", tmp_path / "a.png")
    assert (outcome.code, outcome.err.count("\n")) == (1, 1)
    assert "use --device cpu" in outcome.err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["-q", "0", "a.png"],
        ["-q", "101", "a.png"],
        ["-q", "nan", "a.png"],
        ["-q", "high", "a.png"],
        ["--device", "tpu", "a.png"],
        ["--max-pixels", "0", "a.png"],
        ["--nonsense", "a.png"],
        ["-", "a.png"],
        ["a.png", "b.png", "-o", "-"],
        ["a.png", "--json", "-o", "-"],
        ["."],
        [""],
        ["a.png", ""],
        ["a.png", "-o", ""],
        ["-", "-o", "new/"],
    ],
)
def test_wrong_usage_is_exit_code_2(licodec: Licodec, arguments: list[str]) -> None:
    outcome = licodec("compress", *arguments)
    assert outcome.code == 2
    assert "Traceback" not in outcome.err


def test_several_inputs_into_a_file_are_wrong_usage(licodec: Licodec, tmp_path: Path) -> None:
    (tmp_path / "x.lic").write_bytes(b"")
    outcome = licodec("compress", "a.png", "b.png", "-o", tmp_path / "x.lic")
    assert outcome.code == 2


def test_folder_without_pictures_is_one_line(licodec: Licodec, tmp_path: Path) -> None:
    outcome = licodec("compress", tmp_path, "-o", tmp_path / "out")
    assert (outcome.code, outcome.err.count("\n")) == (1, 1)
    assert "no pictures" in outcome.err


def test_json_lines_have_the_same_keys_for_success_and_failure(
    licodec: Licodec, tmp_path: Path
) -> None:
    save_photo(tmp_path / "a.png")
    outcome = licodec("compress", "--json", tmp_path / "a.png", tmp_path / "none.png")
    good, bad = (json.loads(line) for line in io.BytesIO(outcome.out))
    assert outcome.code == 1
    assert good.keys() == bad.keys()
    size = (tmp_path / "a.lic").stat().st_size
    assert (good["schema"], good["ok"], good["num_bytes"], good["error"]) == (1, True, size, None)
    assert (bad["ok"], bad["num_bytes"]) == (False, None)
    assert "No such file" in bad["error"]


def test_binary_is_not_written_to_a_terminal(
    licodec: Licodec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_photo(tmp_path / "a.png")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    outcome = licodec("compress", tmp_path / "a.png", "-o", "-")
    assert outcome.code == 2
    assert "terminal" in outcome.err


def test_stdin_into_a_folder_that_is_not_there_writes_nothing(
    licodec: Licodec, tmp_path: Path
) -> None:
    save_photo(tmp_path / "a.png")
    picture = (tmp_path / "a.png").read_bytes()
    outcome = licodec("compress", "-", "-o", f"{tmp_path}/new/", stdin=picture)
    assert outcome.code == 2
    assert "needs the name of a file" in outcome.err
    assert os.listdir(tmp_path) == ["a.png"]
