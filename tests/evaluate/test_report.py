"""What a benchmark writes: tables, files and the block of a README."""

import csv
import io
import json
from xml.etree import ElementTree as ET

import pytest

from licodec.errors import LicodecError
from licodec.evaluate.bdrate import Curve, load_curve
from licodec.evaluate.bench import licodec_codec, list_pictures, run_bench
from licodec.evaluate.measures import MEASURES
from licodec.evaluate.peers import find_peer
from licodec.evaluate.report import (
    BLOCK_BEGIN,
    BLOCK_END,
    CSV_COLUMNS,
    QUALITY_HEADINGS,
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
from tests.evaluate.benches import QUALITIES, FakeCodec, bench


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


@pytest.mark.parametrize("name", [*RESULT_FILES, "curves"])
def test_earlier_results_are_not_overwritten_unasked(tmp_path, name):
    check_absent(tmp_path)
    (tmp_path / name).touch()
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
    seen = ("SSIMULACRA 2", "SSIMULACRA 2 when cut", "Butteraugli")
    assert first.columns[1:4] == tuple(f"{ours}, {label}" for label in seen)
    assert first.columns[4:] == ("encode (ms)", "decode (ms)")
    assert second.columns == ("codec", f"{ours}, PSNR", f"{ours}, MS-SSIM")
    for table in (first, second):
        row = next(row for row in table.rows if row[0] == "webp")
        assert all(float(cell.rstrip("*")) for cell in row[1:3])


def test_every_measure_has_a_bd_rate_table_and_a_column(large_folder):
    codecs = [licodec_codec("balanced", "cpu", QUALITIES, FakeCodec), find_peer("webp")]
    result = run_bench(list_pictures(large_folder), codecs)
    titles = [table.title for table in bd_rate_tables(result)]
    labels = ("SSIMULACRA 2", "SSIMULACRA 2 when cut", "Butteraugli", "PSNR", "MS-SSIM")
    for title, label in zip(titles, labels, strict=True):
        assert f"equal {label}, over everything" in title
    text = markdown(result, {}, "rd.svg")
    headings = " | ".join(("codec", "quality", "bpp", *QUALITY_HEADINGS))
    assert f"| {headings} |" in text
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
