"""Scenario files: the faults of a whole run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from holdfast.sandbox.documents import DocumentError, listed, load, mapping
from holdfast.sandbox.documents import fields as fields_of
from holdfast.sandbox.faults.reading import read_fault
from holdfast.sandbox.faults.script import MOST_FAULTS, Line, Scenario, Stage
from holdfast.sandbox.holds import check_seconds

_EXAMPLE = '{"faults": [...], "stages": [{"seconds": 5, "faults": [...]}]}'


def read_scenario(source: Path | str | Mapping[str, Any]) -> Scenario:
    """Read a scenario.

    Args:
        source: a JSON file, or what such a file holds: `faults`, in force from the begin, and
            `stages`, each with `faults` and, unless it ends when these are spent, `seconds`.

    Raises:
        DocumentError: something is wrong with the content.
        OSError: the file cannot be read.
    """
    if isinstance(source, Mapping):
        return _read("the scenario", source)
    path = Path(source)
    return _read(str(path), load(path))


def _read(place: str, content: object) -> Scenario:
    fields = fields_of(place, content, ("faults", "stages"))
    lines = _lines(f"{place}: faults", fields.get("faults", []))
    stages = tuple(
        _stage(f"{place}: stages[{index}]", one)
        for index, one in enumerate(listed(f"{place}: stages", fields.get("stages", [])))
    )
    if not lines and not stages:
        raise DocumentError(f"{place} is empty: write {_EXAMPLE}")
    if len(lines) + sum(len(stage.lines) for stage in stages) > MOST_FAULTS:
        raise DocumentError(f"{place} has more than {MOST_FAULTS} faults: use count")
    return Scenario(lines, stages)


def _stage(place: str, value: object) -> Stage:
    fields = fields_of(place, value, ("seconds", "faults"))
    lines = _lines(f"{place}.faults", fields.get("faults", []))
    if "seconds" not in fields:
        if not lines:
            raise DocumentError(f"{place} has neither seconds nor faults: give one of them")
        return Stage(lines)
    try:
        seconds = check_seconds("seconds", fields["seconds"])
    except ValueError as error:
        raise DocumentError(f"{place}: {error}") from None
    return Stage(lines, seconds)


def _lines(place: str, value: object) -> tuple[Line, ...]:
    lines: list[Line] = []
    for index, one in enumerate(listed(place, value)):
        try:
            lines.append(read_fault(mapping(f"{place}[{index}]", one)))
        except DocumentError:
            raise
        except ValueError as error:
            raise DocumentError(f"{place}[{index}]: {error}") from None
    return tuple(lines)
