"""A headless Chromium with a fresh profile, and the page in it."""

from collections.abc import Callable, Iterator

import pytest
from browsing import ARGUMENTS, Watch, executable
from playwright.sync_api import BrowserContext, Page, sync_playwright

from holdfast.sandbox import Sandbox


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """One browser for the tests of a module."""
    profile = tmp_path_factory.mktemp("profile")
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=executable(), args=ARGUMENTS, headless=True
        )
        context.set_default_timeout(30_000)
        yield context
        context.close()


@pytest.fixture
def open_page(browser: BrowserContext) -> Iterator[Callable[[Sandbox], Page]]:
    """Open the page of a sandbox. A complaint of the browser fails the test."""
    watch = Watch()
    pages: list[Page] = []

    def open_at(box: Sandbox) -> Page:
        page = browser.new_page()
        pages.append(page)
        watch.over(page, box.url)
        page.goto(f"{box.url}/_sandbox/")
        page.wait_for_selector("#connection[data-state=live]")
        return page

    yield open_at
    for page in pages:
        page.close()
    watch.found_nothing()
