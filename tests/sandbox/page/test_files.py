"""The files of the page, as they are served."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest

from holdfast.sandbox import Sandbox

Call = Callable[..., Any]


class References(HTMLParser):
    """The files that a page names, and what code it has of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.files: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag in {"script", "link"}:
            self.files.append(named.get("src") or named.get("href") or "")
        self.inline += [name for name in named if name.startswith("on") or name == "style"]
        if tag == "style":
            self.inline.append(tag)


def test_the_page_and_every_file_it_names_are_served(box: Sandbox, call: Call) -> None:
    reply = call(box, "GET", "/_sandbox/")
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
    read = References()
    read.feed(reply.body.decode())
    assert read.inline == []
    assert len(read.files) >= 3
    seen: set[str] = set()
    wanted = [f"/_sandbox/{name}" for name in read.files]
    while wanted:
        path = wanted.pop()
        if path in seen:
            continue
        seen.add(path)
        got = call(box, "GET", path)
        assert (got.status, bool(got.body)) == (200, True), path
        if path.endswith(".js"):
            assert got.headers["Content-Type"] == "text/javascript; charset=utf-8"
            imports = re.findall(r'from "\./([\w-]+\.js)"', got.body.decode())
            wanted += [f"/_sandbox/page/{name}" for name in imports]
    assert len(seen) >= 9


def test_the_policy_lets_nothing_in_from_outside(box: Sandbox, call: Call) -> None:
    for path in ("/_sandbox/", "/_sandbox/page/main.js", "/_sandbox/page/page.css"):
        headers = call(box, "GET", path).headers
        policy = dict(
            part.strip().partition(" ")[::2]
            for part in headers["Content-Security-Policy"].split(";")
        )
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Frame-Options"] == "DENY"


def test_without_its_slash_the_page_is_found_too(box: Sandbox, call: Call) -> None:
    reply = call(box, "GET", "/_sandbox")
    assert (reply.status, reply.headers["Location"]) == (308, "/_sandbox/")


@pytest.mark.parametrize(
    "path", ["/_sandbox/page/", "/_sandbox/page/../files.py", "/_sandbox/page/%2e%2e/files.py"]
)
def test_nothing_else_is_served(box: Sandbox, call: Call, path: str) -> None:
    assert call(box, "GET", path).status == 404


def test_files_are_only_read(box: Sandbox, call: Call) -> None:
    assert call(box, "HEAD", "/_sandbox/").body == b""
    assert call(box, "POST", "/_sandbox/").status == 404
