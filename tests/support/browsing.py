"""A headless Chromium for tests of pages, and axe-core to look at them."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

_AXE = Path(__file__).parents[1] / "observe/page/node/node_modules/axe-core/axe.min.js"
_CHECK = """async () => {
    const found = await axe.run(document, { resultTypes: ["violations"] });
    return found.violations.map((one) => [one.id, one.nodes.map((node) => node.html).slice(0, 3)]);
}"""


def executable() -> str:
    """Where the machine's Chromium is."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.fail("the tests of pages need Chromium: run scripts/setup-browser")
    return found


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start it; it ends with the context."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=executable(), args=ARGUMENTS)
        yield running
        running.close()


def violations(page: Page) -> Any:
    """What axe-core finds wrong with a page: rules, each with the elements that break it."""
    if not _AXE.exists():
        pytest.fail("the tests of pages need axe-core: run scripts/setup-node")
    page.evaluate(_AXE.read_text(encoding="utf-8"))
    return page.evaluate(_CHECK)
