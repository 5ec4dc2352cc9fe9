"""`holdfast report`: what it writes, what it refuses, and its exit codes."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from endings import exchange, line

from holdfast.batch import Remote, Workspace, run
from holdfast.sandbox import Sandbox

Command = Callable[..., tuple[int, str, str]]
Write = Callable[..., Path]


def test_without_an_option_there_is_the_summary_only(results: Write, command: Command) -> None:
    path = results([line("r-1")])
    before = sorted(path.parent.iterdir())
    code, out, said = command(path)
    assert (code, said) == (0, "")
    assert "What ran" in out
    assert sorted(path.parent.iterdir()) == before


def test_without_a_file_it_is_the_run_of_this_folder(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command() == (
        2,
        "",
        "holdfast report: holdfast-run/journal.sqlite cannot be read: No such file or directory\n",
    )


def test_a_run_right_after_json_is_what_is_read(results: Write, command: Command) -> None:
    path = results([line("r-1")])
    before = path.read_bytes()
    code, out, said = command("--json", path)
    assert (code, said) == (0, "")
    assert json.loads(out)["requests"]["ended"] == 1
    assert path.read_bytes() == before


def test_the_page_is_written_for_its_owner_and_its_size_is_said(
    results: Write, command: Command, tmp_path: Path
) -> None:
    out = tmp_path / "report.html"
    code, summary, said = command(results([line("r-1")]), "--out", out)
    assert code == 0
    assert "What ran" in summary
    assert said.startswith(f"written: {out} (")
    assert out.read_text().startswith("<!doctype html>")
    assert out.stat().st_mode & 0o077 == 0
    assert command(results([line("r-1"), line("r-2")]), "--out", out)[0] == 0
    assert "All 2 requests" in out.read_text()


def test_json_has_the_figures_and_every_request_that_is_not_ok(
    results: Write, command: Command, tmp_path: Path
) -> None:
    failed = line(
        "r-2",
        status="unsure",
        stop_reason="attempts",
        exchanges=[exchange(0, 0.1, "locked", 429), exchange(0.5, 0.1, "interrupted", None, None)],
        waits={"backoff": 0.4},
    )
    path = results([line("r-1"), failed])
    code, out, _ = command(path, "--json")
    told = json.loads(out)
    assert code == 0
    assert told["requests"] == {
        "total": None,
        "ended": 2,
        "left": None,
        "ok": 1,
        "failed": 0,
        "unsure": 1,
        "replaced": 0,
    }
    assert told["retries"] == {"locked": 1}
    assert told["time"]["backoff"] == 0.4
    assert told["durations"]["request"]["max"] == pytest.approx(0.6)
    [group] = told["not_ok"]
    [request] = group["requests"]
    assert (request["id"], len(request["exchanges"])) == ("r-2", 2)
    assert request["retry"] == "holdfast run --retry JOURNAL --only=r-2"
    assert request["reconcile"]
    code, out, _ = command(path, "--json", tmp_path / "out.json")
    assert (code, "What ran" in out) == (0, True)
    assert json.loads((tmp_path / "out.json").read_text()) == told


def test_what_belongs_to_a_run_is_never_overwritten(
    results: Write, command: Command, tmp_path: Path
) -> None:
    path = results([line("r-1")])
    other = results([line("r-2")], "other.jsonl")
    source = tmp_path / "requests.jsonl"
    source.write_text('{"id":"r","method":"GET","path":"/v1/customers"}\n')
    workspace = Workspace(tmp_path / "journal.sqlite", tmp_path / "run.jsonl")
    with Sandbox() as box:
        run(source, Remote("sk_test_planted", box.url), workspace)
    for target in (path, other, workspace.journal, workspace.results):
        before = target.read_bytes()
        for option in ("--out", "--csv", "--json"):
            code, _, said = command(path, option, target)
            assert code == 2
            assert said.startswith(f"holdfast report: {target} ")
            assert target.read_bytes() == before


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (lambda folder: folder, "it is no file"),
        (lambda folder: folder / "none" / "x.html", "does not exist"),
        (lambda _: Path(os.devnull), "it is no file"),
    ],
)
def test_an_output_that_cannot_be_is_refused_with_a_sentence(
    results: Write, command: Command, tmp_path: Path, make: Callable[[Path], Path], part: str
) -> None:
    code, _, said = command(results([line()]), "--out", make(tmp_path))
    assert code == 2
    assert part in said


def test_two_outputs_are_two_files(results: Write, command: Command, tmp_path: Path) -> None:
    out = tmp_path / "x"
    code, _, said = command(results([line()]), "--out", out, "--csv", out)
    assert (code, "another output" in said) == (2, True)
    assert not out.exists()


def test_a_failure_while_writing_leaves_what_was_there(
    results: Write, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "report.html"
    out.write_text("what was there")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    code, _, said = command(results([line()]), "--out", out)
    assert code == 1
    assert said == f"holdfast report: {out} cannot be written: No space left on device\n"
    assert out.read_text() == "what was there"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["report.html", "results.jsonl"]


def test_what_is_no_run_is_refused(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # without the run of the folder that the tests are started in
    code, out, said = command(tmp_path / "none.sqlite")
    assert (code, out) == (2, "")
    assert "cannot be read" in said
    assert command()[0] == 2


def test_secrets_in_results_reach_no_output(
    results: Write, command: Command, tmp_path: Path
) -> None:
    secret = "sk_live_4eC39HqLyjWDarjtT1zdp7dc"
    leaking = line(
        "r-1",
        status="failed",
        stop_reason="rejected",
        path=f"/v1/customers/{secret}",
        objects=[secret],
        exchanges=[exchange(0.0, 1.0, "rejected", 401, secret, secret)],
        error={"type": secret, "code": secret, "message": f"Invalid API Key provided: {secret}"},
        reason=secret,
    )
    outputs = {name: tmp_path / f"out.{name}" for name in ("out", "csv", "json")}
    words = [word for name, path in outputs.items() for word in (f"--{name}", path)]
    code, out, said = command(results([leaking]), *words)
    assert code == 0
    for text in (out, said, *(path.read_text() for path in outputs.values())):
        assert "4eC39HqLyjWDarj" not in text
