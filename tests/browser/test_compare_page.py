"""The page of `licodec compare`, opened from a file in a real browser."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

from tests.browser.conftest import Browser
from tests.evaluate.comparisons import compared, comparison, flat

pytestmark = pytest.mark.browser

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
ROW = 0.75  # height of the line that is looked at, away from tags and grip


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A red original beside a green and a blue codec."""
    results = (compared("green", flat(GREEN)), compared("blue", flat(BLUE)))
    path = tmp_path / "page with spaces & ü.html"
    path.write_text(comparison(*results).to_html(), encoding="utf-8")
    return path


@pytest.fixture
def opened(browser: Browser, page: Path) -> Browser:
    browser.open(page)
    return browser


def line_of(browser: Browser) -> np.ndarray:
    """(W, 3) uint8 across the view."""
    seen = browser.picture_of("#stage")
    return seen[round(seen.shape[0] * ROW)]


def share_of(browser: Browser, colour: tuple[int, int, int]) -> float:
    """How much of a line across the view has a colour, from 0 to 1."""
    line = line_of(browser).astype(int)
    return float((np.abs(line - colour).max(axis=1) < 8).mean())


def split_of(browser: Browser) -> int:
    return int(browser.find("#handle").get_attribute("aria-valuenow"))


def click(browser: Browser, selector: str) -> None:
    browser.find(selector).click()


def choose(browser: Browser, name: str, value: str) -> None:
    click(browser, f"input[name={name}][value='{value}']")


def test_nothing_is_fetched_and_nothing_complains(opened: Browser) -> None:
    addresses = opened.requests()
    assert addresses
    assert all(address.startswith(("file:", "data:")) for address in addresses)
    assert opened.complaints() == []


def test_view_starts_with_the_original_left_and_the_first_codec_right(opened: Browser) -> None:
    line = line_of(opened)
    assert tuple(line[20]) == RED
    assert tuple(line[-20]) == GREEN
    assert share_of(opened, RED) == pytest.approx(0.5, abs=0.02)
    assert opened.find("#left-tag").text == "Original"
    assert opened.find("#right-tag").text.startswith("green\n1,000 B")


def test_mouse_moves_the_divider_and_the_pictures_follow(opened: Browser) -> None:
    stage, handle = opened.find("#stage"), opened.find("#handle")
    width = stage.size["width"]
    ActionChains(opened.driver).drag_and_drop_by_offset(handle, width // 4, 0).perform()
    assert split_of(opened) == pytest.approx(75, abs=1)
    assert share_of(opened, RED) == pytest.approx(0.75, abs=0.02)
    assert share_of(opened, GREEN) == pytest.approx(0.25, abs=0.02)


def test_click_beside_the_divider_brings_it_there(opened: Browser) -> None:
    stage = opened.find("#stage")
    offset = -round(stage.size["width"] * 0.3)
    ActionChains(opened.driver).move_to_element_with_offset(stage, offset, 40).click().perform()
    assert split_of(opened) == pytest.approx(20, abs=1)
    assert share_of(opened, RED) == pytest.approx(0.2, abs=0.02)


def test_keys_move_the_divider_and_the_pictures_follow(opened: Browser) -> None:
    handle = opened.find("#handle")
    handle.send_keys(Keys.ARROW_RIGHT * 3)
    assert split_of(opened) == 53
    handle.send_keys(Keys.PAGE_DOWN, Keys.PAGE_DOWN, Keys.ARROW_LEFT)
    assert split_of(opened) == 32
    assert share_of(opened, RED) == pytest.approx(0.32, abs=0.02)
    handle.send_keys(Keys.END)
    assert share_of(opened, RED) > 0.97
    handle.send_keys(Keys.HOME)
    assert share_of(opened, GREEN) > 0.97


def test_divider_is_reached_and_announced_without_a_mouse(opened: Browser) -> None:
    for _ in range(20):
        ActionChains(opened.driver).send_keys(Keys.TAB).perform()
        if opened.driver.switch_to.active_element.get_attribute("role") == "slider":
            break
    focused = opened.driver.switch_to.active_element
    assert focused.get_attribute("id") == "handle"
    assert focused.accessible_name == "Divider between the pictures"
    assert focused.get_attribute("aria-valuetext") == "50 percent Original, rest green"


def test_codecs_are_switched_on_both_sides(opened: Browser) -> None:
    choose(opened, "right", "2")
    assert share_of(opened, BLUE) == pytest.approx(0.5, abs=0.02)
    assert opened.find("tr.is-chosen th").text == "blue"
    Select(opened.find("#left")).select_by_visible_text("green")
    assert share_of(opened, GREEN) == pytest.approx(0.5, abs=0.02)
    assert share_of(opened, RED) < 0.02


def test_zooming_magnifies_and_keeps_the_divider_in_place(opened: Browser) -> None:
    before = opened.run("return document.querySelector('img').getBoundingClientRect().width")
    click(opened, "#zoom-in")
    after = opened.run("return document.querySelector('img').getBoundingClientRect().width")
    assert after == pytest.approx(1.5 * before)
    assert share_of(opened, RED) == pytest.approx(0.5, abs=0.02)
    click(opened, "#zoom-actual")
    assert opened.find("#zoom").text == "100 %"
    assert opened.run("return document.querySelector('img').getBoundingClientRect().width") == 90
    click(opened, "#zoom-fit")
    assert opened.run(
        "return document.querySelector('img').getBoundingClientRect().width"
    ) == pytest.approx(before)


def test_dragging_and_keys_move_a_magnified_picture(opened: Browser) -> None:
    place = "const b = document.querySelector('img').getBoundingClientRect(); return [b.x, b.y]"
    click(opened, "#zoom-in")
    stage = opened.find("#stage")
    x, y = opened.run(place)
    actions = ActionChains(opened.driver)
    actions.move_to_element_with_offset(stage, 60, 20).click_and_hold()
    actions.move_by_offset(25, 10).release().perform()
    assert opened.run(place) == pytest.approx([x + 25, y + 10], abs=1)
    assert split_of(opened) == 50
    stage.send_keys(Keys.ARROW_RIGHT)
    assert opened.run(place) == pytest.approx([x - 35, y + 10], abs=1)
    stage.send_keys("0")
    assert opened.run("return document.querySelector('.is-magnified')") is None


def test_wheel_zooms_with_ctrl_at_the_pointer_only(opened: Browser) -> None:
    code = (
        "const stage = document.getElementById('stage'); const box = stage.getBoundingClientRect();"
        "stage.dispatchEvent(new WheelEvent('wheel', {deltaY: -200, ctrlKey: arguments[0],"
        " clientX: box.x, clientY: box.y, bubbles: true, cancelable: true}));"
        "return document.querySelector('img').getBoundingClientRect().width / box.width"
    )
    assert opened.run(code, False) == pytest.approx(1, abs=0.01)
    assert opened.run(code, True) == pytest.approx(2, abs=0.01)
    corner = "return document.querySelector('img').getBoundingClientRect().x"
    assert opened.run(corner) == pytest.approx(opened.find("#stage").rect["x"], abs=1)


def test_difference_map_shows_the_amplified_difference(browser: Browser, tmp_path: Path) -> None:
    near = flat((252, 1, 2))
    near[:, 45:] = RED
    path = tmp_path / "page.html"
    path.write_text(comparison(compared("near", near)).to_html(), encoding="utf-8")
    browser.open(path)
    choose(browser, "view", "difference")
    line = line_of(browser)
    assert tuple(line[20]) == (24, 8, 16)
    assert tuple(line[-20]) == (0, 0, 0)
    assert not browser.find("#handle").is_displayed()
    assert browser.find("#largest").text == "largest difference 3 of 255"
    browser.find("#gain").send_keys(Keys.ARROW_RIGHT)
    assert browser.find("#gain-value").text.endswith(" 16")
    assert tuple(line_of(browser)[20]) == (48, 16, 32)
    choose(browser, "view", "slider")
    assert browser.find("#handle").is_displayed()
    assert tuple(line_of(browser)[20]) == RED


def test_page_fits_a_phone_and_the_divider_follows_a_finger(browser: Browser, page: Path) -> None:
    browser.resize(390, 844, density=2, is_phone=True)
    browser.open(page)
    assert browser.run("return document.documentElement.scrollWidth") <= 390
    box = browser.find("#handle").rect
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    scrolled = browser.run("return window.scrollY")
    for kind, left in (("touchStart", x), ("touchMove", x - 60), ("touchMove", x - 120)):
        point = {"x": left, "y": y - scrolled}
        browser.driver.execute_cdp_cmd(
            "Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]}
        )
    browser.driver.execute_cdp_cmd(
        "Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []}
    )
    width = browser.find("#stage").size["width"]
    assert split_of(browser) == pytest.approx(50 - 100 * 120 / width, abs=2)
    assert browser.complaints() == []


def test_colours_follow_the_readers_scheme(opened: Browser) -> None:
    colour = "return getComputedStyle(document.body).backgroundColor"
    assert opened.run(colour) == "rgb(255, 255, 255)"
    opened.prefer("dark")
    assert opened.run(colour) == "rgb(20, 23, 26)"


def test_screenshot_of_the_whole_page_has_all_parts(opened: Browser) -> None:
    for selector in ("h1", "#stage", "table", "svg.chart", ".legend"):
        assert opened.find(selector).size["height"] > 0
    seen = opened.picture_of("main")
    assert seen.shape[1] == 1200
    assert seen.std() > 20
