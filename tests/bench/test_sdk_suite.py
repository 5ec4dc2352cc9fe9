"""The benchmark that runs the official package's tests, on a small suite in their place."""

import hashlib
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from bench import sdk_environment
from bench.sdk_suite import INTERNET, read_counts

ROOT = Path(__file__).parents[2]
TESTS = """
import os
from urllib.request import Request, urlopen
import pytest

URL = f"http://{os.environ['STRIPE_MOCK_HOST']}:{os.environ['STRIPE_MOCK_PORT']}"

def test_the_sandbox_is_lenient():
    asked = Request(URL + "/v1/customers/cus_123", headers={"Authorization": "Bearer sk_test_123"})
    with urlopen(asked) as answer:
        assert b'"cus_123"' in answer.read()

@pytest.mark.skip("not now")
def test_skipped():
    pass
"""
LEFT_OUT = """
class TestLiveHTTPClients:
    def test_a(self):
        raise AssertionError("this needs the Internet")
    def test_b(self):
        raise AssertionError("this needs the Internet")
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """An unpacked source distribution with three kinds of tests."""
    root = tmp_path / "stripe-16.1.0"
    (root / "tests").mkdir(parents=True)
    (root / "pyproject.toml").write_text('[tool.pytest.ini_options]\ntestpaths = "tests"\n')
    (root / "tests" / "test_api.py").write_text(TESTS)
    (root / "tests" / "test_http_client.py").write_text(LEFT_OUT)
    return root


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench.sdk_suite", "--python", sys.executable, *arguments]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


def test_it_counts_and_says_what_it_left_out(suite: Path, tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    done = bench("--suite", str(suite), "--cache", str(tmp_path), "--json", str(file))
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(file.read_text())["rows"]
    assert row["server"].startswith("holdfast")
    assert row["suite"] == "stripe-python 16.1.0"
    counts = [row[name] for name in ("passed", "failed", "skipped", "deselected")]
    assert counts == [1, 0, 1, 2]
    (name,) = INTERNET
    assert f"deselected: {name} (2 tests): asks api.stripe.com over TLS" in done.stdout


def test_a_failure_is_named_and_is_the_exit_code(suite: Path, tmp_path: Path) -> None:
    (suite / "tests" / "test_more.py").write_text("def test_wrong():\n    assert 1 == 2\n")
    done = bench("--suite", str(suite), "--cache", str(tmp_path))
    assert done.returncode == 1
    assert "failed: tests.test_more.test_wrong" in done.stdout


def test_a_suite_that_cannot_run_is_told(tmp_path: Path) -> None:
    done = bench("--suite", str(tmp_path / "none"), "--cache", str(tmp_path))
    assert done.returncode == 1
    assert "bench.sdk_suite:" in done.stderr


def test_errors_of_fixtures_count_as_failures(tmp_path: Path) -> None:
    file = tmp_path / "results.xml"
    cases = '<testcase classname="a" name="b"><{}/></testcase>'
    parts = "".join(cases.format(tag) for tag in ("error", "failure", "skipped", "properties"))
    file.write_text(f"<testsuites><testsuite>{parts}</testsuite></testsuites>")
    counts = read_counts(file)
    assert (counts.passed, counts.failed, counts.skipped) == (1, ("a.b", "a.b"), 1)


def test_another_archive_than_the_known_one_is_refused(tmp_path: Path, suite: Path) -> None:
    archive = tmp_path / "packed" / "stripe-16.1.0.tar.gz"
    archive.parent.mkdir()
    with tarfile.open(archive, "w:gz") as content:
        content.add(suite, "stripe-16.1.0")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    unpacked = sdk_environment.unpacked(archive, digest)
    assert (unpacked / "tests" / "test_api.py").read_text() == TESTS
    with pytest.raises(sdk_environment.SetupError, match="delete it"):
        sdk_environment.unpacked(archive, "0" * 64)
