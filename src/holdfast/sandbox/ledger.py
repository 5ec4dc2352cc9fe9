"""The ledger: every effect that a request had, in the order in which it came to pass."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from holdfast.sandbox.changes import Effect


class Row(NamedTuple):
    """One effect on one object.

    Attributes:
        seq: its place in the ledger, from 1.
        at: unix seconds.
        method: of the request.
        path: of the request, without its query.
        object: the kind of the object that changed.
        object_id: its id.
        effect: what happened to it, such as `create` or `capture`.
        idempotency_key: of the request; None when it had none.
        request_id: of the request.
        account: whose object it is.
    """

    seq: int
    at: float
    method: str
    path: str
    object: str
    object_id: str
    effect: str
    idempotency_key: str | None
    request_id: str
    account: str


class Ledger:
    """Rows in order, without gaps.

    Args:
        rows: those of an earlier run.
    """

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._rows = list(rows)

    def __len__(self) -> int:
        return len(self._rows)

    def rows_for(
        self,
        effects: Sequence[Effect],
        *,
        at: float,
        method: str,
        path: str,
        idempotency_key: str | None,
        request_id: str,
        account: str,
        behind: int = 0,
    ) -> list[Row]:
        """The rows that a request's effects will be, `behind` so many others of the request.

        They are not in the ledger yet.
        """
        first = len(self._rows) + 1 + behind
        return [
            Row(
                seq,
                at,
                method,
                path,
                effect.kind,
                effect.object_id,
                effect.name,
                idempotency_key,
                request_id,
                account,
            )
            for seq, effect in enumerate(effects, first)
        ]

    def append(self, rows: Iterable[Row]) -> None:
        """Put the rows of a committed request in."""
        self._rows.extend(rows)

    def rows(self) -> list[Row]:
        """All rows, in order."""
        return list(self._rows)

    def replace(self, rows: Iterable[Row]) -> None:
        """Hold these rows instead."""
        self._rows = list(rows)

    def after(self, seq: int = 0) -> Iterator[dict[str, Any]]:
        """The rows behind a place, in order."""
        return (row._asdict() for row in islice(self._rows, max(seq, 0), None))
