import csv
import io
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from licodec.errors import LicodecError
from licodec.evaluate.bdrate import Curve, load_curve
from licodec.evaluate.bench import (
    licodec_codec,
    licodec_codecs,
    list_pictures,
    read_rgb,
    run_bench,
)
from licodec.evaluate.measures import MEASURES, Metric
from licodec.evaluate.peers import find_peer
from licodec.evaluate.report import (
    BLOCK_BEGIN,
    BLOCK_END,
    CSV_COLUMNS,
    RESULT_FILES,
    bd_rate_tables,
    check_absent,
    markdown,
    readme_block,
    rewrite_block,
    summary_tables,
    to_csv,
    to_json,
    write_results,
)
from licodec.evaluate.results import BenchResult

QUALITIES = (20.0, 50.0, 80.0)


class FakeCodec:
    """Stands for licodec: JPEG inside, with made-up stage times."""

    def __init__(self, profile: str, device: str) -> None:
        self.opened_with = (profile, device)
        self.num_encodes = 0
        self.last_timings: dict[str, float] = {}

    def encode(self, image: Image.Image, *, quality: float) -> bytes:
        self.num_encodes += 1
        self.last_timings = {"prior": 0.25, "entropy": quality / 1000}
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=round(quality), subsampling="4:4:4")
        return buffer.getvalue()

    def decode(self, data: bytes) -> Image.Image:
        self.last_timings = {"synthesis": 0.5}
        return Image.open(io.BytesIO(data)).convert("RGB")


class CroppingCodec(FakeCodec):
    def decode(self, data: bytes) -> Image.Image:
        return super().decode(data).crop((0, 0, 1, 1))


def smooth_picture(height: int, width: int, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:height, 0:width]
    waves = [np.sin(columns / 9 + phase) + np.cos(rows / 7 + phase) for phase in (0, 1, 2)]
    picture = 128 + 45 * np.stack(waves, axis=2) + generator.normal(0, 6, (height, width, 3))
    return np.clip(picture, 0, 255).astype(np.uint8)


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


def bench(
    folder: Path, *, metrics: tuple[Metric, ...] = (), stored: tuple[Curve, ...] = ()
) -> BenchResult:
    codecs = [
        licodec_codec("balanced", "cpu", QUALITIES, FakeCodec),
        *(find_peer(name) for name in ("jpeg", "webp", "jpeg2000", "avif")),
    ]
    return run_bench(list_pictures(folder), codecs, stored, metrics=metrics)


def test_pictures_are_listed_by_name_without_folders_and_other_files(folder):
    assert [path.name for path in list_pictures(folder)] == ["a.bmp", "b.png"]
    assert [path.name for path in list_pictures(folder, limit=1)] == ["a.bmp"]


def test_files_of_formats_that_are_not_read_are_no_pictures(folder):
    for name in ("a.pdf", "a.eps", "a.lic", "a.mpg", "c.J2C"):
        (folder / name).touch()
    assert [path.name for path in list_pictures(folder)] == ["a.bmp", "b.png", "c.J2C"]


def test_a_folder_without_pictures_is_reported(tmp_path):
    with pytest.raises(LicodecError, match="no picture"):
        list_pictures(tmp_path)


def test_grey_pictures_are_read_as_three_equal_channels(tmp_path):
    grey = smooth_picture(5, 7, 3)[:, :, 0]
    Image.fromarray(grey).save(tmp_path / "grey.png")
    assert np.array_equal(read_rgb(tmp_path / "grey.png"), np.stack([grey] * 3, axis=2))


def test_every_codec_quality_and_picture_has_a_row_with_counted_bytes(folder):
    result = bench(folder)
    ours = result.codecs[0]
    assert [codec.name for codec in result.codecs] == [
        "licodec-balanced", "jpeg", "webp", "jpeg2000", "avif"
    ]  # fmt: skip
    keys = {(row.image, row.quality) for row in ours.rows}
    assert keys == {(name, quality) for name in ("a.bmp", "b.png") for quality in QUALITIES}
    row = next(row for row in ours.rows if (row.image, row.quality) == ("b.png", 50.0))
    image = Image.open(folder / "b.png")
    data = FakeCodec("", "").encode(image, quality=50)
    error = np.asarray(image, float) - np.asarray(Image.open(io.BytesIO(data)), float)
    assert (row.width, row.height, row.num_bytes) == (65, 48, len(data))
    assert row.bpp == pytest.approx(8 * len(data) / (65 * 48))
    assert row.psnr == pytest.approx(10 * np.log10(255**2 / np.mean(error**2)))
    assert row.ms_ssim is None


def test_points_are_means_over_pictures_not_over_pixels(folder):
    ours = bench(folder).codecs[0]
    for point in ours.points:
        rows = [row for row in ours.rows if row.quality == point.quality]
        assert point.bpp == pytest.approx((rows[0].bpp + rows[1].bpp) / 2)
        assert point.psnr == pytest.approx((rows[0].psnr + rows[1].psnr) / 2)


def test_points_go_from_low_to_high_rate_for_ratio_ladders_too(folder):
    for codec in bench(folder).codecs:
        rates = [point.bpp for point in codec.points]
        assert rates == sorted(rates)


def test_each_codec_is_warmed_up_once(folder):
    opened: list[FakeCodec] = []

    def open_codec(profile: str, device: str) -> FakeCodec:
        opened.append(FakeCodec(profile, device))
        return opened[-1]

    codec = licodec_codec("fast", "cpu", QUALITIES, open_codec)
    run_bench(list_pictures(folder), [codec], metrics=())
    assert opened[0].opened_with == ("fast", "cpu")
    assert opened[0].num_encodes == 2 * len(QUALITIES) + 1


def test_each_profile_and_tune_is_a_codec_that_is_opened_with_it():
    opened: list[tuple[str, ...]] = []

    def open_codec(profile: str, device: str, *, tune: str = "none given") -> FakeCodec:
        opened.append((profile, tune))
        return FakeCodec(profile, device)

    profiles = ("balanced", "fast")
    codecs = licodec_codecs(
        profiles, (4,), "cpu", QUALITIES, open_codec, tunes=("visual", "psnr", "visual")
    )
    assert [codec.name for codec in codecs] == [
        "licodec-balanced", "licodec-balanced-psnr", "licodec-fast", "licodec-fast-psnr",
    ]  # fmt: skip
    assert opened == [(profile, tune) for profile in profiles for tune in ("visual", "psnr")]
    assert codecs[1].settings == "licodec, profile balanced, tune psnr, effort 4, device cpu"


def test_without_a_tune_the_codecs_own_default_is_taken():
    codecs = licodec_codecs(("fast",), (1, 2), "cpu", QUALITIES, FakeCodec)
    assert [codec.name for codec in codecs] == ["licodec-fast-e1", "licodec-fast-e2"]
    tuned = licodec_codec("fast", "cpu", QUALITIES, lambda *_, tune: FakeCodec(*_), tune="psnr")
    assert (tuned.name, codecs[0].settings) == (
        "licodec-fast-psnr", "licodec, profile fast, effort 1, device cpu",
    )  # fmt: skip


def test_stage_times_are_averaged_and_reported(folder):
    result = bench(folder)
    point = result.codecs[0].points[0]
    assert point.encode_stages_s == pytest.approx({"prior": 0.25, "entropy": 0.02})
    assert point.decode_stages_s == pytest.approx({"synthesis": 0.5})
    stored = json.loads(to_json(result, {}))["codecs"][0]["points"][0]
    assert stored["decode_stages_s"] == {"synthesis": 0.5}
    text = markdown(result, {}, "rd.svg")
    assert "| licodec-balanced | decode | synthesis | 500.0 |" in text
    assert "| jpeg | decode | " not in text


def test_one_small_picture_takes_ms_ssim_out_of_the_mean_curve(folder):
    Image.fromarray(smooth_picture(161, 170, 4)).save(folder / "large.png")
    codec = licodec_codec("balanced", "cpu", (20, 80), FakeCodec)
    result = run_bench(list_pictures(folder), [codec]).codecs[0]
    assert [row.image for row in result.rows if row.ms_ssim is not None] == ["large.png"] * 2
    assert result.curve().ms_ssim is None


def test_a_bad_picture_is_left_out_for_all_codecs_with_one_line(folder):
    (folder / "aa.png").write_bytes(b"not a picture")
    lines: list[str] = []
    codecs = [licodec_codec("balanced", "cpu", QUALITIES, FakeCodec), find_peer("jpeg")]
    result = run_bench(list_pictures(folder), codecs, metrics=(), on_failure=lines.append)
    assert result.images == ("a.bmp", "b.png")
    assert result.failures == tuple(lines)
    assert len(lines) == 1
    assert "aa.png" in lines[0]
    assert "\n" not in lines[0]
    assert "1 picture left out" in markdown(result, {}, "rd.svg")


def test_a_picture_that_one_codec_refuses_leaves_no_rows_of_the_others(folder):
    Image.new("RGB", (16384, 1)).save(folder / "wide.png")  # WebP ends at 16383 px
    codecs = [find_peer("jpeg"), find_peer("webp")]
    result = run_bench(list_pictures(folder), codecs, metrics=())
    assert result.images == ("a.bmp", "b.png")
    assert {row.image for codec in result.codecs for row in codec.rows} == {"a.bmp", "b.png"}


def test_a_codec_that_returns_another_size_leaves_nothing_to_report(folder):
    codec = licodec_codec("balanced", "cpu", QUALITIES, CroppingCodec)
    lines: list[str] = []
    with pytest.raises(LicodecError, match="none of the 2 pictures"):
        run_bench(list_pictures(folder), [codec], metrics=(), on_failure=lines.append)
    assert "decodes 40x33 px to (1, 1)" in lines[0]


def test_licodec_is_compared_with_each_peer_and_each_stored_curve(folder):
    measured = bench(folder).codecs[0].curve()
    stored = Curve(name="jpeg", bpp=tuple(bpp / 1.25 for bpp in measured.bpp), psnr=measured.psnr)
    result = bench(folder, stored=(stored,))
    (table,) = bd_rate_tables(result)
    rows = {(row[0], row[1]): row for row in table.rows}
    assert set(rows) == {
        ("licodec-balanced", other) for other in ("jpeg", "webp", "jpeg2000", "avif", "jpeg (2)")
    }
    assert rows["licodec-balanced", "jpeg (2)"][2:6] == ("+25.0",) * 4
    assert "equal PSNR" in table.title


def test_without_licodec_all_codecs_are_compared_with_each_other(folder):
    codecs = [find_peer("jpeg"), find_peer("webp")]
    result = run_bench(list_pictures(folder), codecs, metrics=())
    pairs = {(entry.codec, entry.against) for entry in result.bd_rates}
    assert pairs == {("jpeg", "webp"), ("webp", "jpeg")}


def test_csv_has_the_named_columns_and_a_line_per_row(folder):
    result = bench(folder)
    lines = list(csv.DictReader(io.StringIO(to_csv(result))))
    assert tuple(lines[0]) == CSV_COLUMNS
    assert len(lines) == sum(len(codec.rows) for codec in result.codecs) == 2 * (3 + 4 * 10)
    assert int(lines[0]["bytes"]) == result.codecs[0].rows[0].num_bytes
    assert lines[0]["ms_ssim"] == ""


def test_results_are_written_whole_and_curves_can_be_read_back(folder, tmp_path):
    result = bench(folder)
    out = tmp_path / "new" / "out"
    written = write_results(result, {"python": "3"}, out)
    assert {path.name for path in out.iterdir()} == {*RESULT_FILES, "curves"}
    assert all(path.stat().st_size for path in written)
    assert load_curve(out / "curves" / "licodec-balanced.json") == result.codecs[0].curve()
    assert json.loads((out / "results.json").read_text())["images"] == ["a.bmp", "b.png"]
    assert "licodec-balanced" in (out / "rd.svg").read_text()
    root = ET.parse(out / "rd.svg").getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"


def test_the_svg_of_one_result_has_the_same_bytes_each_time(folder, tmp_path):
    result = bench(folder)
    for name in ("first", "second"):
        write_results(result, {}, tmp_path / name)
    assert (tmp_path / "first/rd.svg").read_bytes() == (tmp_path / "second/rd.svg").read_bytes()


def test_earlier_results_are_not_overwritten_unasked(tmp_path):
    check_absent(tmp_path)
    (tmp_path / "results.csv").touch()
    with pytest.raises(LicodecError, match="exists; choose another --out or pass --force"):
        check_absent(tmp_path)


def test_an_output_folder_that_is_a_file_is_reported(folder, tmp_path):
    (tmp_path / "taken").touch()
    with pytest.raises(LicodecError, match="taken cannot be written"):
        write_results(bench(folder), {}, tmp_path / "taken")


def test_markdown_has_plot_tables_and_how_it_was_measured(folder):
    text = markdown(bench(folder), {"python": "3.11"}, "out/rd.svg")
    assert text.startswith("![Rate-distortion curves](out/rd.svg)")
    assert (
        "| codec | against | all | low third | middle third | high third | 0.1-0.3 bpp | "
        "0.3-1 bpp | 1-2 bpp | PSNR (dB) |" in text
    )
    assert "2 pictures, rate and quality averaged" in text
    assert "python 3.11" in text
    assert "- `avif`: libaom through Pillow: 4:4:4, 8 bit, speed 6" in text
    tables = [line for line in text.splitlines() if line.startswith("| licodec-balanced | 50 |")]
    assert len(tables) == 1


def test_summary_has_a_row_per_codec_and_stored_curve(folder):
    measured = bench(folder).codecs[0].curve()
    bpp = tuple(bpp / 1.25 for bpp in measured.bpp)
    result = bench(folder, stored=(Curve(name="VVC", bpp=bpp, psnr=measured.psnr),))
    (table,) = summary_tables(result)
    assert table.columns == ("codec", "licodec-balanced, PSNR", "encode (ms)", "decode (ms)")
    rows = {row[0]: row[1:] for row in table.rows}
    assert list(rows) == ["licodec-balanced", "jpeg", "webp", "jpeg2000", "avif", "VVC"]
    assert rows["VVC"] == ("+25.0", "-", "-")
    assert rows["licodec-balanced"][0] == "-"
    assert float(rows["jpeg"][1]) >= 0
    block = readme_block(result, {}, "docs/results")
    assert block.startswith("![Rate-distortion curves](docs/results/rd.svg)")
    assert block.endswith("[docs/results](docs/results/results.md).")


def test_what_people_see_comes_first_in_the_summary(large_folder):
    codecs = [licodec_codec("balanced", "cpu", QUALITIES, FakeCodec), find_peer("webp")]
    result = run_bench(list_pictures(large_folder), codecs)
    first, second = summary_tables(result)
    ours = "licodec-balanced"
    assert first.columns[1:3] == (f"{ours}, SSIMULACRA 2", f"{ours}, Butteraugli")
    assert first.columns[3:] == ("encode (ms)", "decode (ms)")
    assert second.columns == ("codec", f"{ours}, PSNR", f"{ours}, MS-SSIM")
    for table in (first, second):
        row = next(row for row in table.rows if row[0] == "webp")
        assert all(float(cell.rstrip("*")) for cell in row[1:3])


def test_every_measure_has_a_bd_rate_table_and_a_column(large_folder):
    codecs = [licodec_codec("balanced", "cpu", QUALITIES, FakeCodec), find_peer("webp")]
    result = run_bench(list_pictures(large_folder), codecs)
    titles = [table.title for table in bd_rate_tables(result)]
    labels = ("SSIMULACRA 2", "Butteraugli", "PSNR", "MS-SSIM")
    for title, label in zip(titles, labels, strict=True):
        assert f"equal {label}, over everything" in title
    text = markdown(result, {}, "rd.svg")
    assert "| codec | quality | bpp | SSIMULACRA 2 | Butteraugli | PSNR (dB) | MS-SSIM |" in text
    stored = json.loads(to_json(result, {}))
    assert {entry["metric"] for entry in stored["bd_rates"]} == set(MEASURES)
    row = stored["codecs"][0]["per_image"][0]
    assert all(isinstance(row[metric], float) for metric in MEASURES)


def test_quality_by_every_measure_grows_with_the_rate(large_folder):
    codec = licodec_codec("balanced", "cpu", QUALITIES, FakeCodec)
    points = run_bench(list_pictures(large_folder), [codec]).codecs[0].points
    for metric, measure in MEASURES.items():
        values = [getattr(point, metric) for point in points]
        assert values == sorted(values, reverse=measure.is_distance)


def test_a_measure_left_out_is_nowhere_in_the_report(large_folder):
    codecs = [licodec_codec("balanced", "cpu", QUALITIES, FakeCodec), find_peer("webp")]
    result = run_bench(list_pictures(large_folder), codecs, metrics=("ssimulacra2",))
    assert result.codecs[0].rows[0].butteraugli is None
    assert {entry.metric for entry in result.bd_rates} == {"ssimulacra2", "psnr"}
    assert [table.columns[1] for table in summary_tables(result)] == [
        "licodec-balanced, SSIMULACRA 2",
        "licodec-balanced, PSNR",
    ]


def test_only_the_block_between_the_markers_changes():
    text = f"# Title\n\n{BLOCK_BEGIN}\nold\n{BLOCK_END}\n\ntail\n"
    changed = rewrite_block(text, "\nnew | table\n\n")
    assert changed == f"# Title\n\n{BLOCK_BEGIN}\nnew | table\n{BLOCK_END}\n\ntail\n"
    assert rewrite_block(changed, "new | table") == changed


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"{BLOCK_BEGIN}\n",
        f"{BLOCK_END}\n",
        f"{BLOCK_END}\n{BLOCK_BEGIN}\n",
        f"{BLOCK_BEGIN}\n{BLOCK_END}\n{BLOCK_BEGIN}\n{BLOCK_END}\n",
        f"{BLOCK_BEGIN}\n{BLOCK_BEGIN}\n{BLOCK_END}\n",
    ],
)
def test_a_readme_without_exactly_one_block_is_refused(text):
    with pytest.raises(LicodecError, match="expected exactly one"):
        rewrite_block(text, "new")
