"""Checks a trace of lock steps: one holder at a time, first come first served, waits to the end."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

EXACT = 1e-9
"""What adding up instants may lose, in seconds."""

Step = Mapping[str, Any]


@dataclass
class Claimed:
    """One claim, as far as the trace has told of it.

    Attributes:
        request_id: of the request that claims.
        objects: whose locks it wants, in the order in which they were claimed.
        held: how many of them it holds.
        waiting_since: when its present wait began.
        ended: "released" once it let go of all, "timed_out" once it was refused.
        granted_at: when it had the last of its locks.
        released_at: when it let go of the first.
    """

    request_id: str | None
    objects: list[str] = field(default_factory=list)
    held: int = 0
    waiting_since: float | None = None
    ended: str | None = None
    granted_at: float = 0.0
    released_at: float = 0.0

    @property
    def wanted(self) -> str:
        """The object whose lock it has to take next."""
        return self.objects[self.held]

    @property
    def has_all(self) -> bool:
        """Whether it holds all of its locks, or did."""
        return self.held == len(self.objects)


@dataclass
class _Lock:
    holder: int | None = None
    queue: list[int] = field(default_factory=list)
    since: float = 0.0
    until: float = 0.0


class TraceModel:
    """Follows a trace, and fails where a step is not the one that had to come.

    Args:
        wait: the longest wait of a request for one lock, in seconds; claims that belong to no
            request wait for ever.

    Attributes:
        claims: by number.
        executed: the request ids of those that had all locks, in the order in which they let go.
    """

    def __init__(self, wait: float) -> None:
        self.wait = wait
        self.claims: dict[int, Claimed] = {}
        self.executed: list[str] = []
        self._locks: defaultdict[str, _Lock] = defaultdict(_Lock)
        self._heir: tuple[str, int] | None = None

    def follow(self, steps: Iterable[Step]) -> "TraceModel":
        """Check the steps, in order."""
        for step in steps:
            self._check_heir(step)
            getattr(self, f"_{step['event']}")(step, self._locks[step["object"]])
        return self

    def check_end(self) -> None:
        """Check that nothing is left held, waiting or half done."""
        assert self._heir is None
        for name, lock in self._locks.items():
            assert lock.holder is None, f"{name} is still held"
            assert not lock.queue, f"claims still wait for {name}"
        for number, claim in self.claims.items():
            assert claim.ended is not None, f"claim {number} has no end"

    @property
    def timed_out(self) -> list[Claimed]:
        """The claims that were refused."""
        return [claim for claim in self.claims.values() if claim.ended == "timed_out"]

    def _check_heir(self, step: Step) -> None:
        """A lock that is let go passes on to the first in its queue, before anything else."""
        if self._heir is None or step["event"] == "released":
            return
        assert step["event"] == "granted", f"nobody inherits {self._heir}: {step}"

    def _claimed(self, step: Step, _lock: _Lock) -> None:
        claim = self.claims.setdefault(step["claim"], Claimed(step["request_id"]))
        assert claim.held == 0
        assert claim.waiting_since is None
        assert not claim.objects or claim.objects[-1] < step["object"], "locks are taken in order"
        claim.objects.append(step["object"])

    def _waits(self, step: Step, lock: _Lock) -> None:
        claim = self.claims[step["claim"]]
        assert claim.wanted == step["object"]
        assert lock.holder is not None, f"it waits for a lock that is free: {step}"
        lock.queue.append(step["claim"])
        claim.waiting_since = step["at"]

    def _granted(self, step: Step, lock: _Lock) -> None:
        number, at = step["claim"], step["at"]
        claim = self.claims[number]
        assert claim.wanted == step["object"]
        assert lock.holder is None, f"two hold one lock: {step}"
        if claim.waiting_since is not None:
            assert lock.queue.pop(0) == number, f"it was not its turn: {step}"
            assert at >= claim.waiting_since
            assert self._is_in_time(claim, at), f"it waited for too long: {step}"
            claim.waiting_since = None
            self._heir = None
        else:
            assert not lock.queue, f"it went in front of those who wait: {step}"
        lock.holder, lock.since = number, at
        claim.held += 1
        claim.granted_at = at

    def _released(self, step: Step, lock: _Lock) -> None:
        number, at = step["claim"], step["at"]
        claim = self.claims[number]
        assert lock.holder == number
        if at > lock.since:  # a hold of no length overlaps nothing
            assert lock.since >= lock.until - EXACT, f"two holds overlap: {step}"
            lock.until = at
        lock.holder = None
        if claim.ended is None:
            assert claim.has_all
            claim.ended, claim.released_at = "released", at
            if claim.request_id is not None:
                self.executed.append(claim.request_id)
        if lock.queue:
            self._heir = (step["object"], lock.queue[0])

    def _timed_out(self, step: Step, lock: _Lock) -> None:
        number = step["claim"]
        claim = self.claims[number]
        assert claim.request_id is not None, f"a holder from outside waits for ever: {step}"
        assert claim.wanted == step["object"]
        assert lock.holder is not None, f"it is refused a lock that is free: {step}"
        if self.wait > 0:
            assert claim.waiting_since is not None
            lock.queue.remove(number)
            waited = step["at"] - claim.waiting_since
            assert abs(waited - self.wait) < EXACT, f"it waited {waited} s: {step}"
        claim.waiting_since = None
        claim.ended = "timed_out"

    def _is_in_time(self, claim: Claimed, at: float) -> bool:
        if claim.request_id is None or claim.waiting_since is None:
            return True
        return at - claim.waiting_since <= self.wait + EXACT
