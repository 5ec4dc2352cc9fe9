"""What the doctor says: one sentence about one place, why it matters, and what to write."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """How much a finding weighs, the heaviest first."""

    ERROR = "error"
    WARNING = "warning"
    ADVICE = "advice"
    OK = "ok"

    @property
    def rank(self) -> int:
        """0 for the heaviest."""
        return list(Severity).index(self)

    @property
    def counts(self) -> bool:
        """Whether it makes the command end with 1."""
        return self in (Severity.ERROR, Severity.WARNING)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in a file; lines and columns count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the doctor found.

    Attributes:
        check: the check's name, as in the table of checks.
        severity: how much it weighs.
        message: what there is, in one sentence.
        why: why that matters, with its figure.
        mend: what to write instead; "" for an `ok`.
        place: where it is, for a finding in code.
        subject: what it is about, for any other: `environment`, an object, a server.
    """

    check: str
    severity: Severity
    message: str
    why: str = ""
    mend: str = ""
    place: Place | None = None
    subject: str = ""

    @property
    def where(self) -> str:
        """The place, or else the subject."""
        return self.subject if self.place is None else str(self.place)

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it: with `file`, `line` and `column` of their own."""
        figures = asdict(self)
        place = figures.pop("place") or {"file": None, "line": None, "column": None}
        return {**figures, **place}


def in_order(findings: list[Finding]) -> list[Finding]:
    """The heaviest first, and then by place."""
    return sorted(
        findings,
        key=lambda found: (
            found.severity.rank,
            found.place or Place("", 0, 0),
            found.subject,
            found.check,
        ),
    )
