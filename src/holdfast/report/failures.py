"""The requests that are not ok, grouped by reason, in bounded memory.

The first ones are kept whole, unsure ones apart from failed ones so that neither crowds the other
out. After those each one is a line of text, up to a bound that is far beyond what a person reads;
beyond that they are counted, and the CSV has them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from holdfast.batch.conclusion import Status
from holdfast.report.ending import Ending
from holdfast.report.texts import cut, shown
from holdfast.report.timeline import in_brief

_WHOLE = 400
_LISTED = 100_000
_GROUPS = 60


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a request is not ok; those of one reason make a group.

    Attributes:
        status: failed or unsure.
        stop: why it ended.
        fault: the fault class of the last attempt; None if it was never sent.
        http_status: the last answer's.
        error: the server's error code, else its error type.
    """

    status: Status
    stop: str
    fault: str | None
    http_status: int | None
    error: str | None

    @classmethod
    def of(cls, ending: Ending) -> "Reason":
        """The reason of a request that is not ok."""
        return cls(
            ending.status,
            ending.stop,
            ending.last_fault,
            ending.http_status,
            ending.error_code or ending.error_type,
        )

    @property
    def title(self) -> str:
        """The reason in a few words, safe to show."""
        http = None if self.http_status is None else f"HTTP {self.http_status}"
        parts = (self.fault, http, self.error)
        return ", ".join(part for part in parts if part is not None) or self.stop


_OTHER = "other reasons"


@dataclass(frozen=True, slots=True)
class Listed:
    """A request that is not ok, in brief. All texts are safe to show."""

    id: str
    request_id: str
    target: str
    timeline: str


@dataclass(slots=True)
class Group:
    """The requests of one reason.

    Attributes:
        reason: why they are not ok.
        message: what the first one's error says; empty if it says nothing.
        count: how many they are.
        whole: the first ones.
        listed: those after them, in brief.
    """

    reason: Reason
    message: str
    count: int = 0
    whole: list[Ending] = field(default_factory=list)
    listed: list[Listed] = field(default_factory=list)

    @property
    def unlisted(self) -> int:
        """How many are counted only."""
        return self.count - len(self.whole) - len(self.listed)


@dataclass(slots=True)
class Failures:
    """The requests that are not ok.

    Args:
        whole: how many are kept whole, of failed and of unsure ones each.
        most: how many are listed in brief.
    """

    whole: int = _WHOLE
    most: int = _LISTED
    _groups: dict[Reason, Group] = field(default_factory=dict)
    _whole: dict[Status, int] = field(default_factory=dict)
    _listed: int = 0

    def add(self, ending: Ending) -> None:
        """Take a request that is not ok."""
        group = self._group(ending)
        group.count += 1
        whole = self._whole.get(ending.status, 0)
        if whole < self.whole:
            self._whole[ending.status] = whole + 1
            group.whole.append(ending)
        elif self._listed < self.most:
            self._listed += 1
            group.listed.append(brief(ending))

    def groups(self, status: Status) -> list[Group]:
        """The groups of one status, the largest first."""
        found = [group for group in self._groups.values() if group.reason.status is status]
        return sorted(found, key=lambda group: -group.count)

    def __iter__(self) -> Iterator[Group]:
        yield from self.groups(Status.UNSURE)
        yield from self.groups(Status.FAILED)

    def __len__(self) -> int:
        return sum(group.count for group in self._groups.values())

    @property
    def listed(self) -> int:
        """How many are listed in brief."""
        return self._listed

    def _group(self, ending: Ending) -> Group:
        reason = Reason.of(ending)
        if reason not in self._groups and len(self._groups) >= _GROUPS:
            # Error codes come from the server: however many it makes up, the groups stay few.
            reason = Reason(ending.status, _OTHER, None, None, None)
        group = self._groups.get(reason)
        if group is None:
            message = "" if reason.stop == _OTHER else shown(ending.message or "")
            group = self._groups[reason] = Group(reason, message)
        return group


def brief(ending: Ending) -> Listed:
    """A request in a few words."""
    target = " ".join(part for part in (ending.method, ending.path) if part is not None)
    return Listed(
        id=shown(ending.id),
        request_id=shown(ending.request_id or ""),
        target=shown(target),
        timeline=cut(in_brief(ending), 200),
    )
