"""The benchmark of an outage: it runs, and its figures are those of the policies."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench.outage", *arguments]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


def _rows(file: Path, *arguments: str) -> dict[str, float]:
    done = _bench(*arguments, "--json", str(file))
    assert done.returncode == 0, done.stderr
    told = json.loads(file.read_text())
    assert told["bench"] == "outage"
    rows = {row["client"]: row["sent_over_offered"] for row in told["rows"]}
    assert all(client in done.stdout for client in rows)
    return rows


def test_a_minute_of_outage_is_not_amplified(tmp_path: Path) -> None:
    rows = _rows(tmp_path / "rows.json")
    assert rows["3 retries, no budget"] == 4.0
    # A fifth of the traffic, what was saved up before, and no more.
    assert 1.1 < rows["holdfast"] <= 1.25
    for client, ratio in rows.items():
        assert ratio >= 1.0, client
        assert ratio == int(ratio) or client == "holdfast", client


def test_little_traffic_may_retry_by_the_second(tmp_path: Path) -> None:
    rows = _rows(tmp_path / "rows.json", "--rate", "2", "--seconds", "20")
    assert rows["holdfast"] == rows["3 retries, no budget"] == 4.0


def test_the_same_seed_gives_the_same_figures(tmp_path: Path) -> None:
    size = ["--seconds", "5", "--rate", "100", "--answer-after", "20ms"]
    one = _rows(tmp_path / "one.json", *size, "--seed", "7")
    assert one == _rows(tmp_path / "two.json", *size, "--seed", "7")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--rate", "0"], "argument --rate: invalid rate (above 0) value: '0'"),
        (["--seconds", "long"], "invalid duration (50ms, 60) value: 'long'"),
        (["--rate", "0.1", "--seconds", "1"], "make less than one call"),
    ],
)
def test_bad_usage_is_told(arguments: list[str], sentence: str) -> None:
    done = _bench(*arguments)
    assert done.returncode == 2
    assert sentence in done.stderr
