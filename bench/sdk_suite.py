"""The official Python package's own tests, run against a lenient sandbox.

They are fetched with the package's source distribution, and get an environment of their own; both
stay in the user's cache folder. Most of them check what the package sends, so that they are a gate
for compatibility and no proof of behaviour.
"""

import argparse
import json
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import report, sdk_environment
from bench.sdk_environment import SetupError

INTERNET = {
    "tests/test_http_client.py::TestLiveHTTPClients": "asks api.stripe.com over TLS",
}
"""Tests that are left out because they need the Internet, with what they need it for."""
_SHARED = ("STRIPE_", "PYTHON", "PYTEST_", "COVERAGE_")
"""Beginnings of variables that would change what the tests do."""
_ENDED_WELL = {0, 1}
"""Exit codes of pytest for: all passed, some failed."""


@dataclass(frozen=True)
class Counts:
    """How the tests ended.

    Attributes:
        passed: how many did.
        failed: names of those that failed, or could not run.
        skipped: how many left themselves out.
    """

    passed: int
    failed: tuple[str, ...]
    skipped: int


def main(arguments: list[str] | None = None) -> int:
    """Run the tests, print how they ended and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.sdk_suite", description=__doc__)
    option = parser.add_argument
    option("--cache", type=Path, metavar="DIR", help="where tests and environment are kept")
    option("--suite", type=Path, metavar="DIR", help="an unpacked source distribution to use")
    option("--python", type=Path, metavar="FILE", help="an interpreter that has what it needs")
    option("--json", type=Path, metavar="FILE", help="write the rows to FILE, too")
    given = parser.parse_args(arguments)
    folder = given.cache or sdk_environment.default_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        python = given.python or sdk_environment.interpreter(folder)
        suite = given.suite or sdk_environment.suite(folder, python)
        with _sandbox() as port:
            left_out = _left_out(python, suite, port)
            begun = time.monotonic()
            counts = _run(python, suite, port)
            seconds = time.monotonic() - begun
    except (OSError, SetupError) as error:
        print(f"bench.sdk_suite: {error}", file=sys.stderr)
        return 1
    row = {
        "server": "holdfast sandbox --lenient",
        "suite": f"stripe-python {_version(suite)}",
        "passed": counts.passed,
        "failed": len(counts.failed),
        "skipped": counts.skipped,
        "deselected": sum(len(names) for names in left_out.values()),
        "seconds": round(seconds, 1),
    }
    report.show([row])
    _explain(left_out, counts.failed)
    if given.json:
        told = {"deselected": {name: INTERNET[name] for name in left_out}}
        report.write(given.json, "sdk_suite", ["holdfast"], told, [row])
    return 1 if counts.failed or not counts.passed else 0


def read_counts(file: Path) -> Counts:
    """Read a report in JUnit's form."""
    passed, skipped, failed = 0, 0, []
    for case in ET.parse(file).getroot().iter("testcase"):  # noqa: S314 - our own pytest wrote it
        ends = {child.tag for child in case}
        if ends & {"failure", "error"}:
            failed.append(f"{case.get('classname')}.{case.get('name')}")
        elif "skipped" in ends:
            skipped += 1
        else:
            passed += 1
    return Counts(passed, tuple(failed), skipped)


@contextmanager
def _sandbox() -> Iterator[int]:
    """A sandbox in a process of its own; yields its port."""
    command = [
        *(sys.executable, "-m", "holdfast", "sandbox", "--lenient", "--port", "0"),
        # Tests share ids and run side by side; none of them is about locks.
        *("--lock-wait", "60s", "--hold", "0", "--ready-json", "--exit-with-parent"),
    ]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            line = process.stdout.readline() if process.stdout is not None else ""
            if not line:
                raise SetupError("the sandbox did not start")
            yield int(json.loads(line)["url"].rpartition(":")[2])
        finally:
            process.terminate()


def _run(python: Path, suite: Path, port: int) -> Counts:
    with TemporaryDirectory() as folder:
        results = Path(folder) / "results.xml"
        options = [f"--deselect={name}" for name in INTERNET]
        done = _pytest(python, suite, port, "-q", f"--junitxml={results}", *options, "tests")
        if done.returncode not in _ENDED_WELL or not results.exists():
            raise SetupError(f"the tests did not run: {(done.stdout + done.stderr)[-2000:]}")
        return read_counts(results)


def _left_out(python: Path, suite: Path, port: int) -> dict[str, list[str]]:
    """The tests behind each name that is left out."""
    found = {}
    for name in INTERNET:
        done = _pytest(python, suite, port, "--collect-only", "-q", "-o", "addopts=", name)
        found[name] = [line for line in done.stdout.splitlines() if line.startswith(name)]
    return found


def _pytest(
    python: Path, suite: Path, port: int, *options: str
) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_SHARED)}
    where = {"STRIPE_MOCK_HOST": "127.0.0.1", "STRIPE_MOCK_PORT": str(port)}
    command = [str(python), "-m", "pytest", "-p", "no:cacheprovider", *options]
    return subprocess.run(
        command, cwd=suite, env=kept | where, capture_output=True, text=True, check=False
    )


def _version(suite: Path) -> str:
    return suite.resolve().name.rpartition("-")[2]


def _explain(left_out: dict[str, list[str]], failed: tuple[str, ...]) -> None:
    for name, tests in left_out.items():
        print(f"deselected: {name} ({len(tests)} tests): {INTERNET[name]}")
    for name in failed:
        print(f"failed: {name}")


if __name__ == "__main__":
    sys.exit(main())
