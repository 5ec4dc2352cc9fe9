"""The sandbox as a process of its own, so that it takes no time from the clients' interpreter."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def sandbox(*options: str) -> Iterator[str]:
    """Run `holdfast sandbox` on a free port for the length of the block; gives its URL."""
    command = [sys.executable, "-m", "holdfast", "sandbox", "--port", "0", "--ready-json"]
    process = subprocess.Popen(
        [*command, "--exit-with-parent", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        url: str = json.loads(process.stdout.readline())["url"]
        yield url
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


def stats(url: str) -> dict[str, Any]:
    """The sandbox's counters."""
    counters: dict[str, Any] = _get(f"{url}/_sandbox/stats")
    return counters


def lock_trace(url: str, after: int = 0) -> list[dict[str, Any]]:
    """What happened to the locks of a sandbox with `--lock-trace`, behind a place in the trace."""
    events: list[dict[str, Any]] = _get(f"{url}/_sandbox/locks/trace?after={after}")
    return events


def last_lock_event(url: str) -> int:
    """The place in the trace that has been reached."""
    return max((event["seq"] for event in lock_trace(url)), default=0)


def _get(url: str) -> Any:
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - loopback
        return json.load(answer)
