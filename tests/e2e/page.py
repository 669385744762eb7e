"""The page in a browser, as a person sees it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.e2e.running_job import within

_TEXTS = """
return [...document.querySelectorAll(arguments[0])]
    .map(found => found.checkVisibility() ? found.innerText.trim() : "")
"""
_REQUESTS = "return performance.getEntriesByType('resource').map(each => each.name)"


class Page:
    """Its texts by selectors, and its keyboard."""

    def __init__(self, browser: Chrome) -> None:
        self.browser = browser

    def text(self, selector: str) -> str:
        return "\n".join(self.texts(selector))

    def texts(self, selector: str) -> list[str]:
        """All of one moment, as they are shown."""
        return list(self.browser.execute_script(_TEXTS, selector))  # type: ignore[no-untyped-call]

    def attribute(self, selector: str, name: str) -> str | None:
        return self.browser.find_element(By.CSS_SELECTOR, selector).get_attribute(name)

    def is_shown(self, selector: str) -> bool:
        return self.browser.find_element(By.CSS_SELECTOR, selector).is_displayed()

    def click(self, selector: str) -> None:
        self.browser.find_element(By.CSS_SELECTOR, selector).click()

    def type(self, selector: str, *keys: str) -> None:
        self.browser.find_element(By.CSS_SELECTOR, selector).send_keys(*keys)

    def ask(self, *words: str) -> None:
        self.type("#prompt", *words, Keys.ENTER)

    def run(self, script: str) -> Any:
        return self.browser.execute_script(script)  # type: ignore[no-untyped-call]

    def shows(self, selector: str, expected: str, seconds: float = 15) -> None:
        """Wait until the text is there."""
        seen = ""

        def look() -> bool:
            nonlocal seen
            seen = self.text(selector)
            return expected in seen

        try:
            within(seconds, look)
        except AssertionError:
            pytest.fail(f"{selector} shows {seen!r}, and not {expected!r}")

    def answered(self, number: int = 1) -> str:
        """Wait until so many answers have ended; the text of the last."""
        within(15, lambda: len(self.texts(".answer[aria-busy=false]")) == number)
        return self.texts(".answer .words")[-1]


@contextlib.contextmanager
def page_of(browser: Chrome, url: str) -> Iterator[Page]:
    """The page, loaded; in the end it asked this server alone, and the browser refused nothing."""
    browser.get(url)
    yield Page(browser)
    # Chromium itself notes the key and the answers that a test refuses.
    complaints = [line["message"] for line in browser.get_log("browser")]  # type: ignore[no-untyped-call]
    assert [line for line in complaints if "Failed to load resource" not in line] == []
    asked = {urlsplit(name)[:2] for name in browser.execute_script(_REQUESTS)}  # type: ignore[no-untyped-call]
    assert asked == {urlsplit(url)[:2]}
    browser.get("about:blank")
