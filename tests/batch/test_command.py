"""`holdfast run` as people use it: a process, its output and its exit code."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from batches import create, update, wait_for_results

from holdfast.batch import Workspace
from holdfast.batch.target import SANDBOX_KEY
from holdfast.sandbox import Sandbox

WriteFile = Callable[..., Path]
Completed = Callable[..., subprocess.CompletedProcess[str]]
Command = Callable[..., subprocess.Popen[str]]
ById = Callable[[], dict[str, dict[str, Any]]]

KEY = "sk_test_planted4eC39HqLyjWDarj"


def test_a_run_against_a_sandbox_of_its_own(write_file: WriteFile, completed: Completed) -> None:
    done = completed(write_file([create(f"{n}") for n in range(30)]), "--sandbox", "--json")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "30 of 30 requests done: 30 ok, 0 failed, 0 unsure"
    assert any("holdfast-run/results.jsonl" in line for line in lines)
    figures = json.loads(lines[-1])
    assert figures["ok"] == 30
    assert figures["attempts_per_request"] == 1.0
    folder = Workspace().journal.parent
    assert (folder / ".gitignore").read_text() == "*\n"
    with Sandbox(store=Workspace().store) as box:
        assert len(box.ledger()) == 30


def test_the_same_command_again_has_nothing_to_do(
    write_file: WriteFile, completed: Completed
) -> None:
    source = write_file([create("a")])
    assert completed(source, "--sandbox").returncode == 0
    again = completed(source, "--sandbox")
    assert again.returncode == 0
    assert again.stdout.startswith(
        f"nothing is left to do for {source}: --fresh would start anew\n"
    )
    assert "1 of 1 requests done" in again.stdout
    fresh = completed(source, "--sandbox", "--fresh")
    assert fresh.returncode == 0
    assert "nothing is left" not in fresh.stdout
    with Sandbox(store=Workspace().store) as box:
        assert len(box.ledger()) == 1


def test_failures_are_listed_and_give_1(write_file: WriteFile, completed: Completed) -> None:
    lines = [
        {"id": f"no-{n}", "method": "GET", "path": f"/v1/customers/cus_no{n}"} for n in range(12)
    ]
    source = write_file([create("a"), *lines])
    done = completed(source, "--sandbox")
    assert done.returncode == 1
    assert "13 of 13 requests done: 1 ok, 12 failed, 0 unsure" in done.stdout
    assert len(re.findall(r"no-\d+: failed, HTTP 404, No such customer", done.stdout)) == 10
    assert "... and 2 more" in done.stdout
    again = completed(source, "--sandbox")
    assert again.returncode == 1
    assert "nothing is left to do" in again.stdout


def test_bad_lines_give_2_and_leave_nothing(write_file: WriteFile, refused: Completed) -> None:
    source = write_file([create("a"), "{", create("a"), {**create("b"), "method": "PUT"}])
    done = refused(source, "--sandbox", "--json")
    assert done.returncode == 2
    assert done.stdout == ""
    told = done.stderr.splitlines()
    assert [line.removeprefix(f"{source}:").split(":")[0] for line in told[:3]] == ["2", "3", "4"]
    assert told[3] == f"holdfast run: {source} has 3 problems; nothing was sent"
    assert not Workspace().store.exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "no API key: set STRIPE_API_KEY, or give --key-file"),
        (["--api-base", "http://127.0.0.1:9"], "no API key"),
        (["--sandbox", "--api-base", "http://x"], "not allowed with"),
        (["--sandbox", "--deadline", "soon"], "'soon' is no duration"),
        (["--sandbox", "--deadline", "0"], "deadline is 0.0: it must be"),
        (["--sandbox", "--lock-wait", "soon"], "--lock-wait: 'soon' is no duration"),
        (["--sandbox", "--hold", "list:none"], "--hold: 'list:none': none cannot be read"),
        (["--sandbox", "--max-retries", "-1"], "max_retries is -1"),
        (["--sandbox", "--concurrency", "0"], "the concurrency is 0"),
        (["--key-file", "nothing"], "the key file nothing cannot be read"),
        (["--sandbox", "--journal", "folder/"], "cannot be opened"),
    ],
)
def test_what_cannot_be_done_gives_2_and_a_sentence(
    write_file: WriteFile, refused: Completed, words: list[str], sentence: str
) -> None:
    Path("folder").mkdir()
    done = refused(write_file([create("a")]), *words)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("option", ["--seed", "--lock-wait", "--hold"])
def test_the_sandboxs_options_need_the_sandbox(
    write_file: WriteFile, refused: Completed, option: str
) -> None:
    done = refused(write_file([create("a")]), option, "1", env={"STRIPE_API_KEY": KEY})
    assert done.returncode == 2
    assert f"{option} is for the sandbox" in done.stderr


def test_a_seed_that_is_no_good_gives_2(
    write_file: WriteFile, completed: Completed, tmp_path: Path
) -> None:
    bad = tmp_path / "seed.json"
    bad.write_text("{}")
    source = write_file([create("a")])
    done = completed(source, "--sandbox", "--seed", bad)
    assert done.returncode == 2
    assert "objects is missing" in done.stderr
    assert "the embedded sandbox did not start" in done.stderr
    missing = completed(source, "--sandbox", "--seed", "nowhere", "--fresh")
    assert missing.returncode == 2
    assert "the seed nowhere cannot be read" in missing.stderr


def test_a_missing_package_is_named(write_file: WriteFile, tmp_path: Path) -> None:
    source = write_file([create("a")])
    program = (
        "import sys; sys.modules['stripe'] = None\n"
        "from holdfast.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "run", str(source), "--sandbox"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "needs the package 'stripe': pip install 'holdfast[cli]'" in done.stderr
    assert not Workspace().journal.exists()


@pytest.mark.parametrize("way", ["variable", "file"])
def test_the_key_is_nowhere(
    write_file: WriteFile, completed: Completed, box: Sandbox, tmp_path: Path, way: str
) -> None:
    """Not in a file, not in what is printed, not in the process's words."""
    lines: list[object] = [create(f"{n}") for n in range(5)]
    lines += [{"id": "no", "method": "GET", "path": "/v1/customers/cus_no"}]
    lines += [{"id": "pay", "method": "POST", "path": "/v1/payment_intents"}]
    box.fault("POST", "/v1/payment_intents", "reset_before", count=1)
    source = write_file(lines)
    key_file = tmp_path.parent / f"{tmp_path.name}.key"
    key_file.write_text(f"{KEY}\n")
    words: list[object] = [source, "--api-base", box.url, "--json"]
    env = {"STRIPE_API_KEY": KEY if way == "variable" else "sk_test_other"}
    if way == "file":
        words += ["--key-file", key_file]
    done = completed(*words, env=env)
    assert done.returncode == 1
    assert box.stats()["requests"] == 8
    assert KEY not in done.stdout + done.stderr
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"journal.sqlite", "results.jsonl"} <= {path.name for path in files}
    for path in files:
        content = path.read_bytes()
        assert KEY.encode() not in content, path
        assert b"_secret_" not in content, path


def test_a_wrong_key_is_not_shown(
    write_file: WriteFile, completed: Completed, box: Sandbox, tmp_path: Path
) -> None:
    wrong = "planted4eC39HqLyjWDarj"
    done = completed(
        write_file([create("a")]), "--api-base", box.url, env={"STRIPE_API_KEY": wrong}
    )
    assert done.returncode == 1
    assert "HTTP 401" in done.stdout
    assert wrong not in done.stdout + done.stderr + Workspace().results.read_text()
    for bad in (f"{wrong} x", f"{wrong}\u00e9"):
        refused = completed(
            write_file([create("a")]), "--api-base", box.url, env={"STRIPE_API_KEY": bad}
        )
        assert refused.returncode == 2
        assert "the API key is empty, or has spaces" in refused.stderr
        assert wrong not in refused.stderr


def test_the_environments_key_does_not_reach_the_sandboxs_process(
    write_file: WriteFile, command: Command, seed: Path
) -> None:
    source = write_file([update(f"{n}") for n in range(100)])
    process = command(source, "--sandbox", "--seed", seed, env={"STRIPE_API_KEY": KEY})
    wait_for_results(process, 1)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if not children.exists():
        pytest.skip("the system does not list a process's children")
    child = Path(f"/proc/{children.read_text().split()[0]}")
    assert b"holdfast" in (child / "cmdline").read_bytes()
    assert KEY.encode() not in (child / "environ").read_bytes() + (child / "cmdline").read_bytes()


def test_the_built_in_key_is_a_test_key() -> None:
    assert SANDBOX_KEY.startswith("sk_test_")


def test_the_help_explains_itself(refused: Completed) -> None:
    done = refused("--help")
    assert done.returncode == 0
    for word in ("--sandbox", "--key-file", "STRIPE_API_KEY", "--fresh", "Exit code"):
        assert word in done.stdout


def test_a_retry_in_the_sandbox_of_the_run(
    write_file: WriteFile, completed: Completed, seed: Path
) -> None:
    lines = [update("a"), {**update("b"), "path": "/v1/customers/cus_none"}]
    done = completed(write_file(lines), "--sandbox", "--seed", seed)
    assert done.returncode == 1
    assert "to retry  holdfast run --retry holdfast-run/journal.sqlite --sandbox" in done.stdout
    words = ["--retry", Workspace().journal, "--sandbox"]
    again = completed(*words, "--json")
    assert again.returncode == 1
    assert json.loads(again.stdout.splitlines()[-1])["total"] == 1
    assert "b: failed, HTTP 404" in again.stdout
    journals = "holdfast-run/journal.sqlite holdfast-run/retry-1.sqlite"
    assert f"report    holdfast report {journals} --out report.html" in again.stdout
    assert Path("holdfast-run/retry-1.jsonl").exists()
    ok = completed(*words, "--only", "a")
    assert ok.returncode == 2
    assert ok.stderr.startswith('holdfast run: the request "a" needs no retry: it is ok')
    Workspace().store.unlink()
    gone = completed(*words)
    assert gone.returncode == 2
    assert "journal.sqlite.sandbox is gone" in gone.stderr


def test_a_retry_with_nothing_to_do(write_file: WriteFile, completed: Completed) -> None:
    assert completed(write_file([create("a")]), "--sandbox").returncode == 0
    done = completed("--retry", Workspace().journal, "--sandbox")
    assert done.returncode == 0
    assert done.stdout == (
        "nothing is to be retried: no request in holdfast-run/journal.sqlite failed or is unsure\n"
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "give either a FILE of requests, or --retry JOURNAL"),
        (["file", "--retry", "j"], "give either a FILE of requests, or --retry JOURNAL"),
        (["file", "--only", "a"], "--only is for a retry"),
        (["--retry", "none", "--sandbox"], "the journal none does not exist"),
        (["--retry", "j", "--fresh"], "--fresh is not for --retry: it would forget"),
        (["--retry", "j", "--journal", "k"], "--journal is not for --retry: its journal is beside"),
        (["--retry", "j", "--sandbox", "--seed", "s"], "--seed is not for --retry"),
    ],
)
def test_options_of_a_retry_that_do_not_go_together(
    refused: Completed, words: list[str], sentence: str
) -> None:
    done = refused(*words, env={"STRIPE_API_KEY": KEY})
    assert done.returncode == 2
    assert done.stderr.startswith(f"holdfast run: {sentence}")
    assert done.stderr.count("\n") == 1
    assert not Path("holdfast-run").exists()
