"""The benchmark of contention runs, and its figures mean what they say."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.contention import Settings, _traced_share

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
    assert len(rows) == 7
    for row in rows.values():
        assert row["ok"] + row["lost"] == 32
        assert 0 < row["work_over_limit"] <= 1
        assert row["client"] in done.stdout
    ours = rows["holdfast"]
    assert ours["lost"] == 0
    wide = rows["holdfast adaptive"]
    assert wide["lost"] == 0
    # Without any retry, a locked object means a lost update; with lanes nobody collides.
    assert rows["stripe, 0 retries"]["lost"] > 0
    assert ours["attempts_per_call"] < rows["stripe, 3 retries"]["attempts_per_call"]


def test_a_skewed_run_is_bounded_by_its_busiest_object(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    size = ["--workers", "16", "--calls", "64", "--objects", "4", "--skew", "2", "--hold", "0.01"]
    done = _bench(*size, "--only", "adaptive", "--json", str(file))
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(file.read_text())["rows"]
    assert (row["ok"], row["lost"]) == (64, 0)
    # Two thirds of the calls are for one object; counted over all four it would be under 0.4.
    assert 0.4 < row["work_over_limit"] <= 1


def test_with_a_skew_the_first_objects_are_the_likely_ones() -> None:
    targets = Settings(64, 10, 10_000, 0.02, 0.1, skew=1.2).targets()
    share = [targets.count(n) / 10_000 for n in range(10)]
    assert share[0] == pytest.approx(0.405, abs=0.02)  # 1 / sum of 1 / n^1.2
    assert share[1] / share[0] == pytest.approx(2**-1.2, abs=0.05)
    assert sorted(Settings(64, 3, 9, 0.02, 0.1).targets()) == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def _event(claim: int, what: str, at: float, name: str, request: str | None) -> dict[str, object]:
    return {"claim": claim, "event": what, "at": at, "object": name, "request_id": request}


def test_the_share_of_a_trace_is_that_of_the_busiest_object() -> None:
    events = [
        _event(1, "claimed", 10.0, "cus_1", "req_1"),
        _event(1, "granted", 10.0, "cus_1", "req_1"),
        _event(2, "granted", 10.0, "cus_2", "req_2"),
        _event(2, "released", 11.0, "cus_2", "req_2"),
        _event(1, "released", 13.0, "cus_1", "req_1"),
        _event(3, "granted", 13.0, "cus_1", None),
        _event(3, "released", 15.0, "cus_1", None),
        _event(4, "timed_out", 15.0, "cus_1", "req_4"),
        _event(5, "granted", 16.0, "cus_1", "req_5"),
        _event(5, "released", 18.0, "cus_1", "req_5"),
        _event(6, "released", 18.0, "cus_1", "req_6"),
    ]
    # 5 of the 8 seconds that the other process left.
    assert _traced_share(events, 10.0) == pytest.approx(5 / 8)
    assert _traced_share([], 10.0) == 0.0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--only", "nobody"], "no client's name has 'nobody' in it"),
        (["--workers", "many"], "argument --workers: invalid number (1 or more) value: 'many'"),
        (["--hold", "long"], "argument --hold: invalid duration (20ms, 0.02) value: 'long'"),
        (["--skew", "6"], "argument --skew: invalid number (0 to 5) value: '6'"),
        (["--background", "1"], "argument --background: invalid number (0 to 0.9) value: '1'"),
        (["--workers", "0"], "argument --workers: invalid number (1 or more)"),
    ],
)
def test_bad_usage_is_told(arguments: list[str], sentence: str) -> None:
    done = _bench(*arguments)
    assert done.returncode == 2
    assert sentence in done.stderr
