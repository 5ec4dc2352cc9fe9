"""The real thing: a contended run against the sandbox, with the page open beside it."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect

import holdfast
from holdfast.observe import serve
from holdfast.observe.board import Board
from holdfast.observe.page import Page
from holdfast.sandbox import Sandbox

Look = Callable[..., Tab]

WORKERS = 24
CALLS = 10
HOLD = 0.02
WITHIN = 3
"""Snapshots: two of them, half a second apart, are a second; the third tells that they were."""


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """A sandbox whose lock is the whole of the run."""
    with Sandbox(lock_wait=0.05, hold=HOLD) as running:
        yield running


@pytest.fixture
def snapshots(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When the page asked for a snapshot."""
    asked: list[float] = []
    take = Board.snapshot

    def noted(board: Board) -> dict[str, object]:
        asked.append(time.monotonic())
        return take(board)

    monkeypatch.setattr(Board, "snapshot", noted)
    return asked


@pytest.fixture
def live() -> Iterator[Page]:
    """The page of this process."""
    with serve() as page:
        yield page


def update_all(client: Any, hot: str, others: list[str], started: threading.Event) -> int:
    """Most workers update one customer, some update others; returns how many calls were ok."""

    def work(worker: int) -> int:
        started.wait()
        name = hot if worker % 6 else others[worker % len(others)]
        for number in range(CALLS):
            client.v1.customers.update(name, {"name": f"{worker}-{number}"})
        return CALLS

    with ThreadPoolExecutor(WORKERS) as crew:
        return sum(crew.map(work, range(WORKERS)))


def counters(tab: Tab) -> dict[str, int]:
    """The figures as they are seen."""
    names = tab.locator("#figure-list dt").all_text_contents()
    values = tab.locator("#figure-list dd > span").all_text_contents()
    return {name: int(value.replace(",", "")) for name, value in zip(names, values, strict=True)}


def test_the_page_shows_what_the_sandbox_counts_and_the_hot_object_on_top(
    box: Sandbox, live: Page, look: Look, snapshots: list[float]
) -> None:
    client = holdfast.stripe_client("sk_test_x", base_addresses={"api": box.url})
    hot, *others = (client.v1.customers.create({"name": "x"}).id for _ in range(4))
    made = 4
    tab = look(live)
    started = threading.Event()
    with ThreadPoolExecutor(1) as beside:
        run = beside.submit(update_all, client, hot, others, started)
        started.set()
        expect(tab.locator("#hot-rows tr").first.locator("th")).to_have_text(hot)
        expect(tab.locator("#verdict-list")).to_contain_text(f"{hot} is hot")
        waiting = tab.locator("#hot-rows tr").first.locator("td").first
        assert int(waiting.inner_text()) > 0
        while not run.done():
            tab.wait_for_timeout(20)
        done = run.result()
    snapshots.clear()
    stats = box.stats()
    expected = {"Calls": done + made, "Under way": 0, "Attempts": stats["requests"], "Waiting": 0}
    shown = counters(tab)
    while expected.items() - shown.items() and len(snapshots) < WITHIN:
        tab.wait_for_timeout(10)
        shown = counters(tab)
    assert expected.items() <= shown.items()
    assert shown["Retries"] == stats["requests"] - done - made
    assert shown["In doubt"] == 0
    assert len(box.ledger()) == done + made
    expect(tab.locator("#stop-list > li").first).to_contain_text(f"{done + made}")
