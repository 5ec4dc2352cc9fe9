"""From files to figures: results alone, journals, a run and its retries, a run that was killed."""

import json
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from endings import BEGAN_AT, exchange, line, lines, old_line

from holdfast import Policy
from holdfast.batch import Options, Remote, Status, Workspace, retry, run
from holdfast.report import Report, ReportUsageError, read_report
from holdfast.report import lines as lines_of
from holdfast.sandbox import Sandbox

if TYPE_CHECKING:
    import subprocess

Write = Callable[..., Path]
KEY = "sk_test_planted4eC39HqLyjWDarj"


def test_figures_are_the_sums_of_the_lines(report_of: Callable[..., Report]) -> None:
    attempts = [exchange(0.5, 0.1, "locked", 429), exchange(1.0, 0.2)]
    report = report_of(
        line("r-1"),
        line("r-2", exchanges=attempts, waits={"lane": 0.5, "backoff": 0.3}),
        line(
            "r-3", status="failed", stop_reason="rejected", exchanges=[exchange(0, 0.1, "rejected")]
        ),
    )
    figures = report.figures
    assert (figures.done, figures.attempts) == (3, 4)
    assert dict(figures.statuses) == {Status.OK: 2, Status.FAILED: 1}
    assert dict(figures.retries) == {"locked": 1}
    assert figures.times.known == 3
    assert figures.times.server == pytest.approx(0.02 + 0.3 + 0.1)
    assert figures.times.waits["lane"] == pytest.approx(0.51)
    assert figures.times.whole == pytest.approx(0.03 + 1.2 + 0.1)
    assert figures.times.other == pytest.approx(0.1)
    assert figures.began_at == BEGAN_AT
    assert report.seconds == pytest.approx(1.2)
    assert [ending.id for ending in figures.slowest] == ["r-2", "r-3", "r-1"]
    assert len(figures.failures) == 1
    assert (report.left, report.total, report.live) == (None, None, False)


def test_only_the_slowest_are_kept(results: Write) -> None:
    path = results(line(f"r-{n}", seconds=float(n % 50)) for n in range(200))
    slowest = read_report([path]).figures.slowest
    assert [ending.seconds for ending in slowest] == [49.0] * 4 + [48.0] * 4 + [47.0] * 2


def test_a_torn_last_line_is_passed_over_and_said(results: Write) -> None:
    path = results([line("r-1"), line("r-2")])
    with path.open("ab") as file:
        file.write(b'{"id":"r-3","status":"o')
    report = read_report([path])
    assert report.figures.done == 2
    [about] = report.sources
    assert (about.torn, about.strange) == (True, 0)


def test_a_last_line_without_a_break_that_is_whole_counts(results: Write) -> None:
    path = results([line("r-1"), line("r-2")])
    path.write_bytes(path.read_bytes().removesuffix(b"\n"))
    report = read_report([path])
    assert (report.figures.done, report.sources[0].torn) == (2, False)


def test_lines_that_are_no_results_are_counted(results: Write) -> None:
    report = read_report([results([line("r-1"), "nonsense", "", '{"id":"r-2"}', line("r-3")])])
    [about] = report.sources
    assert (report.figures.done, about.strange, about.first_strange) == (2, 2, 2)


def test_a_line_of_many_megabytes_is_passed_over(results: Write) -> None:
    report = read_report([results([line("r-1"), "x" * (35 << 20), line("r-2")])])
    assert (report.figures.done, report.sources[0].strange) == (2, 1)


def test_an_empty_file_of_results_is_a_run_that_has_none(results: Write) -> None:
    assert read_report([results([])]).figures.done == 0


@pytest.mark.parametrize("text", ["id,status\n", "{}\n", "\n"])
def test_another_file_is_refused_with_a_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other.txt"
    path.write_text(text)
    with pytest.raises(ReportUsageError, match=r"other\.txt:1: this is no result of holdfast run"):
        read_report([path])


def test_older_lines_leave_times_unknown(report_of: Callable[..., Report]) -> None:
    report = report_of(old_line("r-1"), old_line("r-2"), line("r-3"))
    figures = report.figures
    assert (figures.done, figures.timed, figures.times.known, figures.heat.unknown) == (3, 1, 1, 2)
    assert figures.times.waits_alone["lane"] == pytest.approx(0.02)


def test_of_a_run_and_its_retries_the_last_result_counts(results: Write) -> None:
    failed = {"status": "failed", "stop_reason": "attempts"}
    first = results([line("r-1"), line("r-2", **failed), line("r-3", **failed)], "first.jsonl")
    second = results([line("r-2", **failed), line("r-3")], "second.jsonl")
    third = results([line("r-2")], "third.jsonl")
    report = read_report([first, second, third])
    assert dict(report.figures.statuses) == {Status.OK: 3}
    assert (report.figures.done, report.replaced) == (3, 3)
    backwards = read_report([third, second, first])
    assert dict(backwards.figures.statuses) == {Status.OK: 1, Status.FAILED: 2}


def test_the_same_file_twice_is_refused(results: Write) -> None:
    path = results([line()])
    with pytest.raises(ReportUsageError, match="given twice"):
        read_report([path, path.parent / "." / path.name])


def test_memory_does_not_grow_with_the_run(tmp_path: Path, results: Write) -> None:
    def peak(number: int) -> int:
        path = results(lines(number, failed=0, unsure=0, objects=100), f"{number}.jsonl")
        tracemalloc.start()
        read_report([path])
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(500)  # what is imported and cached at first
    small, large = peak(1_500), peak(6_000)
    assert large < 1.5 * small


def _customer(name: str) -> dict[str, object]:
    return {"object": "customer", "id": name, "metadata": {}}


def _requests(number: int) -> list[dict[str, object]]:
    return [
        {"id": f"r-{n}", "method": "POST", "path": f"/v1/customers/cus_batch{n % 3}", "params": {}}
        for n in range(number)
    ]


def _write(path: Path, values: list[dict[str, object]]) -> Path:
    path.write_text("".join(f"{json.dumps(value)}\n" for value in values))
    return path


def test_a_journal_tells_what_its_run_did(tmp_path: Path) -> None:
    source = _write(
        tmp_path / "requests.jsonl",
        [*_requests(30), {"id": "bad", "method": "GET", "path": "/v1/customers/cus_none1"}],
    )
    workspace = Workspace(tmp_path / "journal.sqlite", tmp_path / "results.jsonl")
    seed = {"objects": [_customer(f"cus_batch{n}") for n in range(3)]}
    with Sandbox(seed=seed, hold=0.001) as box:
        box.fault("POST", "/v1/customers/{id}", "lock_timeout", 4)
        summary = run(
            source, Remote(KEY, box.url), workspace, Options(policy=Policy(max_retries=9))
        )
    report = read_report([workspace.journal])
    figures = report.figures
    assert (figures.done, report.left, report.total) == (31, 0, 31)
    assert dict(figures.statuses) == {Status.OK: 30, Status.FAILED: 1}
    assert figures.attempts == summary.attempts
    assert dict(figures.retries) == summary.retries == {"locked": 4}
    assert figures.times.known == 31
    for cause, seconds in summary.waits.items():
        assert figures.times.waits[cause] == pytest.approx(seconds, rel=1e-3, abs=1e-3)
    assert report.seconds == pytest.approx(summary.figures.seconds)
    assert {hot.key: hot.requests for hot in figures.heat.hottest(9)} == {
        "cus_batch0": 10,
        "cus_batch1": 10,
        "cus_batch2": 10,
        "cus_none1": 1,
    }
    alone = read_report([workspace.results])
    assert alone.figures.statuses == figures.statuses
    assert alone.figures.durations.total == pytest.approx(figures.durations.total)


def test_a_run_and_its_retry_are_one_report(tmp_path: Path) -> None:
    source = _write(tmp_path / "requests.jsonl", _requests(9))
    workspace = Workspace(tmp_path / "journal.sqlite", tmp_path / "results.jsonl")
    seed = {"objects": [_customer(f"cus_batch{n}") for n in range(3)]}
    options = Options(policy=Policy(max_retries=0))
    with Sandbox(seed=seed, hold=0.001) as box:
        box.fault("POST", "/v1/customers/{id}", "lock_timeout", 2)
        box.fault("POST", "/v1/customers/{id}", "reset_after", 1)
        target = Remote(KEY, box.url)
        run(source, target, workspace, options)
        first = read_report([workspace.journal])
        retry(workspace.journal, target, options=options)
    assert first.figures.statuses[Status.OK] == 6
    assert len(first.figures.failures) == 3
    [about] = read_report([workspace.journal]).sources
    [again] = about.retries
    report = read_report([workspace.journal, again])
    assert dict(report.figures.statuses) == {Status.OK: 9}
    assert (report.replaced, report.left, report.total) == (3, 0, 9)
    assert report.journal is report.sources[1]
    assert report.sources[1].retry_of == workspace.journal.name
    told = "\n".join(lines_of(read_report([workspace.journal])))
    assert "1 retry of this run is not in this report" in told
    assert again.name in told
    assert "not in this report" not in "\n".join(lines_of(report))


def test_a_run_that_goes_on_and_is_killed_says_what_is_left_and_was_on_the_wire(
    tmp_path: Path, start_run: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    seed = {"objects": [_customer(f"cus_batch{n}") for n in range(3)]}
    journal = tmp_path / "holdfast-run" / "journal.sqlite"
    with Sandbox(seed=seed, hold=0.001) as box:
        box.fault("POST", "/v1/customers/cus_batch1", "hang", None)
        process = start_run(tmp_path, box.url, _requests(30))
        report = _until(journal, lambda report: report.figures.done == 20)
        assert report.live
        assert (report.left, report.total) == (10, 30)
        process.kill()
        process.wait()
    report = read_report([journal])
    assert not report.live
    assert (report.figures.done, report.left) == (20, 10)
    assert report.on_the_wire_count >= 1
    assert {one.path for one in report.on_the_wire} == {"/v1/customers/cus_batch1"}


def _until(journal: Path, holds: Callable[[Report], bool]) -> Report:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if journal.exists() and journal.stat().st_size:
            try:
                report = read_report([journal])
            except ReportUsageError:
                continue  # it is being made
            if holds(report):
                return report
        time.sleep(0.05)
    pytest.fail("the run did not come so far")
