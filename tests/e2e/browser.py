"""A real headless Chromium, driven by the installed chromedriver: nothing is downloaded."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

_DEAF = Path(__file__).with_name("deaf_to_networks.py")


@contextlib.contextmanager
def chromium(
    *, width: int = 1360, height: int = 900, dark: bool = False
) -> Iterator[webdriver.Chrome]:
    """One browser with a profile of its own; it and its driver end with the block.

    Where CI is set, it must be installed.
    """
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        if os.environ.get("CI"):
            pytest.fail("CI needs Debian's chromium and chromium-driver", pytrace=False)
        pytest.skip("chromium and chromium-driver are not installed")
    with tempfile.TemporaryDirectory(prefix="ck-chromium-", ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = _deaf(program, profile)
        for word in _words(profile):
            options.add_argument(word)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        # A path that is given is taken: Selenium looks for no other driver.
        browser = webdriver.Chrome(options, Service(driver))
        try:
            browser.execute_cdp_cmd(
                "Emulation.setDeviceMetricsOverride",
                {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
            )
            scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
            browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
            yield browser
        finally:
            browser.quit()


def _deaf(program: str, folder: str) -> str:
    """The same program, unmoved by the networks that other tests make."""
    script = Path(folder, "deaf-chromium")
    words = shlex.join([sys.executable, "-I", str(_DEAF), program])
    script.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    script.chmod(0o755)
    return str(script)


def _words(profile: str) -> list[str]:
    words = [
        "--headless=new",
        f"--user-data-dir={profile}",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-extensions",
        "--no-first-run",
        "--no-proxy-server",
    ]
    # Chromium has no sandbox for root.
    return [*words, "--no-sandbox"] if os.geteuid() == 0 else words
