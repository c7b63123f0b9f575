import base64
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from licodec.evaluate.bdrate import Curve
from licodec.evaluate.bench import licodec_codec, list_pictures, run_bench
from licodec.evaluate.bench_page import benchmark_page, picture_table
from licodec.evaluate.chart import NUM_COLOURS, Series, line_chart
from licodec.evaluate.comparison import compare
from licodec.evaluate.markup import data_uri
from licodec.evaluate.measures import VISUAL
from licodec.evaluate.page import comparison_table
from licodec.evaluate.peers import find_peer
from licodec.evaluate.report import bd_rate_tables
from licodec.evaluate.results import BenchResult
from tests.evaluate.comparisons import JpegInside, compared, comparison, flat, waves

VOID = {"meta", "link", "img", "input", "br"}


class Page(HTMLParser):
    """Collects elements and table cells; notes what a browser would have to repair."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.rows: list[list[str]] = []
        self.faults: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        self.faults += self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in ("td", "th"):
            self.rows[-1][-1] += data

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def pixels_of(address: str) -> np.ndarray:
    kind, _, text = address.partition(";base64,")
    assert kind in ("data:image/webp", "data:image/png")
    with Image.open(io.BytesIO(base64.b64decode(text, validate=True))) as image:
        return np.asarray(image)


@pytest.fixture
def bench_result(tmp_path: Path) -> BenchResult:
    for name, seed in (("b.png", 1), ("a <b>.png", 2)):
        Image.fromarray(waves(48, 64, seed)).save(tmp_path / name)
    codecs = [
        licodec_codec("balanced", "cpu", (10, 40, 70, 90), JpegInside),
        find_peer("jpeg"),
        find_peer("webp"),
    ]
    stored = Curve(name="stored & old", bpp=(0.5, 1, 4), psnr=(25, 30, 38))
    return run_bench(list_pictures(tmp_path), codecs, (stored,), metrics=VISUAL)


def assert_stands_alone(text: str) -> None:
    """No address but data and anchors, nothing that a style could fetch, and well formed."""
    page = Page(text)
    assert "://" not in text
    assert "url(" not in text
    assert "@import" not in text
    assert page.faults == []
    for _, attributes in page.elements:
        for name in ("src", "href", "srcset", "data", "action", "poster"):
            assert attributes.get(name, "data:").startswith("data:")
    policy = next(e["content"] for e in page.all("meta") if "content" in e and "default" in str(e))
    assert "default-src 'none'" in policy


def test_the_page_is_one_file_without_addresses_outside():
    assert_stands_alone(compare_waves().to_html())


def compare_waves():
    return compare(waves(60, 90), codecs=("licodec", "jpeg", "webp"), open_codec=JpegInside)


def test_pictures_of_the_page_are_exactly_the_decoded_pixels():
    found = compare_waves()
    images = Page(found.to_html()).all("img")
    expected = [found.shown, *(result.shown for result in found.results)]
    assert len(images) == len(expected) == 4
    for image, pixels in zip(images, expected, strict=True):
        assert np.array_equal(pixels_of(image["src"]), pixels)
        assert (image["width"], image["height"]) == ("90", "60")
        assert image["alt"]


def test_the_table_has_the_measured_figures():
    found = compare_waves()
    rows = {row[0]: row for row in Page(found.to_html()).rows}
    assert rows["codec"] == [
        "codec", "bytes", "off target", "bpp", "setting", "SSIMULACRA 2", "Butteraugli",
        "PSNR (dB)", "encode (ms)", "decode (ms)",
    ]  # fmt: skip
    for result in found.results:
        assert result.ssimulacra2 is not None
        assert result.butteraugli is not None
        assert rows[result.name][1:8] == [
            f"{result.num_bytes:,}",
            f"{100 * (result.num_bytes / found.target_bytes - 1):+.1f}%",
            f"{result.bpp:.3f}",
            f"{result.quality:.4g}",
            f"{result.ssimulacra2:.1f}",
            f"{result.butteraugli:.2f}",
            f"{result.psnr:.2f}",
        ]


def test_a_metric_that_one_codec_lacks_is_a_dash_and_one_that_all_lack_no_column():
    blue = flat((0, 0, 255))
    found = comparison(compared("a", blue, ms_ssim=None, ssimulacra2=None), compared("b", blue))
    table = comparison_table(found)
    assert [row[table.columns.index("MS-SSIM")] for row in table.rows] == ["-", "0.9000"]
    alone = comparison(compared("a", blue, ms_ssim=None))
    assert "MS-SSIM" not in comparison_table(alone).columns
    assert "SSIMULACRA 2" in comparison_table(alone).columns


def test_the_best_of_a_column_and_sizes_far_off_are_marked():
    blue = flat((0, 0, 255))
    near = compared("near", blue, psnr=30.0, num_bytes=1010)
    far = compared("far", blue, psnr=33.0, num_bytes=1100)
    found = comparison(near, far)
    text = found.to_html()
    assert "; the best in bold" in text
    assert "bold" not in comparison_table(found).title  # a terminal shows none
    assert '<td class="best">33.00</td>' in text
    assert '<td class="best">30.00</td>' not in text
    assert '<td class="off">+10.0%</td>' in text
    assert "<td>+1.0%</td>" in text


def test_all_measures_stand_beside_each_picture_and_the_lowest_distance_is_best():
    blue = flat((0, 0, 255))
    near = compared("near", blue, butteraugli=1.5)
    far = compared("far", blue, butteraugli=2.5, ms_ssim=None)
    text = comparison(near, far).to_html()
    pictures = Page(text).all("img")
    assert pictures[1]["data-figures"] == (
        "1,000 B · 1.481 bpp · SSIMULACRA 2 50.0 · Butteraugli 1.50 · 30.00 dB · MS-SSIM 0.9000"
    )
    assert pictures[2]["data-figures"].endswith("Butteraugli 2.50 · 30.00 dB")
    assert '<td class="best">1.50</td>' in text
    assert '<td class="best">2.50</td>' not in text


def test_names_are_escaped_everywhere():
    name = "<img src=x onerror=alert(1)>\"'&.png"
    text = comparison(compared("<b>&\"'", flat((0, 0, 255))), name=name).to_html()
    assert "<img src=x" not in text
    assert "<b>&" not in text
    assert "&lt;img src=x onerror=alert(1)&gt;&quot;&#x27;&amp;.png" in text
    page = Page(text)
    assert page.faults == []
    assert page.all("img")[1]["data-name"] == "<b>&\"'"


def test_dollar_signs_in_names_are_not_places_of_the_template():
    text = comparison(compared("$name", flat((0, 0, 255))), name="$title $$ ${body}.png").to_html()
    assert "<h1>$title $$ ${body}.png</h1>" in text


def test_controls_have_labels_and_the_divider_is_a_slider_for_assistive_programs():
    page = Page(comparison(compared("one", flat((0, 0, 255)))).to_html())
    handle = next(e for e in page.all("div") if e.get("role") == "slider")
    assert handle["tabindex"] == "0"
    assert {"aria-label", "aria-valuenow", "aria-valuemin", "aria-valuemax"} <= set(handle)
    for button in page.all("button"):
        assert button["type"] == "button"
    assert all(chart["aria-label"] for chart in page.all("svg") if chart.get("role") == "img")
    assert next(e for tag, e in page.elements if tag == "html")["lang"] == "en"


def test_a_part_of_a_picture_is_told():
    assert "The view shows" not in comparison(compared("a", flat((0, 0, 255)))).to_html()
    found = compare(
        waves(60, 80), codecs=("jpeg",), bpp=2, region=(10, 5, 30, 20), with_curves=False
    )
    text = found.to_html()
    assert "The view shows 30x20 px of the picture, from column 10 and row 5 on" in text
    assert "Rate and distortion" not in text


def test_settings_notes_and_environment_are_listed():
    text = comparison(compared("one", flat((0, 0, 255)))).to_html()
    assert "<li>one: settings of one</li>" in text
    assert "Measured with python 3." in text


def test_pictures_too_long_for_webp_are_png():
    pixels = np.arange(16384 * 3, dtype=np.uint8).reshape(1, 16384, 3)
    address = data_uri(pixels)
    assert address.startswith("data:image/png")
    assert np.array_equal(pixels_of(address), pixels)


def test_a_profile_is_embedded_with_the_pixels():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = base64.b64decode(data_uri(waves(9, 7), profile).partition(",")[2])
    with Image.open(io.BytesIO(data)) as image:
        assert image.info["icc_profile"] == profile
        assert np.array_equal(np.asarray(image), waves(9, 7))


def test_the_benchmark_page_is_one_file_without_addresses_outside(bench_result):
    assert_stands_alone(benchmark_page(bench_result, {"python": "3"}, "holiday"))


def test_the_benchmark_page_has_the_reports_bd_rates(bench_result):
    page = Page(benchmark_page(bench_result, {}, "holiday"))
    rows = [row for table in bd_rate_tables(bench_result) for row in table.rows]
    assert len(rows) == 3 + 2 * 3  # at equal PSNR against the stored curve, too
    for row in rows:
        assert list(row) in page.rows


def test_the_benchmark_page_has_every_file_and_each_pictures_bd_rate(bench_result):
    page = Page(benchmark_page(bench_result, {}, "holiday"))
    for codec in bench_result.codecs:
        for row in codec.rows:
            found = [r for r in page.rows if r[:3] == [row.image, codec.name, f"{row.quality:g}"]]
            assert len(found) == 1
            assert found[0][3:9] == [
                f"{row.num_bytes:,}",
                f"{row.bpp:.3f}",
                f"{row.ssimulacra2:.2f}",
                f"{row.ssimulacra2_cut:.2f}",
                f"{row.butteraugli:.3f}",
                f"{row.psnr:.2f}",
            ]
    table = picture_table(bench_result)
    assert table.columns == ("picture", "size (px)", "jpeg", "webp")
    assert "at equal SSIMULACRA 2" in table.title
    assert [row[:2] for row in table.rows] == [("a <b>.png", "64x48"), ("b.png", "64x48")]
    for row in table.rows:
        assert list(row) in page.rows
        assert all(re.fullmatch(r"[+-]\d+\.\d", cell) for cell in row[2:])


def test_bars_are_as_long_as_the_times(bench_result):
    text = benchmark_page(bench_result, {}, "holiday")
    widths = [float(width) for width in re.findall(r'style="width: ([\d.]+)%"', text)]
    assert len(widths) == 6
    assert max(widths[:3]) == max(widths[3:]) == 100


def test_names_on_the_benchmark_page_are_escaped(bench_result):
    text = benchmark_page(bench_result, {}, "<i>holiday</i>")
    assert "<i>" not in text
    assert "a <b>" not in text
    assert "stored &amp; old" in text


def test_one_codec_alone_has_a_benchmark_page(tmp_path: Path):
    Image.fromarray(waves(20, 20)).save(tmp_path / "a.png")
    result = run_bench(list_pictures(tmp_path), [find_peer("jpeg")], metrics=())
    text = benchmark_page(result, {}, "one")
    assert "BD-rate" not in text
    assert_stands_alone(text)


def test_a_chart_places_points_by_their_values():
    series = Series(name="one", index=0, x=(0.0, 1.0, 2.0), y=(10.0, 20.0, 15.0))
    text = line_chart([series], x_label="x", y_label="y", title="t", max_x=2.0)
    path = re.search(r'class="line" d="M([^"]+)"', text)
    assert path is not None
    points = [tuple(map(float, point.split())) for point in path[1].split("L")]
    (x0, y0), (x1, y1), (x2, y2) = points
    assert x1 - x0 == pytest.approx(x2 - x1)
    assert (y0 - y2) == pytest.approx(y2 - y1, abs=0.2)  # pixels count downwards
    assert "<title>one: 1.000, 20.00</title>" in text


def test_a_chart_ends_at_its_largest_rate():
    series = Series(name="one", index=0, x=(0.5, 1.5), y=(10.0, 20.0))
    text = line_chart([series], x_label="x", y_label="y", title="t", max_x=1.0)
    assert text.count("<title>") == 1
    far = Series(name="far", index=1, x=(3.0,), y=(10.0,))
    assert text.count("<title>") == 1
    assert "<title>far" in line_chart([far], x_label="x", y_label="y", title="t", max_x=1.0)


def test_stored_curves_are_dashed_lines_without_points():
    series = Series(name="old", index=NUM_COLOURS, x=(1.0, 2.0), y=(1.0, 2.0), is_stored=True)
    text = line_chart([series], x_label="x", y_label="y", title="t")
    assert 'class="series colour-0 stored"' in text
    assert "<title>" not in text
