"""Findings as text for people and as JSON for programs."""

import json
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from holdfast.doctor.catalogue import TABLE
from holdfast.doctor.finding import Finding, Severity

_WIDTH = 100


def lines(findings: Sequence[Finding]) -> Iterator[str]:
    """The findings in the order given, each as a few lines.

    The first line has the form `file:line:column: severity: sentence [check]`, which editors read.
    """
    for found in findings:
        yield f"{found.where}: {found.severity}: {found.message} [{found.check}]"
        if found.why:
            yield from _indented("why", found.why)
        if found.mend:
            yield from _indented("mend", found.mend)


def _indented(word: str, text: str) -> list[str]:
    head = f"    {word + ':':<5} "
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    )


def summary(findings: Sequence[Finding], read: str) -> str:
    """One line: how many of each severity, and what was looked at."""
    counts = Counter(found.severity for found in findings)
    words = {
        Severity.ERROR: ("error", "errors"),
        Severity.WARNING: ("warning", "warnings"),
        Severity.ADVICE: ("advice", "advice"),
    }
    told = [
        f"{counts[severity]} {names[counts[severity] != 1]}"
        for severity, names in words.items()
        if counts[severity]
    ]
    return f"{', '.join(told) or 'nothing to mend'}; {read}"


def as_json(findings: Sequence[Finding], looked_at: dict[str, Any]) -> str:
    """One JSON object: the findings, how many there are of each severity, what was looked at."""
    counts = Counter(found.severity for found in findings)
    return json.dumps(
        {
            "findings": [found.as_dict() for found in findings],
            "counts": {str(severity): counts[severity] for severity in Severity},
            **looked_at,
        },
        indent=2,
    )


def table() -> Iterator[str]:
    """All checks, for `--list`."""
    widest = max(len(check.name) for check in TABLE)
    for check in TABLE:
        yield f"{check.name:<{widest}}  {check.severity:<7}  {check.finds.replace('`', '')}"
