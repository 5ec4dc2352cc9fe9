"""The HTML: complete, self-contained, bounded, and safe whatever the results hold."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import product
from pathlib import Path

import pytest
from endings import exchange, line, lines, old_line

from holdfast.report import Report, document, read_report

Write = Callable[..., Path]

MEGABYTE = 1_000_000


class _Outline(HTMLParser):
    """What stands where."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.unbalanced: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.texts)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def test_the_sections_stand_in_their_order(results: Write) -> None:
    page = _Outline(document(read_report([results(lines(300, failed=0.05, unsure=0.02))])))
    assert (page.open, page.unbalanced) == ([], [])
    assert [one["id"] for one in page.all("section")] == [
        "ran",
        "time",
        "ended",
        "retries",
        "durations",
        "objects",
        "slowest",
        "not-ok",
    ]
    assert len(page.all("h1")) == 1


def test_every_table_has_a_caption_and_scopes_and_every_picture_its_words(results: Write) -> None:
    page = _Outline(document(read_report([results(lines(300, failed=0.05))])))
    assert len(page.all("table")) == len(page.all("caption")) >= 5
    assert all(one.get("scope") in ("row", "col") for one in page.all("th"))
    pictures = [one for one in page.all("svg") if one.get("role") == "img"]
    assert len(pictures) >= 5
    ids = {one["id"] for _, one in page.tags if "id" in one}
    assert len(ids) == sum("id" in one for _, one in page.tags)
    for picture in pictures:
        assert {picture["aria-labelledby"], picture["aria-describedby"]} <= ids
    others = [one for one in page.all("svg") if one.get("role") != "img"]
    assert all(one["aria-hidden"] == "true" for one in others)


def test_nothing_is_asked_for_from_anywhere(results: Write) -> None:
    text = document(read_report([results(lines(200, failed=0.05))]))
    page = _Outline(text)
    for _, attributes in page.tags:
        assert not {"src", "srcset", "style", "action"} & attributes.keys()
        assert not [name for name in attributes if name.startswith("on")]
        assert (attributes.get("href") or "#").startswith(("#", "data:,"))
    assert "url(" not in text
    assert "@import" not in text
    [policy] = [m["content"] for m in page.all("meta") if "http-equiv" in m]
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy


HOSTILE = (
    "</script><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "</style></title></textarea>--><script>alert(1)</script>",
    "\x00\x08\x1b]0;x\x07\u202egnp.exe\u2066\ud83d",
    "' onmouseover='alert(1)",
    "{{7*7}}${7*7}<%= 7*7 %>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_stay_texts(results: Write, text: str) -> None:
    hostile = line(
        text,
        path=f"/v1/customers/{text}",
        method=text,
        objects=[text],
        status="unsure",
        stop_reason=text,
        reason=text,
        exchanges=[exchange(0.0, 1.0, "rejected", 404, text, text)],
        error={"type": text, "code": text, "message": text},
    )
    path = results([hostile, hostile | {"id": f"{text}2", "status": "failed"}], "a<b>&.jsonl")
    made = document(read_report([path]))
    page = _Outline(made)
    assert (page.open, page.unbalanced) == ([], [])
    assert len(page.all("script")) == len(page.all("style")) == 1
    assert page.all("img") == []
    assert not [name for _, one in page.tags for name in one if name.startswith("on")]
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", made)


def test_every_request_that_is_not_ok_has_its_reason_and_its_commands(
    report_of: Callable[..., Report],
) -> None:
    attempts = [
        exchange(0.5, 0.1, "locked", 429, "req_first", "lock_timeout"),
        exchange(1.0, 0.2, "interrupted", None, None),
    ]
    report = report_of(
        line("r-1"),
        line(
            "it's; rm -rf /",
            status="unsure",
            stop_reason="attempts",
            exchanges=attempts,
            waits={"lane": 0.5, "backoff": 0.4},
            reason="no whole answer came",
            error={"type": "APIConnectionError", "message": "the connection was lost"},
        ),
    )
    text = _Outline(document(report)).text
    for told in (
        "Unsure: may have happened (1)",
        "no whole answer came",
        "the connection was lost",
        "req_first",
        "attempt 1: locked 429 lock_timeout, 100 ms",
        "waited: backoff, 400 ms",
        "attempt 2: interrupted, 200 ms",
        "GET /v1/customers/cus_1",
        """holdfast run --retry JOURNAL '--only=it'"'"'s; rm -rf /'""",
    ):
        assert told in text


def test_a_run_without_trouble_says_so(report_of: Callable[..., Report]) -> None:
    text = _Outline(document(report_of(line("r-1"), line("r-2")))).text
    assert "All 2 requests that ended landed." in text
    assert "No retries: nothing was refused." in text
    assert "Nothing failed, and nothing is in doubt." in text


def test_what_is_unknown_is_said_and_never_shown_as_zero(report_of: Callable[..., Report]) -> None:
    page = _Outline(document(report_of(old_line("r-1"))))
    assert "The time at the server is unknown" in page.text
    assert "Times are unknown" in page.text
    assert "Nobody knows what the requests touched" in page.text
    assert [one for one in page.all("svg") if one.get("role") == "img"] == []


def test_times_of_any_size_make_a_report(report_of: Callable[..., Report]) -> None:
    times = (0.0, 1e-9, 1.0, 1.19e11)
    values = [
        line(f"r-{number}", began_at=began_at, seconds=seconds)
        for number, (began_at, seconds) in enumerate(product(times, times))
    ]
    page = _Outline(document(report_of(*values)))
    assert (page.open, page.unbalanced) == ([], [])
    assert "All 16 requests that ended landed." in page.text


def test_an_empty_run_makes_a_report(report_of: Callable[..., Report]) -> None:
    text = _Outline(document(report_of())).text
    assert "No request has ended yet." in text


def test_fifty_thousand_requests_stay_under_three_megabytes(results: Write) -> None:
    report = read_report([results(lines(50_000))])
    assert len(document(report).encode()) < 3 * MEGABYTE


def test_fifty_thousand_failures_are_all_in_under_three_megabytes(all_failed: Path) -> None:
    assert all_failed.stat().st_size < 3 * MEGABYTE
    text = all_failed.read_text(encoding="utf-8")
    assert set(re.findall(r"r-\d{6}", text)) == {f"r-{number:06}" for number in range(1, 50_001)}


def test_ids_without_bounds_do_not_make_a_page_without_bounds(results: Write) -> None:
    failed = {"status": "failed", "stop_reason": "rejected"}
    many = (line(f"{number}-{'<' * 290}", **failed) for number in range(6_000))
    text = document(read_report([results(many)]))
    assert len(text.encode()) < 3 * MEGABYTE
    assert "more are not listed here" in text
