"""A server's health, by one harmless read: `GET /v1/balance`."""

import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from urllib.parse import SplitResult, urlsplit

from holdfast.doctor import rules
from holdfast.doctor.catalogue import CHECKS
from holdfast.doctor.exchange import Answer, fetch
from holdfast.doctor.finding import Finding, Severity, in_order
from holdfast.doctor.secrets import kind_of

_SLOW_TO_CONNECT, _SLOW_TO_ANSWER = 1.0, 2.0
_SKEW, _TOO_MUCH_SKEW = 5.0, 300.0  # 300 s is the tolerance of Stripe's webhook signatures


def probe(
    url: str,
    key: str | None = None,
    *,
    deadline: float,
    clock: Callable[[], float] = time.time,
    timer: Callable[[], float] = time.monotonic,
    fetching: Callable[..., Answer] = fetch,
) -> list[Finding]:
    """Send one `GET /v1/balance` and judge what comes back.

    The key is not sent over plain HTTP to another machine, and a live one only to Stripe.

    Args:
        url: the server's address, such as `https://api.stripe.com`.
        key: the API key; without one, the answer is expected to be 401.
        deadline: how long it may take, in seconds.
        clock: wall clock, unix seconds.
        timer: monotonic clock, seconds.
        fetching: sends the request.

    Returns:
        The findings, the heaviest first.

    Raises:
        ValueError: `url` is no address of a server.
    """
    base = _address(url)
    subject = f"{base.scheme}://{base.netloc.rpartition('@')[2]}"
    found: list[Finding] = []
    sent = _sendable(key, base, subject, found)
    headers = {} if sent is None else {"Authorization": f"Bearer {sent}"}
    try:
        answer = fetching(base, headers, deadline, clock=clock, timer=timer)
    except ssl.SSLError as error:
        found.append(_untrusted(subject, error))
    except (OSError, http.client.HTTPException) as error:
        found.append(_unreachable(subject, error, deadline))
    else:
        found.extend(_judge(subject, base, answer, sent))
    return in_order(found)


def _address(url: str) -> SplitResult:
    base = urlsplit(url)
    try:
        usable = base.scheme in ("http", "https") and bool(base.hostname) and base.port != 0
        usable = usable and url.isascii() and url.isprintable() and " " not in url
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(
            f"--api-base is {url!r}: give a server's address, such as https://api.stripe.com"
        )
    return base


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _sendable(key: str | None, base: SplitResult, subject: str, found: list[Finding]) -> str | None:
    """The key, if it may be sent there; otherwise a finding says why not."""
    host = base.hostname or ""
    local = _is_local(host)
    if base.scheme == "http":
        check = CHECKS["server-tls"]
        if local:
            found.append(check.is_ok(subject, "Plain HTTP, on this machine."))
        else:
            found.append(
                check.at(
                    subject,
                    "It is plain HTTP to another machine; the key was not sent.",
                    f"Use https://{host}.",
                    why="Everybody on the way can read the key and change the answers.",
                )
            )
    if key is None:
        return None
    wrong = rules.key_type(subject, key) or _garbled(subject, key)
    if wrong is not None:
        found.append(wrong)
        return None
    kind = kind_of(key)
    stripes = host == "stripe.com" or host.endswith(".stripe.com")
    if kind is not None and kind.live and not stripes:
        found.append(
            CHECKS["server-key"].at(
                subject,
                f"{kind.redacted} is {kind.what} and {host} is not Stripe: it was not sent.",
                "Probe it with a sk_test_ key.",
                why="A live key that reaches another server can move money from there.",
                severity=Severity.WARNING,
            )
        )
        return None
    return key if base.scheme == "https" or local else None


def _garbled(subject: str, key: str) -> Finding | None:
    """A key that no header can hold; it is not shown."""
    if key.isascii() and key.isprintable() and " " not in key:
        return None
    return CHECKS["wrong-key-type"].at(
        subject,
        "The key has a space, a line's end or a letter in it that no key has: it was not sent.",
        "Look at what the variable or the file holds: a key is a single word.",
        why="Nothing can be sent with it.",
    )


def _untrusted(subject: str, error: ssl.SSLError) -> Finding:
    reason = getattr(error, "verify_message", "") or error.reason or "the handshake failed"
    return CHECKS["server-tls"].at(
        subject,
        f"TLS cannot be trusted: {reason}.",
        "If a proxy with a certificate of its own is on the way, set stripe.ca_bundle_path (and "
        "SSL_CERT_FILE); do not set verify_ssl_certs=False.",
        why="Holdfast and the SDK refuse to send anything to it.",
    )


def _unreachable(
    subject: str, error: OSError | http.client.HTTPException, deadline: float
) -> Finding:
    if isinstance(error, TimeoutError):
        message, mend = f"No answer within {deadline:g} s.", "Look at firewalls and proxies."
    elif isinstance(error, socket.gaierror):
        message, mend = "Its name cannot be looked up.", "Mend the name, or the DNS."
    elif isinstance(error, ConnectionRefusedError):
        message, mend = "Nothing listens there.", "Start the server, or mend the port."
    elif isinstance(error, OSError):
        message = f"It cannot be reached: {error.strerror or type(error).__name__}."
        mend = "Look at the network, the proxy variables and the firewall."
    else:
        message, mend = "What it answers is not HTTP.", "Mend the scheme or the port."
    return CHECKS["server-reachable"].at(subject, message, mend)


def _judge(subject: str, base: SplitResult, answer: Answer, key: str | None) -> Iterator[Finding]:
    by = f" through the proxy {answer.proxy}" if answer.proxy else ""
    yield CHECKS["server-reachable"].is_ok(
        subject, f"It answered {answer.status}{by}, to one GET /v1/balance."
    )
    if base.scheme == "https":
        yield CHECKS["server-tls"].is_ok(subject, f"{answer.tls}, certificate verified.")
    yield _status(subject, answer, key)
    yield _speed(subject, answer)
    yield _skew(subject, answer)
    yield _headers(subject, answer, key)
    version = answer.headers.get("stripe-version")
    if version:
        yield CHECKS["server-version"].is_ok(subject, f"API version {version}.")


def _status(subject: str, answer: Answer, key: str | None) -> Finding:
    check, status = CHECKS["server-key"], answer.status
    if key is None and status == 401:
        return check.is_ok(subject, "Without a key it answers 401, as it should.")
    if key is not None and status in (200, 403):
        allowed = "" if status == 200 else ", which may not read the balance"
        return check.is_ok(subject, f"It takes the key{allowed}.")
    if status == 401:
        return check.at(
            subject,
            "It refuses the key (401).",
            "Take a key that has not been rolled, of the right account and mode.",
        )
    if key is None and status == 200:
        return check.at(
            subject,
            "It answers without any key (200).",
            "Make sure that this is the server that you mean: Stripe never does.",
            why="What answers everybody is a mock or a proxy that adds a key of its own.",
            severity=Severity.WARNING,
        )
    if status >= 500 or status == 429:
        return CHECKS["server-reachable"].at(
            subject,
            f"It answered {status}.",
            "Wait and probe again; https://status.stripe.com tells of incidents.",
            why="It is there, and does not serve at the moment.",
            severity=Severity.WARNING,
        )
    return CHECKS["server-reachable"].at(
        subject,
        f"It answered {status}, where Stripe answers 200 or 401.",
        "Give the address without a path: https://api.stripe.com.",
        why="Something else than the API answers at this address.",
    )


def _speed(subject: str, answer: Answer) -> Finding:
    check = CHECKS["server-speed"]
    connecting, answering = answer.connecting, answer.answering
    message = f"Connected in {_milliseconds(connecting)}, answered in {_milliseconds(answering)}."
    if connecting <= _SLOW_TO_CONNECT and answering <= _SLOW_TO_ANSWER:
        return check.is_ok(subject, message)
    return check.at(
        subject,
        message,
        "Keep connections: one client for the whole process, not one a request; and look at the "
        "proxy and the DNS.",
    )


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _skew(subject: str, answer: Answer) -> Finding:
    check = CHECKS["clock-skew"]
    theirs = _date(answer.headers.get("date", ""))
    if theirs is None:
        return check.at(
            subject,
            "It tells no time (no Date header), so the clocks cannot be compared.",
            "Probe https://api.stripe.com, or look at the machine's NTP.",
            severity=Severity.ADVICE,
        )
    # The header has whole seconds: half of one is its error on average.
    skew = (answer.sent_at + answer.received_at) / 2 - (theirs + 0.5)
    if abs(skew) <= _SKEW:
        return check.is_ok(subject, "The clocks agree within 5 s.")
    side = "ahead of" if skew > 0 else "behind"
    return check.at(
        subject,
        f"This machine's clock is {abs(skew):,.0f} s {side} the server's.",
        "Let the clock follow a time server: timedatectl set-ntp true.",
        why="Beyond 300 s every webhook signature is refused as too old, and the age of "
        "idempotency keys (24 hours) is misjudged by as much.",
        severity=Severity.ERROR if abs(skew) > _TOO_MUCH_SKEW else Severity.WARNING,
    )


def _date(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except ValueError:
        return None


def _headers(subject: str, answer: Answer, key: str | None) -> Finding:
    check, headers = CHECKS["server-headers"], answer.headers
    via = f"; it came by {headers['via'][:60]!r}" if "via" in headers else ""
    if "request-id" in headers:
        word = headers.get("stripe-should-retry")
        told = (
            "Stripe-Should-Retry is not in it, as in most answers to reads"
            if word is None
            else "Stripe-Should-Retry, too"
        )
        return check.is_ok(subject, f"Request-Id arrives; {told}{via}.")
    return check.at(
        subject,
        f"The answer has no Request-Id{via}.",
        "Let the proxy pass the headers Request-Id, Stripe-Should-Retry, Idempotent-Replayed and "
        "Stripe-Rate-Limited-Reason.",
        severity=Severity.WARNING if key is not None else Severity.ADVICE,
    )
