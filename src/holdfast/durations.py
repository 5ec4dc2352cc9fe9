"""Durations as people write them: `100ms`, `2s`, `5m`, `1h`, or plain seconds."""

import re

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}
_FORM = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(ms|s|m|h|)", re.ASCII)


def parse_duration(text: str) -> float:
    """Read a duration.

    Args:
        text: a number with one of the units `ms`, `s`, `m`, `h`; a bare number is seconds.

    Returns:
        The duration in seconds.

    Raises:
        ValueError: `text` has another form; the message says which forms there are.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no duration: write 100ms, 2s, 5m, 1h, or plain seconds")
    return float(match[1]) * _UNITS[match[2]]


def format_duration(seconds: float) -> str:
    """Write a duration so that a person reads it at a glance: `180 ms`, `3.21 s`, `4 min 5 s`."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.995:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"
