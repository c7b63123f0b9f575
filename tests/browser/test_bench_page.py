"""The page of `licodec bench --html`, opened from a file in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from licodec.evaluate.bench import licodec_codec, list_pictures, run_bench
from licodec.evaluate.bench_page import benchmark_page
from licodec.evaluate.peers import find_peer
from tests.browser.conftest import Browser
from tests.evaluate.comparisons import JpegInside, waves

pytestmark = pytest.mark.browser


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Browser:
    for seed in (1, 2, 3):
        Image.fromarray(waves(30 + 10 * seed, 60, seed)).save(tmp_path / f"2024-01-{seed}.png")
    codecs = [licodec_codec("balanced", "cpu", (20, 50, 80), JpegInside), find_peer("webp")]
    result = run_bench(list_pictures(tmp_path), codecs, metrics=())
    page = tmp_path / "bench.html"
    page.write_text(benchmark_page(result, {}, "three"), encoding="utf-8")
    browser.open(page)
    return browser


def test_nothing_is_fetched_and_nothing_complains(opened: Browser) -> None:
    assert all(address.startswith(("file:", "data:")) for address in opened.requests())
    assert opened.complaints() == []


def test_a_click_on_a_heading_sorts_the_table_and_a_second_one_turns_it(opened: Browser) -> None:
    table = "table.sortable"
    cells = f"return [...document.querySelectorAll('{table}')[0].tBodies[0].rows]"
    rates = cells + ".map((row) => parseFloat(row.cells[2].textContent))"
    button = opened.find(f"{table} th:nth-child(3) button")
    button.click()
    rising = opened.run(rates)
    assert rising == sorted(rising)
    assert len(set(rising)) == 3
    button.click()
    assert opened.run(rates) == rising[::-1]
    heading = opened.find(f"{table} th:nth-child(3)")
    assert heading.get_attribute("aria-sort") == "descending"


def test_names_are_sorted_by_all_of_their_numbers_and_gaps_come_after_numbers(
    opened: Browser,
) -> None:
    rows = "[...document.querySelectorAll('table.sortable')[0].tBodies[0].rows]"
    for column, texts in ((1, ["2024-02-1", "2024-01-10", "2024-01-9"]), (3, ["-", "+4", "-7"])):
        for row, text in enumerate(texts):
            opened.run(f"{rows}[{row}].cells[{column - 1}].textContent = '{text}'")
        opened.find(f"table.sortable th:nth-child({column}) button").click()
        found = opened.run(f"return {rows}.map((row) => row.cells[{column - 1}].textContent)")
        assert found == {1: texts[::-1], 3: ["-7", "+4", "-"]}[column]


def test_all_files_are_shown_on_demand(opened: Browser) -> None:
    rows = opened.driver.find_elements("css selector", "details tbody tr")
    assert len(rows) == 3 * (3 + 10)
    assert not rows[0].is_displayed()
    opened.find("summary").click()
    assert rows[0].is_displayed()


def test_page_fits_a_phone(opened: Browser) -> None:
    opened.resize(390, 844, density=2, is_phone=True)
    assert opened.run("return document.documentElement.scrollWidth") <= 390
