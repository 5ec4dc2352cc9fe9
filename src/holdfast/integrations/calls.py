"""From a library's HTTP request to a call: its key, its lanes, its budget and its deadline."""

import random
import time
import uuid
from collections.abc import Hashable, Mapping, MutableMapping
from functools import partial
from typing import NamedTuple
from urllib.parse import urlsplit

from holdfast.drivers.allowance import allowed
from holdfast.drivers.blocks import own_lanes
from holdfast.drivers.budgets import budget_of
from holdfast.drivers.deadline import current_deadline
from holdfast.drivers.limiters import limiter_of
from holdfast.drivers.priority import current_priority
from holdfast.drivers.queued import current_queued
from holdfast.drivers.telling import Tell, telling
from holdfast.engine import Call, Failure, FaultClass, Phase, Request, Situation, StopReason
from holdfast.engine.verdict import Rule, class_rule
from holdfast.lanes import MemoryLanes, Touched
from holdfast.policy import Policy
from holdfast.ratelimit import Admission, limits_for
from holdfast.redaction import redact_path

_STRIPE = "stripe.com"

# PUT and DELETE are idempotent by themselves (RFC 9110, section 9.2.2).
_KEYED_METHODS = frozenset({"POST", "PATCH"})


def make_call(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: str | bytes | None,
    policy: Policy,
    *,
    lanes: MemoryLanes,
    tell: Tell | None = None,
    owner: str = "",
    rule: Rule | None = None,
) -> Call:
    """Make the call of a request.

    Args:
        method: the HTTP method, in capitals.
        url: the absolute URL.
        headers: the request's headers.
        body: the encoded body, as far as it is known.
        policy: the options of the call.
        lanes: the lanes that the call will enter.
        tell: the client's own subscriber, if it has one.
        owner: whose objects the ids are those of; "" for Stripe's.
        rule: as for `Call`.
    """
    server, target = _parts(url)
    entering = own_lanes()
    refused = None
    if policy.lanes != "off":
        kind = find_header(headers, "Content-Type") or ""
        touched = Touched(lanes, method, target, body, kind, owner)
        entering += touched.entering(policy.lanes)
        refused = partial(_teach, touched)
    key = find_header(headers, "Idempotency-Key")
    path = target.partition("?")[0]
    account = _account(headers, owner)
    told, details = telling(tell)
    queued = current_queued()
    call = Call(
        Request(method, redact_path(path), key, entering, server, queued),
        policy,
        clock=time.monotonic,
        random=random.random,
        budget=allowed(budget_of(account, policy.retry_budget, time.monotonic())),
        deadline=current_deadline(),
        rule=rule,
        refused=refused,
        tokens=_tokens(account, headers, method, path, policy) if policy.has_limiter else None,
        tell=told,
        details=details,
    )
    now = time.time()
    call.receipt.began_at = now if queued is None else now - queued.seconds
    return call


def make_plain_call(
    method: str,
    url: str,
    headers: MutableMapping[str, str],
    body: str | bytes | None,
    policy: Policy,
    *,
    lanes: MemoryLanes,
    tell: Tell | None,
    repeatable: bool,
) -> Call:
    """Make the call of a request to any server, and add the key that the policy wants it to have.

    Args:
        method: as for `make_call`, like those up to `tell`.
        url: the absolute URL.
        headers: the request's headers; the key is added to them.
        body: the encoded body, as far as it is known.
        policy: the options of the call.
        tell: the client's own subscriber, if it has one.
        repeatable: whether the body can be sent more than once.
    """
    if policy.idempotency_keys == "unsafe" and method in _KEYED_METHODS:
        headers.setdefault("Idempotency-Key", str(uuid.uuid4()))
    host = urlsplit(url).hostname or ""
    owner = "" if host == _STRIPE or host.endswith(f".{_STRIPE}") else host
    rule = None if repeatable else _body_only_once(policy)
    return make_call(
        method, url, headers, body, policy, lanes=lanes, tell=tell, owner=owner, rule=rule
    )


def find_header(headers: Mapping[str, str | bytes], name: str) -> str | None:
    """The header called `name`, in whatever case it is written; requests takes bytes for it, too.

    They are read as HTTP's own Latin-1.
    """
    found = _find(headers, name)
    return found.decode("latin-1") if isinstance(found, bytes) else found


def _find(headers: Mapping[str, str | bytes], name: str) -> str | bytes | None:
    # The usual case first: a dictionary minds it.
    found = headers.get(name)
    if found is not None:
        return found
    name = name.lower()
    for key, value in headers.items():
        if key.lower() == name:
            return value
    return None


def _teach(touched: Touched, fault: FaultClass) -> None:
    if fault is FaultClass.LOCKED:
        touched.was_locked()
    elif fault is FaultClass.CONFLICT:
        touched.was_in_conflict()


def _body_only_once(policy: Policy) -> Rule:
    def rule(at: Situation) -> StopReason | None:
        reason = class_rule(at, policy.rules)
        # Without a connection nothing has been taken from the body yet.
        untouched = isinstance(at.outcome, Failure) and at.outcome.phase is Phase.CONNECT
        return reason if reason is not None or untouched else StopReason.NOT_RETRYABLE

    return rule


def _tokens(
    account: Hashable, headers: Mapping[str, str], method: str, path: str, policy: Policy
) -> Admission:
    limits = limits_for(policy.rate_limit, find_header(headers, "Authorization"))
    limiter = limiter_of(account, limits)
    return limiter.admission(method, path, current_priority(policy.priority))


class _Account(NamedTuple):
    """What tells accounts apart: the key, of which only a hash is kept, and the account it is for.

    That is a connected one, or (`Stripe-Context`) one of those below an organisation.
    """

    owner: str
    key: int
    connected: str | None
    context: str | None

    def __str__(self) -> str:
        return self.connected or self.context or self.owner or "account"


def _account(headers: Mapping[str, str], owner: str) -> _Account:
    key, get = hash(headers.get("Authorization")), headers.get
    return _Account(owner, key, get("Stripe-Account"), get("Stripe-Context"))


def _parts(url: str) -> tuple[str, str]:
    """The server of an absolute URL, and its path and query."""
    begin = url.find("://") + 3
    slash = url.find("/", begin)
    server, target = (url[:slash], url[slash:]) if slash >= 0 else (url, "/")
    if "@" in server:  # a password may stand before it
        server = url[:begin] + server.rpartition("@")[2]
    return server, target
