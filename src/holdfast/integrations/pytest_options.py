"""The options of the plugin of pytest: read, and told what is wrong with them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from holdfast.durations import parse_duration
from holdfast.sandbox.holds import check_seconds, parse_hold

REQUESTS = 10
MOST_REQUESTS = 500


@dataclass(frozen=True, slots=True)
class Settings:
    """What the options say.

    Attributes:
        sandbox: options of `Sandbox`.
        requests: how many of the last requests a failed test shows.
    """

    sandbox: dict[str, Any] = field(default_factory=dict)
    requests: int = REQUESTS


def read(given: Mapping[str, str | None]) -> Settings:
    """Read the options.

    Args:
        given: what was given for each, by its name without `stripe_sandbox_`; None or nothing for
            those that were not.

    Raises:
        pytest.UsageError: one is no good; the message names it and says what to write.
    """
    values = {name: _read(name, text) for name, text in given.items() if text}
    requests = values.pop("requests", REQUESTS)
    return Settings(values, requests)


def _read(name: str, text: str) -> Any:
    try:
        return _READERS[name](text.strip())
    except ValueError as error:
        raise pytest.UsageError(f"stripe_sandbox_{name}: {error}") from None


def _read_wait(text: str) -> float:
    return check_seconds("the wait", parse_duration(text))


def _read_requests(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > MOST_REQUESTS:
        raise ValueError(f"{text!r} is no number of requests: give one from 0 to {MOST_REQUESTS}")
    return int(text)


_READERS: Mapping[str, Callable[[str], Any]] = {
    "lock_wait": _read_wait,
    "hold": parse_hold,
    "requests": _read_requests,
}
