"""Idempotency keys as the two versions of Stripe's API treat them.

Sources: https://docs.stripe.com/api/idempotent_requests and
https://docs.stripe.com/api-v2-overview#idempotency. A key belongs to the account and the version
of the API, whatever the endpoint. It remembers the first request and, once that was executed, its
answer. An answer that tells of no execution (refused parameters, a lock timeout, a conflict) is not
kept: the key is free again.

Version 1 replays what was answered, be it a success or a failure, for a day. Version 2 executes a
failed request again, and answers for a successful one with the object as it is by then, for thirty
days. That version 2 refuses other parameters under a key as version 1 does is our assumption.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from json import JSONEncoder, loads

from holdfast.sandbox import errors
from holdfast.sandbox.form import Params
from holdfast.sandbox.state import JsonObject

LONGEST_KEY = 255
_DAY = 24 * 3600.0
_FAILURE = 400

_canonical = JSONEncoder(sort_keys=True).encode
_encode = JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class KeyRules:
    """How one version of the API treats keys.

    Attributes:
        api: the version.
        methods: of the requests whose keys count.
        kept_for: how long an answer is remembered, in seconds.
        replays_failures: whether the answer of a failed execution is replayed; otherwise the
            request is executed again.
        replays_as_is: whether a replay is what was answered first; otherwise it is the object as
            it is by then.
        makes_keys: whether a request without a key is given one.
    """

    api: str
    methods: frozenset[str]
    kept_for: float
    replays_failures: bool
    replays_as_is: bool
    makes_keys: bool


V1 = KeyRules(
    "v1",
    frozenset({"POST"}),
    _DAY,
    replays_failures=True,
    replays_as_is=True,
    makes_keys=False,
)
V2 = KeyRules(
    "v2",
    frozenset({"POST", "DELETE"}),
    30 * _DAY,
    replays_failures=False,
    replays_as_is=False,
    makes_keys=True,
)
VERSIONS = (V1, V2)


def rules_of(path: str) -> KeyRules:
    """How the keys of requests to a path are treated."""
    return V2 if path.startswith("/v2/") else V1


@dataclass(slots=True)
class Record:
    """What a key remembers.

    Attributes:
        account: whose key it is.
        key: the key.
        method: of the first request.
        path: of the first request.
        fingerprint: of the first request's parameters.
        request_id: of the request that was executed.
        created: unix seconds at which the first request began.
        status: of its answer; 0 while it runs.
        body: of its answer.
        failed: what the key remembered before, if this is the new execution of a failed request.
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
    failed: "Record | None" = None


class IdempotencyKeys:
    """The keys that are in use or remembered.

    Args:
        clock: wall clock, unix seconds.
        records: those of an earlier run, the oldest first.
    """

    def __init__(self, clock: Callable[[], float], records: Iterable[Record] = ()) -> None:
        self._clock = clock
        self._records: dict[KeyRules, OrderedDict[tuple[str, str], Record]] = {
            rules: OrderedDict() for rules in VERSIONS
        }
        self._load(records)

    def __len__(self) -> int:
        return sum(len(records) for records in self._records.values())

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
            The record: with a status, it is to be replayed; without one, the request is to be
            executed and has to end in `finish` or `forget`.

        Raises:
            ApiError: 400, the key is too long, or was first used with another endpoint or other
                parameters; 409, its first request is still running.
        """
        if len(key) > LONGEST_KEY:
            raise errors.ApiError(
                400, f"Idempotency keys may be at most {LONGEST_KEY} characters, not {len(key)}."
            )
        rules = rules_of(path)
        records = self._records[rules]
        now = self._clock()
        self._drop_old(records, now - rules.kept_for)
        fingerprint = _fingerprint(params)
        record = records.get((account, key))
        if record is None or _is_old(record, now - rules.kept_for):
            record = Record(account, key, method, path, fingerprint, request_id, now)
            records[account, key] = record
            return record
        if record.path != path or record.method != method:
            raise errors.key_mismatch_endpoint(key, record.path, path)
        if record.fingerprint != fingerprint:
            raise errors.key_mismatch_parameters(key)
        if not record.status:
            raise errors.key_in_use(key)
        if record.status >= _FAILURE and not rules.replays_failures:
            again = replace(record, request_id=request_id, status=0, body=b"", failed=record)
            records[account, key] = again
            return again
        return record

    def finish(self, record: Record, status: int, body: bytes) -> None:
        """Remember the answer of an executed request."""
        record.status = status
        record.body = body
        record.failed = None

    def forget(self, record: Record) -> None:
        """Free the key of a request that was not executed; an earlier failure is known again."""
        records = self._records[rules_of(record.path)]
        if record.failed is None:
            del records[record.account, record.key]
        else:
            records[record.account, record.key] = record.failed

    def finished(self) -> Iterator[Record]:
        """Copies of what the keys remember of requests that have ended, the oldest first."""
        for records in self._records.values():
            for record in records.values():
                last = record if record.status else record.failed
                if last is not None:
                    yield replace(last)

    def restore(self, records: Iterable[Record]) -> None:
        """Remember these instead. The keys of requests that still run stay in use."""
        running = [
            record
            for known in self._records.values()
            for record in known.values()
            if not record.status
        ]
        for known in self._records.values():
            known.clear()
        self._load(records)
        for record in running:
            record.failed = None
        self._load(running)

    def _load(self, records: Iterable[Record]) -> None:
        for record in records:
            self._records[rules_of(record.path)][record.account, record.key] = record

    @staticmethod
    def _drop_old(records: OrderedDict[tuple[str, str], Record], too_old: float) -> None:
        """Forget the answers that are too old, the oldest first, up to one that is not."""
        while records:
            oldest = next(iter(records.values()))
            if not _is_old(oldest, too_old):
                return
            del records[oldest.account, oldest.key]


def replayed(record: Record, find: Callable[[str], JsonObject | None]) -> bytes:
    """The body of a replay.

    Args:
        record: what the key remembers.
        find: the object with an id as it is now; None when there is none.

    Returns:
        What was answered first; in version 2 the object that was answered, as it is now, if it is
        still there.
    """
    if rules_of(record.path).replays_as_is:
        return record.body
    first = loads(record.body)
    now = find(str(first.get("id"))) if isinstance(first, dict) else None
    return record.body if now is None else _encode(now).encode()


def _is_old(record: Record, too_old: float) -> bool:
    return record.status > 0 and record.created <= too_old


def _fingerprint(params: Params) -> bytes:
    return blake2b(_canonical(params).encode(), digest_size=16).digest()
