"""Idempotency keys as version 1 of Stripe's API treats them.

Source: https://docs.stripe.com/api/idempotent_requests. A key belongs to the account, whatever the
endpoint. It remembers the first request and, once that was executed, its answer. An answer that
tells of no execution (refused parameters, a lock timeout, a conflict) is not kept: the key is free
again.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import blake2b
from json import JSONEncoder

from holdfast.sandbox import errors
from holdfast.sandbox.form import Params

KEPT_FOR = 24 * 3600.0
LONGEST_KEY = 255

_canonical = JSONEncoder(sort_keys=True).encode


@dataclass(slots=True)
class Record:
    """What a key remembers.

    Attributes:
        account: whose key it is.
        key: the key.
        method: of the first request.
        path: of the first request.
        fingerprint: of the first request's parameters.
        request_id: of the first request.
        created: unix seconds at which it began.
        status: of its answer; 0 while it runs.
        body: of its answer.
    """

    account: str
    key: str
    method: str
    path: str
    fingerprint: bytes
    request_id: str
    created: float
    status: int = 0
    body: bytes = b""


class IdempotencyKeys:
    """The keys that are in use or remembered.

    Args:
        clock: wall clock, unix seconds.
        records: those of an earlier run, the oldest first.
    """

    def __init__(self, clock: Callable[[], float], records: Iterable[Record] = ()) -> None:
        self._clock = clock
        self._records: OrderedDict[tuple[str, str], Record] = OrderedDict(
            ((record.account, record.key), record) for record in records
        )

    def __len__(self) -> int:
        return len(self._records)

    def begin(
        self, account: str, key: str, method: str, path: str, params: Params, request_id: str
    ) -> Record:
        """Look a key up, and take it if it is free.

        Args:
            account: whose key it is.
            key: the key.
            method: of the request.
            path: of the request.
            params: of the request.
            request_id: of the request.

        Returns:
            The record: with a status, it is to be replayed; without one, the request is the first
            and has to end in `finish` or `forget`.

        Raises:
            ApiError: 400, the key is too long, or was first used with another endpoint or other
                parameters; 409, its first request is still running.
        """
        if len(key) > LONGEST_KEY:
            raise errors.ApiError(
                400, f"Idempotency keys may be at most {LONGEST_KEY} characters, not {len(key)}."
            )
        now = self._clock()
        self._drop_old(now)
        fingerprint = _fingerprint(params)
        record = self._records.get((account, key))
        if record is None:
            record = Record(account, key, method, path, fingerprint, request_id, now)
            self._records[account, key] = record
            return record
        if record.path != path or record.method != method:
            raise errors.key_mismatch_endpoint(key, record.path, path)
        if record.fingerprint != fingerprint:
            raise errors.key_mismatch_parameters(key)
        if not record.status:
            raise errors.key_in_use(key)
        return record

    def finish(self, record: Record, status: int, body: bytes) -> None:
        """Remember the answer of an executed request."""
        record.status = status
        record.body = body

    def forget(self, record: Record) -> None:
        """Free the key of a request that was not executed."""
        del self._records[record.account, record.key]

    def _drop_old(self, now: float) -> None:
        """Forget the answers that are too old. Records are in the order of their creation."""
        while self._records:
            oldest = next(iter(self._records.values()))
            if oldest.created > now - KEPT_FOR or not oldest.status:
                return
            self.forget(oldest)


def _fingerprint(params: Params) -> bytes:
    return blake2b(_canonical(params).encode(), digest_size=16).digest()
