"""No foreign page in a browser reaches the administration."""

from collections.abc import Callable
from typing import Any

import pytest

from holdfast.sandbox import Sandbox
from holdfast.sandbox.guard import Forbidden, check
from holdfast.sandbox.http import HttpRequest

Call = Callable[..., Any]
FAULT = {"method": "GET", "path": "/v1/customers", "fault": "error_500"}


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:4242",
        "127.1.2.3",
        "localhost:4242",
        "LOCALHOST",
        "box.localhost:1",
        "[::1]:4242",
    ],
)
def test_this_machine_is_served(box: Sandbox, call: Call, host: str) -> None:
    assert call(box, "GET", "/_sandbox/stats", headers={"Host": host}).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.example:4242",
        "127.0.0.1@evil.example",
        "notlocalhost",
        "192.168.0.1",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/_sandbox/stats", "/_sandbox/", "/_sandbox/page/main.js"])
def test_a_name_that_was_made_to_lead_here_is_not(
    box: Sandbox, call: Call, host: str, path: str
) -> None:
    reply = call(box, "GET", path, headers={"Host": host})
    assert reply.status == 403
    assert "localhost" in reply.error["message"]


def test_whoever_serves_other_machines_takes_any_name() -> None:
    request = HttpRequest("GET", "/_sandbox/stats", "", {"host": "box.example"}, keep_alive=True)
    check(request, allow_remote=True)
    with pytest.raises(Forbidden):
        check(request)


def test_a_sandbox_for_other_machines_answers_under_its_name(
    start: Callable[..., Sandbox], call: Call
) -> None:
    box = start(allow_remote=True)
    headers = {"Host": "sandbox.example:4242"}
    assert call(box, "GET", "/_sandbox/stats", headers=headers).status == 200
    headers |= {"Origin": "http://evil.example", "Content-Type": "application/json"}
    assert call(box, "POST", "/_sandbox/faults", content=FAULT, headers=headers).status == 403


def own(box: Sandbox) -> str:
    return f"http://127.0.0.1:{box.port}"


def test_programs_need_no_header(box: Sandbox, call: Call, raw: Callable[..., bytes]) -> None:
    assert call(box, "POST", "/_sandbox/faults", content=FAULT).status == 200
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert call(box, "POST", "/_sandbox/faults", content=FAULT, headers=form).status == 200
    assert raw(box, b"GET /_sandbox/stats HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200")


def test_the_sandboxes_own_page_may_change_things(box: Sandbox, call: Call) -> None:
    headers = {
        "Origin": own(box),
        "Sec-Fetch-Site": "same-origin",
        "Content-Type": "application/json; charset=utf-8",
    }
    assert call(box, "POST", "/_sandbox/faults", content=FAULT, headers=headers).status == 200
    del headers["Content-Type"]
    assert call(box, "DELETE", "/_sandbox/faults", headers=headers).status == 200


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({"Origin": "http://evil.example"}, "evil.example"),
        ({"Origin": "null"}, "null"),
        ({"Origin": "http://127.0.0.1:1"}, "127.0.0.1:1"),
        ({"Origin": "https://127.0.0.1:{port}"}, "https"),
        ({"Sec-Fetch-Site": "cross-site"}, "not the sandbox's own"),
        ({"Sec-Fetch-Site": "same-site"}, "not the sandbox's own"),
        ({"Origin": "http://127.0.0.1:{port}", "Sec-Fetch-Site": "cross-site"}, "own"),
        ({"Referer": "http://evil.example/"}, "origin"),
        ({"Origin": "http://127.0.0.1:{port}", "Content-Type": "text/plain"}, "application/json"),
        ({"Origin": "http://127.0.0.1:{port}"}, "application/json"),
    ],
)
def test_other_pages_may_not(box: Sandbox, call: Call, headers: dict[str, str], says: str) -> None:
    sent = {"Content-Type": "application/json"} if "Content-Type" not in headers else {}
    if says == "application/json" and "Content-Type" not in headers:
        sent = {}
    sent |= {name: value.replace("{port}", str(box.port)) for name, value in headers.items()}
    reply = call(box, "POST", "/_sandbox/faults", content=FAULT, headers=sent)
    assert reply.status == 403
    assert says in reply.error["message"]
    assert call(box, "GET", "/_sandbox/faults").json == []


def test_what_a_browser_may_not_read_is_said_on_every_answer(box: Sandbox, call: Call) -> None:
    for path in ("/_sandbox/stats", "/_sandbox/nothing", "/_sandbox/", "/_sandbox"):
        headers = call(box, "GET", path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "Access-Control-Allow-Origin" not in headers
    assert call(box, "OPTIONS", "/_sandbox/faults").status == 405


def test_the_api_itself_is_not_concerned(box: Sandbox, call: Call) -> None:
    headers = {"Host": "sandbox.example", "Origin": "http://other.example"}
    assert call(box, "GET", "/v1/customers", headers=headers).status == 200
