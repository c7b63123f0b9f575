"""A headless Chromium that shows one page from a file and writes down what it asks for."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from selenium.webdriver.remote.webelement import WebElement

SWITCHES = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars", "--force-color-profile=srgb",
)  # fmt: skip


class Browser:
    """What the tests do with a page; sizes in CSS pixels."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def resize(self, width: int, height: int, *, density: float = 1, is_phone: bool = False):
        settings = {
            "width": width, "height": height, "deviceScaleFactor": density, "mobile": is_phone
        }  # fmt: skip
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", settings)

    def prefer(self, scheme: str) -> None:
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def open(self, page: Path) -> None:
        self.driver.get(page.as_uri())
        self.driver.execute_async_script(
            "const done = arguments[0];"
            "Promise.all([...document.images].map((image) => image.decode()))"
            ".then(() => requestAnimationFrame(() => requestAnimationFrame(done)));"
        )

    def find(self, selector: str) -> WebElement:
        return self.driver.find_element("css selector", selector)

    def run(self, code: str, *arguments: Any) -> Any:
        return self.driver.execute_script(code, *arguments)

    def picture_of(self, selector: str) -> np.ndarray:
        """(H, W, 3) uint8: what is seen of an element."""
        data = self.find(selector).screenshot_as_png
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))

    def requests(self) -> list[str]:
        """Addresses that were asked for since the last call."""
        events = [json.loads(entry["message"]) for entry in self.driver.get_log("performance")]
        sent = [e["message"] for e in events if e["message"]["method"].endswith("WillBeSent")]
        return [one["params"]["request"]["url"] for one in sent if "request" in one["params"]]

    def complaints(self) -> list[str]:
        """Errors and warnings of the page's script and policy since the last call."""
        return [entry["message"] for entry in self.driver.get_log("browser")]


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    programs = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
    missing = [name for name, path in programs.items() if path is None]
    assert not missing, f"{' and '.join(missing)} not found; install chromium and chromium-driver"
    options = Options()
    options.binary_location = str(programs["chromium"])
    for switch in SWITCHES:
        options.add_argument(switch)
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('chromium')}")
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(programs["chromedriver"]))
    yield driver
    driver.quit()


@pytest.fixture
def browser(chromium: Any) -> Browser:
    found = Browser(chromium)
    found.resize(1200, 900)
    found.prefer("light")
    chromium.get("about:blank")
    found.requests()
    found.complaints()
    return found
