"""The real thing: a contended run against the sandbox, with the page open beside it.

How far the page lags behind the sandbox is printed in seconds: `pytest -rP` shows it.
"""

import statistics
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
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


_FIGURES = """() => Array.from(
    document.querySelectorAll("#figure-list dt"),
    (name) => [name.textContent, name.parentElement.querySelector("dd > span").textContent],
)"""


def counters(tab: Tab) -> dict[str, int]:
    """The figures as they are seen, all at one moment."""
    return {name: int(value.replace(",", "")) for name, value in tab.evaluate(_FIGURES)}


class Counted:
    """What the sandbox had counted, and when: a moment for each call that landed."""

    def __init__(self, box: Sandbox) -> None:
        self._box = box
        self._until = threading.Event()
        self._landed: list[float] = []

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Ask the sandbox again and again, inside the block and once more after it."""
        with ThreadPoolExecutor(1) as beside:
            beside.submit(self._watch)
            try:
                yield
            finally:
                self._until.set()

    def _watch(self) -> None:
        over = False
        while not over:
            over = self._until.wait(0.005)
            effects, now = len(self._box.ledger()), time.monotonic()
            self._landed.extend([now] * (effects - len(self._landed)))

    def behind(self, calls: int, at: float) -> float:
        """How long ago the first call landed that is not among so many, at a moment: seconds."""
        landed = bisect_right(self._landed, at)
        return at - self._landed[calls] if calls < landed else 0.0


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


def test_while_it_goes_on_the_page_is_never_far_behind_the_sandbox(
    box: Sandbox, live: Page, look: Look, snapshots: list[float]
) -> None:
    client = holdfast.stripe_client("sk_test_x", base_addresses={"api": box.url})
    hot, *others = (client.v1.customers.create({"name": "x"}).id for _ in range(4))
    tab = look(live)
    counted, seen = Counted(box), []
    started = threading.Event()
    started.set()
    snapshots.clear()
    with counted.watching(), ThreadPoolExecutor(1) as beside:
        run = beside.submit(update_all, client, hot, others, started)
        began = time.monotonic()
        while not run.done():
            calls = counters(tab)["Calls"]
            seen.append((time.monotonic(), calls))
            tab.wait_for_timeout(20)
        took = time.monotonic() - began
    behind = [counted.behind(calls, at) for at, calls in seen]
    print(
        f"{len(seen)} looks at the page in {took:.1f} s of a contended run: a call that landed was "
        f"seen within {max(behind):.2f} s, half of the time within "
        f"{statistics.median(behind):.2f} s"
    )
    shown = [calls for _, calls in seen]
    assert shown == sorted(shown)
    assert len(set(shown)) > WITHIN
    # A second, and for every snapshot that this machine made late as much again.
    gaps = [later - earlier for earlier, later in pairwise(snapshots)]
    assert max(behind) < 1 + 2 * max(gaps)
