"""The expressions that are shipped, and what metrics and labels they name."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from holdfast.observe import shipped

ALERTS = Path(shipped.__file__).with_name("alerts.yml")
DASHBOARD: dict[str, Any] = json.loads(shipped.shipped("grafana.json").read_text(encoding="utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [(panel["title"], target["expr"]) for panel in PANELS for target in panel["targets"]]

_SELECTOR = re.compile(r"((?:job:)?holdfast_[a-z0-9_:]+)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r'([a-z_]+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")
_TEXTS = re.compile(r'"[^"]*"')


def selectors(expression: str) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """Each metric's name with the values that its labels are matched with."""
    for name, matchers in _SELECTOR.findall(expression):
        yield name, {label: re.split(r"\|", text) for label, _, text in _MATCHER.findall(matchers)}


def grouped_by(expression: str) -> set[str]:
    """The labels that an expression groups or joins by."""
    groups = _GROUPING.findall(_TEXTS.sub("", expression))
    return {label.strip() for group in groups for label in group.split(",") if label.strip()}


def _rules() -> Iterator[tuple[str, str]]:
    """Each rule's name and its expression, read line by line: there is no YAML reader at hand."""
    name, within = "", 0
    lines: list[str] = []
    for line in [*ALERTS.read_text().splitlines(), "- end:"]:
        depth = len(line) - len(line.lstrip())
        if within and line.strip() and depth <= within:
            yield name, " ".join(lines)
            within = 0
        if within:
            lines.append(line.strip())
        found = re.match(r"\s*- (?:alert|record): (\S+)", line)
        if found:
            name = found[1]
        begun = re.match(r"(\s*)expr: (.*)", line)
        if begun:
            lines, within = [begun[2].removeprefix("|")], len(begun[1])


RULES = dict(_rules())
RECORDED = {name for name in RULES if name.startswith("job:")}
