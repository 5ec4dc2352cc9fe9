"""How requests ended: a line of JSON each, without secrets, and the file of these lines."""

import fcntl
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Self

from holdfast.batch.conclusion import Status
from holdfast.batch.errors import JournalBusy, JournalMismatch, UsageError
from holdfast.batch.journal import Journal

REDACTED = "[redacted]"

# `client_secret` lets whoever has it finish a payment; `secret` is what a webhook endpoint and an
# ephemeral key answer once.
_SECRET_FIELDS = frozenset({"client_secret", "secret"})

_CHUNK = 1 << 20
_BEGINNING = b'{"id":"'


@dataclass(frozen=True, slots=True)
class Result:
    """How one request ended.

    Attributes:
        id: the request's id in the file.
        status: ok, failed or unsure.
        http_status: the last answer's, if there was one.
        request_id: the server's id of the last attempt, if it gave one.
        fault_classes: one for each attempt, in order.
        stop_reason: why it ended.
        waits: seconds waited, by cause.
        answer: the answer of a request that is ok.
        error: the error of one that is not.
        reason: why it is unsure or was not sent, for a person.
    """

    id: str
    status: Status
    http_status: int | None
    request_id: str | None
    fault_classes: Sequence[str]
    stop_reason: str
    waits: Mapping[str, float]
    answer: object = None
    error: Mapping[str, object] | None = None
    reason: str | None = None

    @property
    def attempts(self) -> int:
        """How often it was sent."""
        return len(self.fault_classes)

    def text(self, secrets: Iterable[str] = ()) -> str:
        """The result as one line of JSON, in ASCII, without a line break.

        Args:
            secrets: texts that must not be in it wherever they come from, such as the API key.
        """
        values: dict[str, object] = {
            "id": self.id,
            "status": self.status.value,
            "http_status": self.http_status,
            "request_id": self.request_id,
            "attempts": self.attempts,
            "fault_classes": list(self.fault_classes),
            "stop_reason": self.stop_reason,
            "waits": {cause: round(seconds, 6) for cause, seconds in self.waits.items()},
        }
        if self.status is Status.OK:
            values["answer"] = _redact(self.answer)
        else:
            values["error"] = _redact(self.error)
        if self.reason is not None:
            values["reason"] = self.reason
        line = json.dumps(values, separators=(",", ":"))
        for secret in secrets:
            line = line.replace(secret, REDACTED)
        return line


def _redact(value: object) -> object:
    """A copy without the values of secret fields."""
    if isinstance(value, Mapping):
        return {
            name: REDACTED if name in _SECRET_FIELDS and isinstance(inner, str) else _redact(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_redact(inner) for inner in value]
    return value


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
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise JournalBusy(
            f"{path} is being written by another run: wait for it, or give another --results"
        ) from None
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
