"""Write the dashboard for Grafana from its table of panels. `--check` only compares."""

import json
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TABLE = Path(__file__).resolve().with_name("dashboard.toml")
PLACE = TABLE.parent.parent / "src" / "holdfast" / "observe" / "shipped" / "grafana.json"

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
CHOSEN = 'job=~"$job",instance=~"$instance"'
WIDTH = 24


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel, as the table has it."""

    title: str
    about: str
    unit: str
    queries: Sequence[tuple[str, str]]
    kind: str = "timeseries"
    width: int = 8
    height: int = 8
    steps: tuple[float, float] | tuple[()] = ()
    stacked: bool = False


def main(arguments: Sequence[str]) -> int:
    """Write the dashboard, or with `--check` say whether it is out of date."""
    text = json.dumps(dashboard(), indent=2) + "\n"
    if arguments == ["--check"]:
        if PLACE.exists() and PLACE.read_text() == text:
            return 0
        print(f"{PLACE.name} is out of date: run python scripts/make_dashboard.py")
        return 1
    PLACE.write_text(text)
    return 0


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana reads it."""
    return {
        "uid": "holdfast",
        "title": "Holdfast",
        "description": "Requests to Stripe: whether they land, where they wait, what is retried.",
        "tags": ["holdfast", "stripe"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "",
        "annotations": {"list": []},
        "links": [],
        "templating": {"list": [_source(), _variable("job"), _variable("instance")]},
        "panels": list(_panels()),
    }


def _panels() -> Iterator[dict[str, Any]]:
    number = top = 0
    for row in tomllib.loads(TABLE.read_text())["row"]:
        panels = [Panel(**panel) for panel in row["panel"]]
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": row["title"],
            "collapsed": False,
            "panels": [],
            "gridPos": {"h": 1, "w": WIDTH, "x": 0, "y": top},
        }
        top += 1
        left = 0
        for panel in panels:
            if left + panel.width > WIDTH:
                left, top = 0, top + panel.height
            number += 1
            yield _panel(panel, number, {"h": panel.height, "w": panel.width, "x": left, "y": top})
            left += panel.width
        top += panels[-1].height


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "gridPos": place,
        "datasource": SOURCE,
        "targets": [_target(panel, *query) for query in enumerate(panel.queries)],
        "fieldConfig": {"defaults": _field(panel), "overrides": []},
        "options": _options(panel),
    }


def _target(panel: Panel, number: int, query: tuple[str, str]) -> dict[str, Any]:
    legend, expression = query
    return {
        "refId": chr(ord("A") + number),
        "datasource": SOURCE,
        "expr": expression.replace("$WHO", CHOSEN).replace("$SPAN", "$__rate_interval"),
        "legendFormat": legend or "__auto",
        "range": panel.kind != "stat",
        "instant": panel.kind == "stat",
        "exemplar": "histogram_quantile" in expression,
    }


def _field(panel: Panel) -> dict[str, Any]:
    orange, red = panel.steps or (None, None)
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if orange is not None and orange != red:
        steps.append({"color": "orange", "value": orange})
    if red is not None:
        steps.append({"color": "red", "value": red})
    field: dict[str, Any] = {
        "unit": panel.unit,
        "min": 0,
        "thresholds": {"mode": "absolute", "steps": steps},
    }
    if panel.kind == "timeseries":
        field["custom"] = {
            "drawStyle": "line",
            "lineWidth": 1,
            "fillOpacity": 20 if panel.stacked else 0,
            "showPoints": "never",
            "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
        }
    return field


def _options(panel: Panel) -> dict[str, Any]:
    if panel.kind == "stat":
        return {
            "colorMode": "background" if panel.steps else "none",
            "graphMode": "none",
            "justifyMode": "auto",
            "textMode": "auto",
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        }
    return {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }


def _source() -> dict[str, Any]:
    return {
        "name": "datasource",
        "label": "Prometheus",
        "type": "datasource",
        "query": "prometheus",
        "current": {},
        "hide": 0,
    }


def _variable(label: str) -> dict[str, Any]:
    within = '{job=~"$job"}' if label == "instance" else ""
    query = f"label_values(holdfast_build_info{within}, {label})"
    return {
        "name": label,
        "label": label.capitalize(),
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": label},
        "definition": query,
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "refresh": 2,
        "sort": 1,
        "hide": 0,
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
