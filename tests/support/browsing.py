"""A headless Chromium for tests of pages, and axe-core to look at them."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

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


class Watch:
    """What tabs complain of, and what they ask of others than the page's own place."""

    def __init__(self) -> None:
        self._complaints: list[str] = []
        self._strangers: list[str] = []

    def over(self, page: Page, home: str) -> None:
        """Watch a tab, before it goes to a page.

        Args:
            page: the tab.
            home: what the address of all that it may ask for begins with.
        """
        page.on("pageerror", lambda error: self._complaints.append(str(error)))
        page.on("dialog", lambda dialog: self._complaints.append(f"dialog: {dialog.message}"))
        page.on("console", self._said)
        page.on("request", lambda request: self._asked(request.url, home))

    def found_nothing(self) -> None:
        """Fail, if there was anything.

        A server that is away, and a refusal that a test provokes, are complaints of Chromium, too.
        """
        assert self._strangers == []
        assert [one for one in self._complaints if "Failed to load resource" not in one] == []

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._complaints.append(message.text)

    def _asked(self, url: str, home: str) -> None:
        if not url.startswith((home, "data:,")):
            self._strangers.append(url)


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
