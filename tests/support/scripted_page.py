"""Snapshots for the page, written by hand: one of everything, and one of nothing."""

import math
import time
from typing import Any

FAULTS = ("ok", "locked", "throttled", "server_error", "interrupted", "rejected")
SECONDS = 120


class Scripted:
    """A source that shows what it was told to.

    Args:
        snapshot: what it shows.
    """

    def __init__(self, snapshot: dict[str, Any]) -> None:
        self.shown = snapshot
        self.asked = 0
        self.failure: Exception | None = None

    def snapshot(self) -> dict[str, object]:
        """What it was told to show, now."""
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        source = {**self.shown["source"], "now": time.time()}
        return {**self.shown, "source": source}


def nothing(**totals: Any) -> dict[str, Any]:
    """A process that has just begun."""
    now = time.time()
    return {
        "source": _source(now),
        "totals": {
            "calls": 0,
            "in_flight": 0,
            "attempts": 0,
            "retries": 0,
            "waiting": {"lane": 0, "limiter": 0, "backoff": 0},
            "classes": {},
            "stops": {},
            "unsure": 0,
            "dropped": 0,
            **totals,
        },
        "series": {"step": 1, "until": int(now), "classes": {}, "waiting": [0] * SECONDS},
        "limits": [],
        "hot": [],
        "slowest": [],
        "unsure": [],
        "runs": [],
    }


def everything() -> dict[str, Any]:
    """A process with every kind of trouble."""
    now = time.time()
    classes = {
        "ok": [30 + round(12 * math.sin(i / 9)) for i in range(SECONDS)],
        "locked": [max(0, round(9 * math.sin((i - 40) / 22))) for i in range(SECONDS)],
        "throttled": [3 if i > 100 else 0 for i in range(SECONDS)],
        "server_error": [2 if 70 < i < 80 else 0 for i in range(SECONDS)],
        "interrupted": [1 if i in (75, 76) else 0 for i in range(SECONDS)],
    }
    totals = nothing(
        calls=3912,
        in_flight=49,
        attempts=4410,
        retries=498,
        waiting={"lane": 41, "limiter": 5, "backoff": 3},
        classes={fault: sum(counts) for fault, counts in classes.items()} | {"rejected": 4},
        stops={"ok": 3880, "rejected": 4, "attempts": 21, "deadline": 4, "not_idempotent": 3},
        unsure=3,
        dropped=1204,
    )["totals"]
    slow = [_call(now - 30 * at, f"/v1/customers/cus_{at}", 6.2 - at) for at in range(5)]
    doubtful = [
        _call(now - 12 * at, f"/v1/refunds/re_{at}", 2.5, "not_idempotent")
        | {
            "why": "It was sent, no answer came, and it has no idempotency key.",
            "how": "Look for a refund of this charge made at this time before sending it again.",
        }
        for at in range(3)
    ]
    return {
        "source": _source(now),
        "totals": totals,
        "series": {
            "step": 1,
            "until": int(now),
            "classes": classes,
            "waiting": [max(0, round(41 * math.sin(i / 38))) for i in range(SECONDS)],
        },
        "limits": [
            _limit("account", 38.2, 40.0, 12, 5, cut=True),
            _limit("/v1/refunds", 3.0, None, 1, 0, cut=False),
        ],
        "hot": [_hot(at) for at in range(6)],
        "slowest": slow,
        "unsure": doubtful,
        "runs": [
            {
                "name": "requests.jsonl",
                "total": 2000,
                "done": 1460,
                "ok": 1451,
                "failed": 8,
                "unsure": 1,
                "retries": 212,
                "per_s": 46.1,
                "left_s": 11.7,
                "finished": False,
            }
        ],
    }


def _source(now: float) -> dict[str, Any]:
    return {
        "kind": "process",
        "name": "worker.py",
        "pid": 4821,
        "began_at": now - 312,
        "now": now,
        "live": True,
    }


def _hot(at: int) -> dict[str, Any]:
    return {
        "object": f"cus_{at + 1}",
        "inside": 1,
        "waiting": max(0, 41 - 11 * at),
        "wait_p50": 2.3 / (at + 1),
        "wait_max": 4.1 / (at + 1),
        "calls": 812 - 120 * at,
        "locked": 43 - 8 * at,
    }


def _limit(
    scope: str, rate: float, limit: float | None, under_way: int, waiting: int, *, cut: bool
) -> dict[str, Any]:
    return {
        "account": "acct …9f2c",
        "scope": scope,
        "rate": rate,
        "limit": limit,
        "concurrency": None if limit is None else 20,
        "under_way": under_way,
        "waiting": waiting,
        "cut": cut,
    }


def _call(began_at: float, path: str, seconds: float, stop: str = "ok") -> dict[str, Any]:
    """Waited half of its time in a lane, was refused once, waited, and came to its end."""
    faults = ("locked", "ok" if stop == "ok" else "interrupted")
    ends = {"ok": 200, "interrupted": None, "locked": 429}
    return {
        "method": "POST",
        "path": path,
        "stop": stop,
        "seconds": seconds,
        "key_fingerprint": "0f3a9c1be77d" if stop == "ok" else None,
        "waits": {"lane": seconds * 0.5, "backoff": seconds * 0.2},
        "attempts": [
            {
                "number": at + 1,
                "fault": fault,
                "status": ends[fault],
                "request_id": f"req_{path[-6:]}{at}" if ends[fault] == 200 else None,
                "error_code": "lock_timeout" if fault == "locked" else None,
                "replayed": False,
                "at": seconds * (0.5 + 0.35 * at),
                "seconds": seconds * 0.15,
            }
            for at, fault in enumerate(faults)
        ],
        "began_at": began_at,
        "endpoint": "/v1/customers/{id}",
    }
