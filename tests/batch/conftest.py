"""Files of requests, a sandbox to send them to, and `holdfast run` as a process."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import pytest

from holdfast import Policy
from holdfast.batch import Options, Remote, Summary, Workspace, run
from holdfast.cli import main
from holdfast.engine import Backoff
from holdfast.sandbox import Sandbox

KEY = "sk_test_planted4eC39HqLyjWDarj"


@pytest.fixture(autouse=True)
def in_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes to the current folder goes to the test's; no key comes from outside."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STRIPE_API_KEY", raising=False)


@pytest.fixture
def write_file(tmp_path: Path) -> Callable[[Iterable[object]], Path]:
    """Write a file of requests: a text is a line as it is, all else becomes JSON."""

    def write(lines: Iterable[object], name: str = "requests.jsonl") -> Path:
        path = tmp_path / name
        texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
        path.write_text("".join(f"{text}\n" for text in texts))
        return path

    return write


@pytest.fixture
def start() -> Iterator[Callable[..., Sandbox]]:
    """Start sandboxes, with the options of `Sandbox`; they are stopped when the test ends."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(Sandbox(**options))


@pytest.fixture
def seed(tmp_path: Path) -> Path:
    """A seed file of ten customers, `cus_batch0` to `cus_batch9`."""
    path = tmp_path / "seed.json"
    path.write_text(json.dumps({"objects": [customer(f"{number}") for number in range(10)]}))
    return path


@pytest.fixture
def box(start: Callable[..., Sandbox]) -> Sandbox:
    """A sandbox with two customers that holds locks for a moment only."""
    return start(hold=0.001, lock_wait=1.0, seed={"objects": [customer("1"), customer("2")]})


@pytest.fixture
def quick() -> Policy:
    """Retries without long waits, so that a test of a fault takes no seconds."""
    return Policy(
        max_retries=2,
        deadline=20.0,
        backoff=Backoff(0.01, 0.02),
        locked_backoff=Backoff(0.01, 0.05),
        key_in_use_backoff=Backoff(0.01, 0.05),
    )


@pytest.fixture
def batch(box: Sandbox, quick: Policy) -> Callable[..., Summary]:
    """Run a file against the sandbox, within this process."""

    def go(source: Path, *, workspace: Workspace | None = None, **options: Any) -> Summary:
        given = {"policy": quick, "concurrency": 4, **options}
        return run(source, Remote(KEY, box.url), workspace, Options(**given))

    return go


@pytest.fixture
def results() -> Callable[[], list[dict[str, Any]]]:
    """The results in the default workspace, in the order of the file."""

    def read() -> list[dict[str, Any]]:
        return [json.loads(line) for line in Workspace().results.read_text().splitlines()]

    return read


@pytest.fixture
def by_id(results: Callable[[], list[dict[str, Any]]]) -> Callable[[], dict[str, dict[str, Any]]]:
    """The results in the default workspace, by id."""

    def read() -> dict[str, dict[str, Any]]:
        found = results()
        assert len({result["id"] for result in found}) == len(found)
        return {result["id"]: result for result in found}

    return read


@pytest.fixture
def command() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start `holdfast run`; what still runs at the test's end is killed."""
    with ExitStack() as stack:

        def begin(*words: object, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [sys.executable, "-m", "holdfast", "run", *map(str, words)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, **(env or {})},
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield begin


@pytest.fixture
def completed(
    command: Callable[..., subprocess.Popen[str]],
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `holdfast run` to its end."""

    def go(*words: object, env: Mapping[str, str] | None = None) -> Any:
        process = command(*words, env=env)
        out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    return go


@pytest.fixture
def refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `holdfast run` within this process: for what ends before anything is sent."""

    def go(*words: object, env: Mapping[str, str] | None = None) -> Any:
        for name, value in (env or {}).items():
            monkeypatch.setenv(name, value)
        arguments = ["run", *map(str, words)]
        try:
            code: object = main(arguments)
        except SystemExit as ended:
            code = ended.code
        out, err = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, cast("int", code), out, err)

    return go


def customer(number: str) -> dict[str, Any]:
    """A customer as a seed has it."""
    return {
        "id": f"cus_batch{number}",
        "object": "customer",
        "balance": 0,
        "description": None,
        "email": None,
        "invoice_settings": {"default_payment_method": None},
        "metadata": {},
        "name": None,
    }
