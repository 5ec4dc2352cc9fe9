"""How requests ended: a line of JSON each, without secrets, and the file of these lines."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, Self

from holdfast.batch.conclusion import Status
from holdfast.batch.errors import JournalBusy, JournalMismatch, UsageError
from holdfast.batch.file_locks import take_lock
from holdfast.batch.journal import Journal
from holdfast.engine import Attempt
from holdfast.redaction import REDACTED, Redactor, current_redactor

_CHUNK = 1 << 20
_BEGINNING = b'{"id":"'


@dataclass(frozen=True, slots=True)
class Result:
    """How one request ended.

    Attributes:
        id: the request's id in the file.
        method: GET, POST or DELETE.
        path: its path, without a query.
        objects: what it touches.
        status: ok, failed or unsure.
        stop_reason: why it ended.
        began_at: when its time began, in unix seconds: the wait for its objects counts, the wait
            for one of the run's places on the wire does not.
        seconds: the whole time from there to its end.
        exchanges: the HTTP exchanges, in order; their `at` counts from `began_at`.
        waits: seconds waited, by cause.
        answer: the answer of a request that is ok.
        error: the error of one that is not.
        reason: why it is unsure or was not sent, for a person.
    """

    id: str
    method: str
    path: str
    objects: Sequence[str]
    status: Status
    stop_reason: str
    began_at: float
    seconds: float
    exchanges: Sequence[Attempt]
    waits: Mapping[str, float]
    answer: object = None
    error: Mapping[str, object] | None = None
    reason: str | None = None

    @property
    def attempts(self) -> int:
        """How often it was sent."""
        return len(self.exchanges)

    @property
    def fault_classes(self) -> list[str]:
        """The fault class of every exchange, in order."""
        return [exchange.fault.value for exchange in self.exchanges]

    @property
    def http_status(self) -> int | None:
        """The last answer's status, if there was one."""
        return self.exchanges[-1].status if self.exchanges else None

    @property
    def request_id(self) -> str | None:
        """The server's id of the last exchange, if it gave one."""
        return self.exchanges[-1].request_id if self.exchanges else None

    def text(
        self,
        secrets: Iterable[str] = (),
        redactor: Redactor | None = None,
        sent: Mapping[str, object] = MappingProxyType({}),
    ) -> str:
        """The result as one line of JSON, in ASCII, without a line break.

        Args:
            secrets: texts that must not be in it wherever they come from, such as the API key.
            redactor: takes secrets and personal data out of it; by default the process's own.
            sent: the parameters of the request: what is secret or personal in them is taken out of
                the sentences of an error, too.
        """
        redactor = redactor or current_redactor()
        values: dict[str, object] = {
            "id": self.id,
            "method": self.method,
            "path": redactor.text(self.path),
            "objects": list(self.objects),
            "status": self.status.value,
            "http_status": self.http_status,
            "request_id": self.request_id,
            "attempts": self.attempts,
            "fault_classes": self.fault_classes,
            "stop_reason": self.stop_reason,
            "began_at": round(self.began_at, 6),
            "seconds": round(self.seconds, 6),
            "exchanges": [_exchange(exchange) for exchange in self.exchanges],
            "waits": {cause: round(seconds, 6) for cause, seconds in self.waits.items()},
        }
        if self.status is Status.OK:
            values["answer"] = redactor.value(self.answer)
        else:
            values["error"] = redactor.value(self.error, also=redactor.hidden(sent))
        if self.reason is not None:
            values["reason"] = self.reason
        line = json.dumps(values, separators=(",", ":"))
        for secret in secrets:
            line = line.replace(secret, REDACTED)
        return line


def _exchange(attempt: Attempt) -> dict[str, object]:
    return {
        "at": round(attempt.at, 6),
        "seconds": round(attempt.seconds, 6),
        "fault": attempt.fault.value,
        "status": attempt.status,
        "request_id": attempt.request_id,
        "error_code": attempt.error_code,
        "replayed": attempt.replayed,
    }


@dataclass(slots=True)
class ResultsFile:
    """The file of results: the journal's, line by line, in the order in which requests ended.

    Whatever a kill left behind is put right when it is opened: a torn last line goes, and what
    the journal has and the file lacks comes.

    Args:
        path: the file; made, readable by its owner only, if there is none.
        journal: whose results they are.

    Raises:
        JournalBusy: another run writes to it.
        JournalMismatch: it holds something else; nothing was changed.
        UsageError: it cannot be opened.
    """

    path: Path
    journal: Journal
    _file: BinaryIO = field(init=False)

    def __post_init__(self) -> None:
        self._file = _open(self.path)
        try:
            self._recover()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def append(self, lines: Iterable[str]) -> None:
        """Append lines that the journal already has."""
        self._file.write("".join(f"{line}\n" for line in lines).encode())
        self._file.flush()

    def close(self) -> None:
        """Bring the file to the disk and close it."""
        if not self._file.closed:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()

    def _recover(self) -> None:
        survey = _survey(self._file)
        if not self._is_ours(survey):
            raise JournalMismatch(
                f"{self.path} does not hold the results of the journal {self.journal.path}: "
                "give another --results, or move the file away"
            )
        self._file.truncate(survey.whole)
        self._file.seek(survey.whole)
        for line in self.journal.results_after(survey.count):
            self._file.write(f"{line}\n".encode())
        self._file.flush()

    def _is_ours(self, survey: "_Survey") -> bool:
        """Whether the last line is the journal's, and what is torn the beginning of its next."""
        count = survey.count
        if count and self.journal.result_at(count) != survey.last.decode("utf-8", "replace"):
            return False
        following = self.journal.result_at(count + 1) if survey.torn else ""
        return following is not None and following.encode().startswith(survey.torn)


def is_results(path: Path) -> bool:
    """Whether a file could be one of results: empty, or it begins with one, torn or not."""
    try:
        with path.open("rb") as file:
            first = file.readline(_CHUNK)
    except OSError:
        return False
    if not first.endswith(b"\n"):
        return _BEGINNING.startswith(first[: len(_BEGINNING)])
    try:
        value: Any = json.loads(first)
    except ValueError:
        return False
    return isinstance(value, dict) and {"id", "status", "waits"} <= value.keys()


def _open(path: Path) -> BinaryIO:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UsageError(f"the results {path} cannot be opened: {error.strerror}") from error
    file = os.fdopen(descriptor, "r+b")
    if not take_lock(descriptor):
        file.close()
        raise JournalBusy(
            f"{path} is being written by another run: wait for it, or give another --results"
        )
    return file


@dataclass(frozen=True, slots=True)
class _Survey:
    """What a file of lines holds: how many whole ones, up to where, the last one, and the rest."""

    count: int
    whole: int
    last: bytes
    torn: bytes


def _survey(file: BinaryIO) -> _Survey:
    count = whole = offset = last_start = 0
    while chunk := file.read(_CHUNK):
        found = chunk.count(b"\n")
        if found:
            count += found
            end = chunk.rindex(b"\n")
            last_start = whole if found == 1 else offset + chunk.rindex(b"\n", 0, end) + 1
            whole = offset + end + 1
        offset += len(chunk)
    file.seek(last_start)
    last = file.read(whole - last_start).removesuffix(b"\n")
    return _Survey(count, whole, last, file.read())
