"""What a section holds, before it is written as HTML or as plain text."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How the cells of a column are set."""

    TEXT = "text"
    CODE = "code"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    title: str
    kind: Kind = Kind.NUMBER


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: its text, safe to show, and what it is sorted by if not by the text.

    Attributes:
        text: what it says.
        value: what a number is behind its text.
    """

    text: str
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Attributes:
        caption: what it shows.
        columns: its columns; the first one names the rows.
        rows: its cells.
        bars: for each row the length of a small bar from 0 to 1; none if empty.
        kinds: for each row the colour's name; none if empty.
        folded: whether a reader of the HTML has to open it, as it says again what a picture shows.
    """

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    bars: Sequence[float] = ()
    kinds: Sequence[str] = ()
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the report.

    Attributes:
        anchor: its name in links.
        title: its heading.
        lead: what there is to know, in a sentence or two.
        facts: names and values.
        tables: its tables.
        notes: what is unknown, or left out.
    """

    anchor: str
    title: str
    lead: str
    facts: Sequence[tuple[str, str]] = ()
    tables: Sequence[Table] = ()
    notes: Sequence[str] = ()


def moment(at: float) -> str:
    """A time in unix seconds for a person, in UTC."""
    return f"{datetime.datetime.fromtimestamp(at, datetime.UTC):%Y-%m-%d %H:%M:%S} UTC"


def clock(at: float, width: float = 1.0) -> str:
    """The time of day in UTC; with its tenths if what it marks is shorter than a second."""
    when = datetime.datetime.fromtimestamp(at, datetime.UTC)
    text = f"{when:%H:%M:%S}"
    return text if width >= 1 else f"{text}.{when.microsecond // 1000:03}"


def count(number: int) -> Cell:
    """A cell that counts."""
    return Cell(f"{number:,}", number)
