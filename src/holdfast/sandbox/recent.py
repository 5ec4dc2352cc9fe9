"""The last requests: what came, what was answered and when, for people who look at a failure.

Kept in a ring, so that a sandbox that runs for days remembers no more than one that runs for
seconds. No header and no body of a request is kept, and so no API key; one that strayed into a
path is taken out before anybody sees it.
"""

from collections import deque
from collections.abc import Callable
from json import loads
from typing import Any

from holdfast.redaction import Redactor
from holdfast.sandbox.http import UNANSWERED, Answer, Ending

KEPT = 500
"""How many requests are remembered."""

_LONGEST_METHOD = 32
_LONGEST_PATH = 512
_LONGEST_ERROR = 16 * 1024
# What belongs to persons stays: nobody's real data is in a sandbox, and its user wants to see it.
_redactor = Redactor(personal=())


class Entry:
    """One request.

    Attributes:
        seq: its place among all requests, from 1.
        changed: the place of its latest change among all changes; see `Recent.after`.
        at: when it came, unix seconds.
        method: its method.
        path: its path, without the query.
        began: when it came, by the event loop.
        seconds: how long its answer took; None while there is none.
        status: of the answer; 0 when the connection was ended instead, None while there is none.
        request_id: of the answer.
        lock_wait: how long it has waited for locks, in seconds.
        fault: the kind of the scripted fault that it met.
        ending: how the connection ended, when it did not go on.
        replayed: whether the answer was an earlier one's.
        error: the answer's body, when its status says that something is wrong.
    """

    __slots__ = (
        "_locking_since",
        "at",
        "began",
        "changed",
        "ending",
        "error",
        "fault",
        "lock_wait",
        "method",
        "path",
        "replayed",
        "request_id",
        "seconds",
        "seq",
        "status",
    )

    def __init__(
        self, seq: int, changed: int, at: float, began: float, method: str, path: str
    ) -> None:
        self.seq = seq
        self.changed = changed
        self.at = at
        self.began = began
        self.method = method[:_LONGEST_METHOD]
        self.path = path[:_LONGEST_PATH]
        self.seconds: float | None = None
        self.status: int | None = None
        self.request_id: str | None = None
        self.lock_wait = 0.0
        self.fault: str | None = None
        self.ending = Ending.SENT
        self.replayed = False
        self.error = b""
        self._locking_since: float | None = None

    def locking(self, now: float) -> None:
        """The request asks for its locks."""
        self._locking_since = now

    def locked(self, at: float | None) -> None:
        """It has them, or is refused them, at an instant; None when it was at once."""
        if self._locking_since is not None and at is not None:
            self.lock_wait += max(at - self._locking_since, 0.0)
        self._locking_since = None

    def as_dict(self, now: float) -> dict[str, Any]:
        """The entry as `GET /_sandbox/requests` lists it.

        Args:
            now: the event loop's time, for what is not over yet.
        """
        wait = self.lock_wait
        if self._locking_since is not None:
            wait += max(now - self._locking_since, 0.0)
        code, message = _read_error(self.error)
        return {
            "seq": self.seq,
            "at": self.at,
            "method": self.method,
            "path": redact(self.path),
            "status": self.status,
            "request_id": self.request_id,
            "seconds": None if self.seconds is None else round(self.seconds, 6),
            "lock_wait": round(wait, 6),
            "fault": self.fault,
            "ending": str(self.ending.value),
            "replayed": self.replayed,
            "error": code,
            "message": message,
        }


class Recent:
    """The last requests, in the order in which they came.

    Args:
        now: the event loop's time.
        clock: wall clock, unix seconds.
        kept: how many are remembered.
    """

    def __init__(
        self, now: Callable[[], float], clock: Callable[[], float], kept: int = KEPT
    ) -> None:
        self._now = now
        self._clock = clock
        self._entries: deque[Entry] = deque(maxlen=kept)
        self._seq = 0
        self._changes = 0

    @property
    def changes(self) -> int:
        """How often anything has changed: what to give to `after` for what comes next."""
        return self._changes

    def begin(self, method: str, path: str) -> Entry:
        """Take note of a request that has come."""
        self._seq += 1
        self._changes += 1
        entry = Entry(self._seq, self._changes, self._clock(), self._now(), method, path)
        self._entries.append(entry)
        return entry

    def end(self, entry: Entry, answer: Answer, fault: str | None) -> None:
        """Take note of the answer that it got.

        Args:
            entry: the request.
            answer: the answer.
            fault: the kind of the scripted fault that it met, if any.
        """
        self._changes += 1
        entry.changed = self._changes
        entry.seconds = self._now() - entry.began
        entry.fault = fault
        entry.ending = answer.ending
        if answer.ending in UNANSWERED:
            entry.status = 0
            return
        entry.status = answer.status
        headers = answer.headers
        entry.request_id = headers.get("Request-Id")
        entry.replayed = "Idempotent-Replayed" in headers
        if answer.status >= 400 and len(answer.body) <= _LONGEST_ERROR:
            entry.error = answer.body

    def after(self, change: int = 0) -> list[dict[str, Any]]:
        """The requests that came, or were answered, after a change; the oldest first."""
        now = self._now()
        return [entry.as_dict(now) for entry in self._entries if entry.changed > change]

    def clear(self) -> None:
        """Forget all of them. Places go on where they were."""
        self._entries.clear()


def redact(text: str) -> str:
    """Take keys and secrets out of a text; of each its kind stays."""
    return _redactor.text(text)


def _read_error(body: bytes) -> tuple[str | None, str | None]:
    """Code (or type) and message of an error's body; of anything else, nothing."""
    if not body:
        return None, None
    try:
        error = loads(body)["error"]
        code, message = error.get("code") or error.get("type"), error.get("message")
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return None, None
    return _shown(code), _shown(message)


def _shown(value: object) -> str | None:
    return redact(value[:_LONGEST_PATH]) if isinstance(value, str) else None
