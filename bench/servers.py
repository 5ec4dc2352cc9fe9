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
    with urllib.request.urlopen(f"{url}/_sandbox/stats") as answer:  # noqa: S310 - loopback
        counters: dict[str, Any] = json.load(answer)
    return counters
