"""How far a run is."""

from dataclasses import dataclass
from typing import Self

from holdfast.batch import tally as names
from holdfast.batch.conclusion import Status
from holdfast.batch.tally import Tally


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How far a run is.

    Attributes:
        total: the requests of the file.
        done: those that ended.
        ok, failed, unsure: how they ended.
        retries: attempts beyond the first ones.
        seconds: time spent, in this run and the ones that it goes on from.
    """

    total: int
    done: int
    ok: int
    failed: int
    unsure: int
    retries: int
    seconds: float

    @classmethod
    def of(cls, tally: Tally, total: int) -> Self:
        """Read the figures of a tally."""
        return cls(
            total=total,
            done=tally.count(names.DONE),
            ok=tally.count(Status.OK.value),
            failed=tally.count(Status.FAILED.value),
            unsure=tally.count(Status.UNSURE.value),
            retries=round(sum(tally.parts(names.RETRIES).values())),
            seconds=tally.get(names.SECONDS),
        )

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.done / self.seconds if self.seconds > 0 else 0.0
