"""The benchmark of rate limits runs; short runs show the large differences."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench.ratelimit", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )


def test_a_short_run(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    done = _bench("--seconds", "3", "--only", "told", "--json", str(file))
    assert done.returncode == 0, done.stderr
    report = json.loads(file.read_text())
    assert report["bench"] == "ratelimit"
    assert report["settings"] == {"rate": 25.0, "seconds": 3.0}
    rows = {row["client"]: row for row in report["rows"]}
    ours = rows["holdfast, told the rate"]
    assert 0.5 < ours["work_over_limit"] < 1.5
    assert ours["refused_share"] < 0.2
    installed = "aiolimiter, told the rate" in rows
    assert installed is not ("aiolimiter is not installed and left out" in done.stderr)


def test_who_retries_nothing_is_refused_most_of_the_time(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    done = _bench("--seconds", "3", "--only", "stripe, 0", "--json", str(file))
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(file.read_text())["rows"]
    assert row["refused_share"] > 0.2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--only", "nobody"], "no client's name has 'nobody' in it"),
        (["--rate", "0"], "argument --rate: invalid rate (1 or more) value: '0'"),
        (["--seconds", "0.1"], "argument --seconds: invalid duration (1 s or more) value: '0.1'"),
    ],
)
def test_bad_usage_is_told(arguments: list[str], sentence: str) -> None:
    done = _bench(*arguments)
    assert done.returncode == 2
    assert sentence in done.stderr
