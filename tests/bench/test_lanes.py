"""The benchmark of lanes runs, and its figures are what the design allows."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench.lanes", *arguments]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


def test_a_short_run(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    size = ["--rounds", "3", "--calls", "500", "--waiting", "1000", "--threads", "50"]
    done = _bench(*size, "--objects", "150000", "--json", str(file))
    assert done.returncode == 0, done.stderr
    told = json.loads(file.read_text())
    assert told["bench"] == "lanes"
    assert all(row["client"] == "holdfast" for row in told["rows"])
    figures = {(row["what"], row["unit"]): row["value"] for row in told["rows"]}
    for where in ("thread", "task"):
        assert 100 < figures[f"a waiting call, {where}", "bytes"] <= 1024
    # Of 135,000 objects, not even a byte or a block in a hundred is left.
    assert figures["150000 objects later", "bytes"] < 135_000
    assert figures["150000 objects later", "blocks"] < 1_350
    assert figures["a free lane beside 1000 waiting", "ratio"] < 3


@pytest.mark.parametrize("option", ["--objects", "--waiting"])
def test_bad_usage_is_told(option: str) -> None:
    done = _bench(option, "0")
    assert done.returncode == 2
    assert f"argument {option}: invalid number (1 or more)" in done.stderr
