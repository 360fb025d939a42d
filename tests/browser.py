"""Chromium without a screen, for pages that are looked at."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SILENT = (  # no screen, and nothing that a browser asks the network for by itself
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
PATIENCE_MS = 180_000  # of the browser, on a machine that is busy with other things


def opened_browser() -> Iterator[Any]:
    """Yield a browser, or skip with the reason why there is none."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here; on Debian: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(
            executable_path=CHROMIUM, args=list(SILENT), timeout=PATIENCE_MS
        )
        yield opened
        opened.close()
