"""A whole run: load or resume, send, write down, sum up."""

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from holdfast.batch import tally as names
from holdfast.batch.conclusion import Status
from holdfast.batch.crew import Crew, wait_for
from holdfast.batch.errors import JournalMismatch, UsageError
from holdfast.batch.events import tell_of_progress
from holdfast.batch.journal import Journal
from holdfast.batch.journal_format import About, Entry
from holdfast.batch.loading import load, new_key, objects_of
from holdfast.batch.reading import fingerprint
from holdfast.batch.results import Result, ResultsFile
from holdfast.batch.scheduling import Job, Schedule
from holdfast.batch.sending import Sender, require_packages
from holdfast.batch.snapshot import Snapshot
from holdfast.batch.summary import Summary, summarise
from holdfast.batch.target import Endpoint, Target
from holdfast.batch.workspace import Workspace
from holdfast.batch.writing import Begun, Ended, Writer
from holdfast.policy import Policy
from holdfast.redaction import Redactor

CONCURRENCY = 16
GRACE = 10.0

_LOOK = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a run is carried out.

    Attributes:
        policy: the options of the calls; their lanes are not used, since the run keeps the order.
        concurrency: how many requests are on the wire at once, at most.
        fresh: delete what an earlier run left, and start anew.
        grace: how long requests on the wire may still take after a stop, in seconds.
        report: is told of each problem of the file of requests, as `FILE:LINE: sentence`, and of
            what one should know of a retry.
        watch: is told how far the run is, several times a second.
        stop: set it from anywhere to stop the run.
        wall_clock: the time in unix seconds; an idempotency key's age goes by it.
        clock: the time in seconds, for waits; only differences count.
        make_key: gives an idempotency key that was never used.
        redactor: takes secrets and personal data out of the results; by default the process's own.
    """

    # The application that shares the account goes before a batch.
    policy: Policy = Policy(priority="background")  # noqa: RUF009 - frozen
    concurrency: int = CONCURRENCY
    fresh: bool = False
    grace: float = GRACE
    report: Callable[[str], object] = lambda _: None
    watch: Callable[[Snapshot], object] = lambda _: None
    stop: threading.Event | None = None
    wall_clock: Callable[[], float] = time.time
    clock: Callable[[], float] = time.monotonic
    make_key: Callable[[], str] = new_key
    redactor: Redactor | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.concurrency <= 1000:
            raise UsageError(
                f"the concurrency is {self.concurrency}: it must be from 1 to 1000 requests"
            )


def run(
    source: Path | str,
    target: Target,
    workspace: Workspace | None = None,
    options: Options | None = None,
) -> Summary:
    """Send every request of a file, each exactly once, and write down how each one ended.

    A run that was interrupted, however that happened, goes on where it stopped when it is called
    again with the same file, target and workspace.

    Args:
        source: the file: a JSON object a line, with `id`, `method` (GET, POST or DELETE) and
            `path`, and if need be `params`, `idempotency_key` and `account`.
        target: where the requests go.
        workspace: where the journal and the results are; by default the folder `holdfast-run`.
        options: how it is carried out.

    Returns:
        The figures of all that was done for this file, in this run and the ones it goes on from.

    Raises:
        BadRequests: the file has lines that cannot be sent; nothing was sent.
        JournalMismatch: the journal is another file's, or another target's.
        JournalBusy: another run is at work on it.
        Stopped: it was stopped while it read the file; nothing was sent.
        UsageError: something else cannot be done as it was asked for; nothing was sent.
        TargetGone: the embedded sandbox did not start, or ended under the run.
        OSError, sqlite3.Error: the journal or the results cannot be written (a full disk).
    """
    source = Path(source)
    workspace = workspace or Workspace()
    options = options or Options()
    require_packages()
    workspace.check("the file of requests", source)
    workspace.make_folders()
    with workspace.locked():
        if options.fresh:
            workspace.delete()
        with Journal(workspace.journal) as journal:
            about = _load_or_resume(source, target, journal, options)
            return perform(about, journal, workspace, target, options)


def perform(
    about: About, journal: Journal, workspace: Workspace, target: Target, options: Options
) -> Summary:
    """Send what has no result yet, write down how it ended, and sum up.

    Args:
        about: what the journal is of.
        journal: the journal, with its requests loaded.
        workspace: its files, which nobody else uses meanwhile.
        target: where the requests go.
        options: how it is carried out.
    """
    done_before = journal.tally.count(names.DONE)
    with ResultsFile(workspace.results, journal) as results:
        if done_before < about.total:
            _Run(about, journal, results, target, options).carry_out()
    return summarise(journal, about, workspace, target.name, done_before=done_before)


def _load_or_resume(source: Path, target: Target, journal: Journal, options: Options) -> About:
    about = journal.about
    if about is None:
        return _load(source, target, journal, options)
    try:
        with source.open("rb") as file:
            same_file = fingerprint(file) == about.file
    except OSError as error:
        raise UsageError(f"{source} cannot be read: {error.strerror}") from error
    if not same_file:
        raise JournalMismatch(_other(journal, f"of another file than {source} is now"))
    fingerprint_now = target.fingerprint()
    if about.target != fingerprint_now:
        raise JournalMismatch(
            _other(journal, f"of a run against {about.target}, not against {fingerprint_now}")
        )
    return about


def _load(source: Path, target: Target, journal: Journal, options: Options) -> About:
    stop = options.stop
    try:
        return load(
            source,
            journal,
            target.fingerprint(),
            report=options.report,
            make_key=options.make_key,
            stopped=lambda: stop is not None and stop.is_set(),
        )
    except BaseException:
        journal.discard()
        raise


def _other(journal: Journal, what: str) -> str:
    return (
        f"the journal {journal.path} is {what}: give another --journal and --results, or --fresh "
        "to delete it and start anew"
    )


class _Run:
    """The threads of a run and what they share."""

    def __init__(
        self,
        about: About,
        journal: Journal,
        results: ResultsFile,
        target: Target,
        options: Options,
    ) -> None:
        self._about = about
        self._journal = journal
        self._name = str(journal.path)
        self._target = target
        self._options = options
        self._tally = journal.tally
        self._hot = frozenset(key for key, _ in about.hottest)
        self._stop = options.stop or threading.Event()
        self._writer = Writer(journal, results)
        self._schedule = Schedule(self._begin, near=2 * options.concurrency, clock=options.clock)
        self._crew = Crew(self._schedule.stop)
        self._counted_until = options.clock()

    def carry_out(self) -> None:
        """Send what has no result yet, until the end or a stop."""
        if self._stop.is_set():
            return
        with self._target.open() as endpoint:
            policy = replace(self._options.policy, lanes="off")
            sender = Sender(endpoint, policy, wall_clock=self._options.wall_clock)
            try:
                self._carry_out(endpoint, sender)
            finally:
                sender.close()

    def _carry_out(self, endpoint: Endpoint, sender: Sender) -> None:
        self._counted_until = self._options.clock()
        writer = self._crew.start("holdfast-journal", self._writer.run)
        feeder = self._crew.start("holdfast-feeder", self._feed)
        workers = [
            self._crew.start(f"holdfast-worker-{number}", lambda: self._work(endpoint, sender))
            for number in range(self._options.concurrency)
        ]
        grace = self._options.grace
        try:
            while not (self._stop.is_set() or self._crew.failed or wait_for(workers, _LOOK)):
                now = self._snapshot()
                self._options.watch(now)
                self._tell(now, running=True)
                endpoint.check()
        except BaseException:
            grace = 0.0  # what is on the wire goes on from the journal next time
            raise
        finally:
            self._schedule.stop()
            wait_for(workers, grace)
            self._writer.close()
            # The feeder ends at its next look, the writer after its last group.
            feeder.join()
            writer.join()
            self._tell(self._snapshot(), running=False)
        self._crew.raise_failure()
        self._options.watch(self._snapshot())

    def _feed(self) -> None:
        for entry in self._journal.pending():
            if not self._schedule.add(Job(entry, objects_of(entry.request), _beside(entry))):
                return
        self._schedule.complete()

    def _begin(self, job: Job) -> None:
        """Note on the disk that a write is about to be sent, then let it be."""
        entry = job.entry
        if not entry.request.writes or entry.begun_at is not None:
            self._schedule.ready(job)
            return
        now = self._options.wall_clock()
        self._writer.put(Begun(entry.line, now, lambda: self._schedule.ready(job)))

    def _work(self, endpoint: Endpoint, sender: Sender) -> None:
        while (job := self._schedule.take()) is not None:
            result = sender.send(job)
            if result.status is not Status.OK:
                endpoint.check()  # a sandbox that died is no answer to the request
            self._schedule.sent()
            self._record(job, result)

    def _record(self, job: Job, result: Result) -> None:
        text = result.text(self._target.secrets, self._options.redactor, job.entry.request.params)
        # If we are killed before this result is on the disk, the request is sent again. Where
        # that gives the same answer and no effect, the next one need not wait for the disk.
        harmless = result.status is Status.OK and job.entry.request.keyed
        if harmless:
            self._schedule.leave(job)

        def written() -> None:
            if not harmless:
                self._schedule.leave(job)
            self._schedule.ended()

        self._writer.put(
            Ended(
                job.entry.line,
                result.status is Status.OK,
                text,
                lambda: self._count(job, result),
                written,
            )
        )

    def _count(self, job: Job, result: Result) -> None:
        tally = self._tally
        tally.add(names.DONE, 1)
        tally.add(result.status.value, 1)
        tally.add(names.ATTEMPTS, result.attempts)
        for fault in result.fault_classes[:-1]:
            tally.add(names.RETRIES, 1, fault)
        for cause, seconds in result.waits.items():
            tally.add(names.WAITS, seconds, cause)
        for key in self._hot.intersection(job.objects):
            tally.add(names.HOT, job.lane_wait, key)
        now = self._options.clock()
        tally.add(names.SECONDS, now - self._counted_until)
        self._counted_until = now

    def _tell(self, now: Snapshot, *, running: bool) -> None:
        waiting = self._schedule.waiting if running else 0
        tell_of_progress(self._name, now, waiting=waiting, running=running)

    def _snapshot(self) -> Snapshot:
        return Snapshot.of(self._tally, self._about.total)


def _beside(entry: Entry) -> tuple[str, ...]:
    """The queue behind others with the same key of the file's own: they would be refused while the
    first of them is at work. People see its name, so the key is not in it."""
    if not entry.own_key:
        return ()
    key = f"{entry.request.account or ''} {entry.request.idempotency_key}"
    return (f"idempotency key {hashlib.sha256(key.encode()).hexdigest()[:12]}",)
