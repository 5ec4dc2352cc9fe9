"""What a stranger is told: nothing. And what every answer tells the browser."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from scripted_page import Scripted, everything
from starlette.requests import HTTPConnection

from holdfast.observe.page import Page, serve_source
from holdfast.observe.page.door import (
    MOST_ADDRESSES,
    MOST_REFUSED,
    WINDOW,
    Admission,
    Door,
    checked_token,
)

Send = Callable[..., Any]
Start = Callable[..., Page]

TOKEN = "a-token-of-enough-characters"
PATHS = ("/", "/page/main.js", "/snapshot.json", "/words.json", "/session", "/nowhere")


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """A page without a token, for all tests that only ask it something."""
    with serve_source(Scripted(everything()), "127.0.0.1", 0, None) as served:
        yield served


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_every_answer_has_the_security_headers(
    page: Page, send: Send, path: str, method: str
) -> None:
    headers = send(page, path, method).headers
    policy = headers["content-security-policy"]
    for each in (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ):
        assert each in policy.split("; ")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cross-origin-embedder-policy"] == "require-corp"
    assert headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in headers
    assert "server" not in headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE"])
def test_only_get_is_answered(page: Page, send: Send, method: str) -> None:
    answer = send(page, "/snapshot.json", method)
    assert (answer.status, answer.headers["allow"]) == (405, "GET")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:1", 200),
        ("localhost:9000", 200),
        ("LOCALHOST", 200),
        ("[::1]:80", 200),
        ("evil.example", 403),
        ("evil.example:80", 403),
        ("localhost.evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("192.168.0.9", 403),
        ("", 403),
    ],
)
def test_a_name_pointed_at_this_machine_is_refused(
    page: Page, send: Send, host: str, status: int
) -> None:
    answer = send(page, "/snapshot.json", Host=host)
    assert answer.status == status
    if status == 403:
        assert "another host" in answer.json["error"]


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_other_web_pages_may_link_to_it_and_nothing_else(page: Page, send: Send, site: str) -> None:
    answer = send(page, "/events", Sec_Fetch_Site=site, Sec_Fetch_Mode="no-cors")
    assert answer.status == 403
    assert send(page, "/", Sec_Fetch_Site=site, Sec_Fetch_Mode="navigate").status == 200


@pytest.mark.parametrize("name", ["..%2fapp.py", "login.html", "__init__.py", "main.js%00", ""])
def test_only_its_own_files_are_served(page: Page, send: Send, name: str) -> None:
    answer = send(page, f"/page/{name}")
    assert answer.status == 404
    assert answer.json["error"]


def test_a_stranger_sees_a_form_and_no_figure(start: Start, send: Send) -> None:
    page = start(token=TOKEN)
    answer = send(page)
    assert answer.status == 401
    assert b'id="login"' in answer.body
    for path in ("/snapshot.json", "/events", "/words.json", "/session"):
        refusal = send(page, path)
        assert (refusal.status, refusal.headers["www-authenticate"]) == (401, "Bearer")
        assert "Authorization: Bearer" in refusal.json["error"]
    assert send(page, "/page/login.js").status == 200


def test_the_token_opens_and_becomes_a_cookie_that_scripts_cannot_read(
    start: Start, send: Send
) -> None:
    page = start(token=TOKEN)
    assert send(page, "/snapshot.json", Authorization=f"Bearer {TOKEN}").status == 200
    answer = send(page, "/session", Authorization=f"Bearer {TOKEN}")
    assert answer.status == 204
    pair, *attributes = answer.headers["set-cookie"].split("; ")
    assert attributes == ["Path=/", "HttpOnly", "SameSite=Strict"]
    assert TOKEN not in pair
    assert send(page, "/", Cookie=pair).status == 200
    assert send(page, "/snapshot.json", Cookie=f"other=1; {pair}").status == 200
    tls = send(page, "/session", Authorization=f"bearer {TOKEN}", X_Forwarded_Proto="https")
    assert tls.headers["set-cookie"].endswith("; Secure")


def test_the_cookie_goes_on_after_a_restart_with_the_same_token_only(
    start: Start, send: Send
) -> None:
    page = start(token=TOKEN)
    pair = send(page, "/session", Authorization=f"Bearer {TOKEN}").headers["set-cookie"]
    port = int(page.url.rstrip("/").rpartition(":")[2])
    page.close()
    again = start(token=TOKEN, port=port)
    assert send(again, "/snapshot.json", Cookie=pair.partition(";")[0]).status == 200
    again.close()
    other = start(token=TOKEN + "x", port=port)
    assert send(other, "/snapshot.json", Cookie=pair.partition(";")[0]).status == 401


def test_wrong_tokens_are_bounded(start: Start, send: Send) -> None:
    page = start(token=TOKEN)
    for number in range(MOST_REFUSED):
        answer = send(page, "/session", Authorization=f"Bearer {TOKEN}{number}")
        assert (answer.status, answer.json["error"]) == (401, "this is not the token")
    answer = send(page, "/session", Authorization=f"Bearer {TOKEN}")
    assert answer.status == 429
    assert int(answer.headers["retry-after"]) == WINDOW


def request(address: str, **headers: str) -> HTTPConnection:
    told = [(name.encode(), value.encode()) for name, value in headers.items()]
    return HTTPConnection({"type": "http", "headers": told, "client": (address, 1)})


def test_guesses_are_counted_by_address_and_forgotten_after_a_while() -> None:
    now = 0.0
    door = Door(TOKEN, lambda: now)
    wrong = {"authorization": "Bearer wrong"}
    right = {"authorization": f"Bearer {TOKEN}"}
    assert door.admission(request("10.0.0.1")) is Admission.UNKNOWN
    for _ in range(MOST_REFUSED):
        assert door.admission(request("10.0.0.1", **wrong)) is Admission.REFUSED
    assert door.admission(request("10.0.0.1", **right)) is Admission.TOO_OFTEN
    assert door.admission(request("10.0.0.2", **right)) is Admission.ADMITTED
    now = WINDOW
    assert door.admission(request("10.0.0.1", **right)) is Admission.ADMITTED


def test_guesses_from_very_many_addresses_are_bounded_too() -> None:
    door = Door(TOKEN, lambda: 0.0)
    wrong = {"authorization": "Bearer wrong"}
    for number in range(MOST_ADDRESSES):
        assert door.admission(request(f"address {number}", **wrong)) is Admission.REFUSED
    assert door.admission(request("one more", **wrong)) is Admission.TOO_OFTEN
    assert door.admission(request("address 1", **wrong)) is Admission.REFUSED


@pytest.mark.parametrize("cookie", ["holdfast-watch=x", "holdfast-watch=", "=", "holdfast-watch=é"])
def test_a_wrong_cookie_is_a_guess_and_a_stranger_s_is_none(cookie: str) -> None:
    door = Door(TOKEN)
    expected = Admission.REFUSED if cookie.startswith("holdfast") else Admission.UNKNOWN
    assert door.admission(request("10.0.0.1", cookie=cookie)) in (expected, Admission.UNKNOWN)
    assert door.admission(request("10.0.0.1", cookie="theirs=1")) is Admission.UNKNOWN


@pytest.mark.parametrize("token", ["", "short", "fifteen-letters", "sixteen letters!", "ä" * 20])
def test_a_token_that_is_no_good_is_told(token: str) -> None:
    with pytest.raises(ValueError, match="the token has"):
        checked_token(token)
