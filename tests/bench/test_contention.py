"""The benchmark of contention runs, and its figures mean what they say."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench.contention", *arguments]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


def test_a_short_run_of_every_client(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    size = ["--workers", "8", "--calls", "32", "--objects", "2"]
    done = _bench(*size, "--hold", "0.01", "--lock-wait", "0.02", "--json", str(file))
    assert done.returncode == 0, done.stderr
    told = json.loads(file.read_text())
    assert told["bench"] == "contention"
    assert {"processor", "cores", "python"} <= set(told["machine"])
    rows = {row["client"]: row for row in told["rows"]}
    assert len(rows) == 6
    for row in rows.values():
        assert row["ok"] + row["lost"] == 32
        assert 0 < row["work_over_limit"] <= 1
        assert row["client"] in done.stdout
    ours = rows["holdfast"]
    assert ours["lost"] == 0
    # Without any retry, a locked object means a lost update; with lanes nobody collides.
    assert rows["stripe, 0 retries"]["lost"] > 0
    assert ours["attempts_per_call"] < rows["stripe, 3 retries"]["attempts_per_call"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--only", "nobody"], "no client's name has 'nobody' in it"),
        (["--workers", "many"], "argument --workers: invalid number (1 or more) value: 'many'"),
        (["--hold", "long"], "argument --hold: invalid duration (20ms, 0.02) value: 'long'"),
        (["--workers", "0"], "argument --workers: invalid number (1 or more)"),
    ],
)
def test_bad_usage_is_told(arguments: list[str], sentence: str) -> None:
    done = _bench(*arguments)
    assert done.returncode == 2
    assert sentence in done.stderr
