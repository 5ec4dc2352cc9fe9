"""The benchmark of overhead runs, with whichever peers are installed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHORT = ["--rounds", "3", "--calls", "300"]
WITH_A_PEER_NOBODY_HAS = """
import sys
from bench import overhead
overhead.LAYERS.append(overhead.Layer("ghost", "no-such-package", "sync", lambda: overhead.answer))
sys.exit(overhead.main(sys.argv[1:]))
"""


def _python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return _python("-m", "bench.overhead", *arguments)


def test_a_short_run(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    done = _bench(*SHORT, "--json", str(file))
    assert done.returncode == 0, done.stderr
    told = json.loads(file.read_text())
    assert told["bench"] == "overhead"
    assert "holdfast" in told["versions"]
    cost = {(row["client"], row["mode"], row["parts"]): row["us"] for row in told["rows"]}
    assert len(cost) == len(told["rows"])
    for mode in ("sync", "async"):
        nothing, bare = cost["no layer", mode, "bare"], cost["holdfast", mode, "bare"]
        assert 0 < nothing < bare < cost["holdfast", mode, "all"]
        for peer in ("tenacity", "stamina", "redress", "pyresilience", "backoff"):
            installed = (peer, mode, "bare") in cost
            assert installed is (peer in told["versions"])
            assert installed is not (f"{peer} is not installed" in done.stderr)
            assert not installed or cost[peer, mode, "bare"] > nothing


def test_a_peer_that_is_not_installed_is_left_out() -> None:
    done = _python("-c", WITH_A_PEER_NOBODY_HAS, *SHORT)
    assert done.returncode == 0, done.stderr
    assert "no-such-package is not installed and left out (make bench-setup)" in done.stderr
    assert "ghost" not in done.stdout


def test_nothing_but_absent_peers_is_a_failure() -> None:
    done = _python("-c", WITH_A_PEER_NOBODY_HAS, "--only", "ghost")
    assert done.returncode == 1
    assert "nothing is left to measure" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--only", "nobody"], "no client's name has 'nobody' in it"),
        (["--rounds", "0"], "argument --rounds: invalid number (1 or more) value: '0'"),
        (["--calls", "many"], "argument --calls: invalid number (1 or more) value: 'many'"),
    ],
)
def test_bad_usage_is_told(arguments: list[str], sentence: str) -> None:
    done = _bench(*arguments)
    assert done.returncode == 2
    assert sentence in done.stderr
