"""Files of results as `holdfast run` writes them, of any size and with any share of trouble."""

import json
import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

BEGAN_AT = 1_780_000_000.0

_MESSAGES = {
    "rejected": (404, "resource_missing", "invalid_request_error", "No such customer: '{object}'"),
    "declined": (402, "card_declined", "card_error", "Your card was declined."),
    "locked": (
        429,
        "lock_timeout",
        "invalid_request_error",
        "This object cannot be accessed right now because another API request is accessing it.",
    ),
    "server_error": (500, None, "api_error", "An unknown error occurred"),
}
_PATHS = (
    ("POST", "/v1/customers/{customer}"),
    ("POST", "/v1/payment_intents"),
    ("POST", "/v1/subscriptions/{subscription}"),
    ("POST", "/v1/payment_intents/{intent}/capture"),
    ("GET", "/v1/customers/{customer}"),
    ("DELETE", "/v1/subscriptions/{subscription}"),
)


def exchange(
    at: float,
    seconds: float,
    fault: str = "ok",
    status: int | None = 200,
    request_id: str | None = "req_A1b2C3d4E5f6G7",
    error_code: str | None = None,
    *,
    replayed: bool = False,
) -> dict[str, Any]:
    """One exchange of a line."""
    return {
        "at": at,
        "seconds": seconds,
        "fault": fault,
        "status": status,
        "request_id": request_id,
        "error_code": error_code,
        "replayed": replayed,
    }


def line(id_: str = "r-1", **changed: Any) -> dict[str, Any]:
    """A line of results: of a request that is ok, but for what is changed."""
    exchanges = changed.pop("exchanges", None)
    if exchanges is None:
        exchanges = [exchange(0.01, 0.02)]
    last = exchanges[-1] if exchanges else {}
    values: dict[str, Any] = {
        "id": id_,
        "method": "POST",
        "path": "/v1/customers/cus_1",
        "objects": ["cus_1"],
        "status": "ok",
        "http_status": last.get("status"),
        "request_id": last.get("request_id"),
        "attempts": len(exchanges),
        "fault_classes": [one["fault"] for one in exchanges],
        "stop_reason": "ok",
        "began_at": BEGAN_AT,
        "seconds": last["at"] + last["seconds"] if last else 0.0,
        "exchanges": exchanges,
        "waits": {"lane": exchanges[0]["at"] if exchanges else 0.0},
    }
    values |= changed
    if values["status"] == "ok":
        values.setdefault("answer", {"id": "cus_1", "object": "customer"})
    else:
        values.setdefault("error", {"type": "api_error", "message": "it failed"})
    return values


def old_line(id_: str = "r-1", **changed: Any) -> dict[str, Any]:
    """A line as the first version wrote it, without times and exchanges."""
    values = line(id_, **changed)
    for name in ("method", "path", "objects", "began_at", "seconds", "exchanges"):
        del values[name]
    return values


def lines(
    number: int,
    *,
    seed: int = 1,
    failed: float = 0.004,
    unsure: float = 0.0006,
    objects: int = 3000,
) -> Iterator[dict[str, Any]]:
    """Lines of a whole run with contention on few objects.

    Args:
        number: how many.
        seed: of what differs between them.
        failed: the share that fails.
        unsure: the share that is unsure.
        objects: how many of each kind there are.
    """
    chance = random.Random(seed)
    clock = BEGAN_AT
    for position in range(1, number + 1):
        clock += chance.expovariate(160)
        hot = chance.random() < 0.12
        which = min(int(chance.expovariate(0.9)), 4) if hot else chance.randrange(10, objects)
        yield _line(position, clock, chance, (failed, unsure), which)


def write(path: Path, values: Iterable[object]) -> Path:
    """Write a file of results; a text is a line as it is."""
    with path.open("w", encoding="utf-8") as file:
        for value in values:
            file.write(
                value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
            )
            file.write("\n")
    return path


def _line(
    position: int, clock: float, chance: random.Random, shares: tuple[float, float], number: int
) -> dict[str, Any]:
    failed, unsure = shares
    hot = number < 10
    ids = {
        "customer": f"cus_hold{number:010}",
        "subscription": f"sub_hold{number:020}",
        "intent": f"pi_hold{number:020}",
    }
    method, form = chance.choice(_PATHS)
    path = form.format(**ids)
    lane = chance.expovariate(3) if hot else 0.0
    limiter = chance.expovariate(20) if chance.random() < 0.2 else 0.0
    exchanges, backoff = _retries(chance, lane + limiter, hot=hot)
    at = exchanges[-1]["at"] + exchanges[-1]["seconds"] if exchanges else lane + limiter
    if exchanges:
        pause = chance.uniform(0.1, 0.5) * 2 ** len(exchanges)
        backoff += pause
        at += pause
    draw = chance.random()
    changed: dict[str, Any] = {}
    last = exchange(at, chance.lognormvariate(-3.2, 0.5), request_id=_request_id(chance))
    if draw < unsure:
        last |= {"fault": "interrupted", "status": None, "request_id": None}
        changed = {
            "status": "unsure",
            "stop_reason": "attempts",
            "error": {"type": "APIConnectionError", "message": "the connection was lost"},
            "reason": "no whole answer came, so it may or may not have been executed; look at the "
            "object in Stripe before sending it again",
        }
    elif draw < unsure + failed:
        kind = chance.choice(sorted(_MESSAGES))
        status, code, type_, message = _MESSAGES[kind]
        fault = "rejected" if kind == "declined" else kind
        last |= {"fault": fault, "status": status, "error_code": code}
        changed = {
            "status": "failed",
            "stop_reason": "rejected" if fault == "rejected" else "attempts",
            "error": {
                "type": type_,
                "code": code,
                "message": message.format(object=ids["customer"]),
            },
        }
    exchanges.append(last)
    waits = {"lane": lane}
    if limiter:
        waits["limiter"] = limiter
    if backoff:
        waits["backoff"] = backoff
    return line(
        f"r-{position:06}",
        method=method,
        path=path,
        objects=[] if path.endswith("intents") else [path.split("/")[3]],
        began_at=clock,
        exchanges=exchanges,
        waits=waits,
        **changed,
    )


def _retries(chance: random.Random, at: float, *, hot: bool) -> tuple[list[dict[str, Any]], float]:
    """The attempts before the last one."""
    made: list[dict[str, Any]] = []
    backoff = 0.0
    while chance.random() < (0.3 if hot else 0.012) and len(made) < 3:
        if made:
            pause = chance.uniform(0.1, 0.5)
            backoff += pause
            at = made[-1]["at"] + made[-1]["seconds"] + pause
        fault = chance.choices(
            ("locked", "throttled", "server_error", "unreachable"), (9 if hot else 2, 2, 1, 1)
        )[0]
        status = {"locked": 429, "throttled": 429, "server_error": 500}.get(fault)
        code = {"locked": "lock_timeout", "throttled": "rate_limit"}.get(fault)
        seconds = 0.1 + chance.random() * 0.02 if fault == "locked" else chance.uniform(0.01, 0.08)
        request_id = None if fault == "unreachable" else _request_id(chance)
        made.append(exchange(at, seconds, fault, status, request_id, code))
    return made, backoff


def _request_id(chance: random.Random) -> str:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    return "req_" + "".join(chance.choices(letters, k=14))
