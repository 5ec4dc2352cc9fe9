"""The stream: the newest snapshot for everyone, made only when somebody looks."""

import json
import logging
import time
from collections.abc import Callable
from typing import Any

import pytest
from scripted_page import Scripted

from holdfast.observe.page import Page
from holdfast.observe.page.feed import MOST_STREAMS

Until = Callable[[Callable[[], object]], None]


def test_nothing_is_made_while_nobody_looks(script: Scripted, page: Page) -> None:
    time.sleep(1.2)
    assert script.asked == 0
    assert page.running


def test_snapshots_come_again_and_again_with_the_newest(
    script: Scripted, page: Page, listen: Callable[..., Any], until: Until
) -> None:
    reader = listen(page)
    snapshots = reader.snapshots()
    first, second = next(snapshots), next(snapshots)
    assert first["totals"] == script.shown["totals"]
    assert first["verdicts"][0]["about"] == "unsure"
    assert second["source"]["now"] > first["source"]["now"]
    script.shown["totals"]["calls"] = 77
    assert any(next(snapshots)["totals"]["calls"] == 77 for _ in range(4))
    reader.close()
    until(lambda: not _goes_on(script))


def _goes_on(script: Scripted) -> bool:
    before = script.asked
    time.sleep(1.2)
    return script.asked > before


def test_the_answer_is_a_stream_of_events(page: Page, listen: Callable[..., Any]) -> None:
    head = listen(page).read_until(b"event: ").decode()
    assert head.startswith("HTTP/1.1 200")
    assert "content-type: text/event-stream; charset=utf-8" in head.lower()
    assert "retry: 1000\n\n" in head


def test_many_readers_share_one_snapshot(
    script: Scripted, page: Page, listen: Callable[..., Any]
) -> None:
    readers = [listen(page).snapshots() for _ in range(10)]
    for _ in range(4):
        for reader in readers:
            next(reader)
    assert script.asked < 3 * 4


def test_the_number_of_streams_is_bounded(
    page: Page, listen: Callable[..., Any], send: Callable[..., Any], until: Until
) -> None:
    readers = [listen(page) for _ in range(MOST_STREAMS)]
    for reader in readers:
        next(reader.snapshots())
    refused = send(page, "/events")
    assert (refused.status, refused.headers["retry-after"]) == (503, "5")
    assert send(page, "/snapshot.json").status == 200
    readers[0].close()
    again = [listen(page)]

    def is_let_in() -> bool:
        if again[-1].read_until(b"\r\n").split()[1] == b"200":
            return True
        again.append(listen(page))
        return False

    until(is_let_in)


def test_a_reader_that_takes_nothing_holds_nobody_up_and_gets_no_backlog(
    script: Scripted, start: Callable[..., Page], listen: Callable[..., Any]
) -> None:
    script.shown["filler"] = "x" * 4_000_000
    page = start()
    stuck, quick = listen(page), listen(page).snapshots()
    for _ in range(4):
        next(quick)
    script.shown["filler"] = ""
    script.shown["totals"]["calls"] = 12345
    while next(quick)["totals"]["calls"] != 12345:
        pass
    snapshots = stuck.snapshots()
    taken = 1
    while next(snapshots)["totals"]["calls"] != 12345:
        taken += 1
    assert taken <= 3


def test_a_source_that_has_nothing_yet_says_why_and_is_asked_again(
    script: Scripted, page: Page, listen: Callable[..., Any], send: Callable[..., Any]
) -> None:
    script.failure = FileNotFoundError("there is no journal yet")
    reader = listen(page)
    reader.read_until(b"event: trouble\ndata: ")
    assert json.loads(reader.read_until(b"\n\n")) == {"error": "there is no journal yet"}
    answer = send(page, "/snapshot.json")
    assert (answer.status, answer.json) == (503, {"error": "there is no journal yet"})
    script.failure = None
    assert next(reader.snapshots())["totals"]["calls"] == 3912


def test_a_mistake_in_the_source_is_logged_and_its_text_is_not_shown(
    script: Scripted, page: Page, send: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    script.failure = KeyError("sk_live_secret")
    with caplog.at_level(logging.ERROR, "holdfast.observe"):
        answer = send(page, "/snapshot.json")
    assert answer.status == 503
    assert "KeyError" in answer.json["error"]
    assert "sk_live" not in answer.json["error"]
    assert [record.name for record in caplog.records] == ["holdfast.observe"]
    script.failure = None
    time.sleep(0.3)
    assert send(page, "/snapshot.json").status == 200
