"""The dashboard and the alerts: sound, and about metrics and labels that there are."""

import itertools
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from promql import ALERTS, DASHBOARD, PANELS, QUERIES, RECORDED, RULES, grouped_by, selectors
from promserver import promtool

from holdfast.observe.labels import LABELS
from holdfast.observe.metrics import METRICS, Instrument, Metric
from holdfast.observe.shipped import FILES, shipped

ROOT = Path(__file__).resolve().parent.parent.parent

# What Prometheus itself puts on every series.
TARGET = {"job", "instance"}
CHOSEN = {"$job", "$instance"}


def sample_names() -> dict[str, Metric]:
    """The names that expressions may have: those of the samples."""
    names = {}
    for metric in METRICS:
        is_histogram = metric.instrument is Instrument.HISTOGRAM
        suffixes = ["_bucket", "_sum", "_count"] if is_histogram else [""]
        names.update({f"{metric.name}{suffix}": metric for suffix in suffixes})
    return names


@pytest.mark.parametrize(("where", "expression"), [*RULES.items(), *QUERIES])
def test_every_metric_and_label_that_an_expression_names_is_in_the_table(
    where: str, expression: str
) -> None:
    names, labels = sample_names(), set(TARGET)
    found = list(selectors(expression))
    assert found, where
    for name, matched in found:
        if name in RECORDED:
            continue
        assert name in names, where
        its = {*names[name].labels, *(["le"] if name.endswith("_bucket") else [])}
        labels |= its
        for label, values in matched.items():
            assert label in its | TARGET, (where, name, label)
            closed = LABELS[label].values if label in LABELS else ()
            for value in values:
                assert not closed or value in closed, (where, label, value)
                assert closed or value in CHOSEN, (where, label, value)
    assert grouped_by(expression) <= labels, where


def test_every_metric_is_on_the_dashboard() -> None:
    shown = {name for _, expression in QUERIES for name, _ in selectors(expression)}
    missing = {
        metric.name for metric in METRICS if not any(name.startswith(metric.name) for name in shown)
    }
    # Each of these is a sum of what is shown by its labels.
    assert missing == {"holdfast_lock_timeouts_total", "holdfast_block_attempts_total"}


def test_promtool_takes_the_rules() -> None:
    promtool("check", "rules", ALERTS)


def test_each_alert_fires_when_it_should_and_only_then() -> None:
    tests = Path(__file__).with_name("alerts_test.yml")
    promtool("test", "rules", tests)
    named = set(re.findall(r'alertname="(\w+)"', tests.read_text()))
    assert named == set(RULES) - RECORDED


def test_each_alert_says_what_to_do() -> None:
    rules = re.split(r"\n\s*- alert: ", ALERTS.read_text())[1:]
    assert len(rules) == len(RULES) - len(RECORDED)
    for rule in rules:
        name = rule.partition("\n")[0]
        assert re.search(r"severity: (page|ticket)\n", rule), name
        for annotation in ("summary", "description", "runbook"):
            text = re.search(rf"{annotation}: (.+)", rule)
            assert text, (name, annotation)
        for other in re.findall(r"\bHoldfast[A-Z]\w+", rule):
            assert other in RULES, (name, other)


def test_the_dashboard_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "make_dashboard.py"), "--check"],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_dashboard_is_one() -> None:
    assert DASHBOARD["schemaVersion"] >= 36
    assert (DASHBOARD["uid"], DASHBOARD["title"]) == ("holdfast", "Holdfast")
    # Grafana gives it an id; one of ours would overwrite another's.
    assert "id" not in DASHBOARD
    names = [variable["name"] for variable in DASHBOARD["templating"]["list"]]
    assert names == ["datasource", "job", "instance"]
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    titles = [panel["title"] for panel in DASHBOARD["panels"]]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_each_panel_says_what_it_shows_and_in_which_unit(panel: dict[str, Any]) -> None:
    assert len(panel["description"]) > 20
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"] in {
        "short",
        "none",
        "s",
        "reqps",
        "ops",
        "percentunit",
    }
    assert panel["type"] in {"stat", "timeseries"}
    references = [target["refId"] for target in panel["targets"]]
    assert len(set(references)) == len(references) > 0
    for target in panel["targets"]:
        assert target["datasource"] == panel["datasource"]
        assert target["datasource"]["uid"] == "${datasource}"
        assert "$WHO" not in target["expr"]
        assert "$SPAN" not in target["expr"]


def test_no_panel_lies_over_another() -> None:
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    for place in places:
        assert place["x"] + place["w"] <= 24
    for one, other in itertools.combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above, (one, other)


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "holdfast.observe.shipped", *arguments],
        capture_output=True,
        text=True,
    )


def test_a_command_copies_the_files(tmp_path: Path) -> None:
    done = run(str(tmp_path / "new" / "folder"))
    assert (done.returncode, done.stderr) == (0, "")
    written = [Path(line) for line in done.stdout.splitlines()]
    assert [file.name for file in written] == ["holdfast-alerts.yml", "holdfast-grafana.json"]
    for name, file in zip(FILES, written, strict=True):
        assert file.read_text() == shipped(name).read_text(encoding="utf-8")


def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    assert run().returncode == run("a", "b").returncode == run("--x").returncode == 2
    assert run("--help").returncode == 0
    assert "usage: " in run().stderr
    assert "Copies holdfast-alerts.yml and holdfast-grafana.json into FOLDER." in run().stderr
    taken = tmp_path / "file"
    taken.touch()
    done = run(str(taken))
    assert (done.returncode, done.stderr) == (
        2,
        f"holdfast: {taken} is no folder: give another one\n",
    )
