"""Lints a running configuration: what an object really is, not what the code says."""

import sys
from collections.abc import Callable, Iterator
from typing import Any

from holdfast.application.loop import Attempts
from holdfast.doctor import rules
from holdfast.doctor.catalogue import CHECKS
from holdfast.doctor.finding import Finding, in_order
from holdfast.doctor.jobs import examine_celery
from holdfast.doctor.secrets import KeyKind, kind_of
from holdfast.doctor.wrapped import examine_function, loop_of
from holdfast.policy import Policy
from holdfast.ratelimit import RateLimits


def examine(obj: object, name: str = "") -> list[Finding]:
    """Say what to change about an object: importable in your own tests.

    `assert holdfast.doctor.examine(my_client) == []`.

    Args:
        obj: a `Policy`, a `stripe.StripeClient`, a `StripeHTTPClient` or another `HTTPClient` of
            the SDK's, a client of httpx or httpx2, a session of requests, a Celery app, a function
            made by `holdfast.retrying` or tenacity, or the module `stripe` itself.
        name: what findings call it; by default its type.

    Returns:
        The findings, the heaviest first; none if there is nothing to change.

    Raises:
        TypeError: it is something else.
    """
    subject = name or type(obj).__name__
    return in_order(list(_examiner(obj)(obj, subject)))


def examine_sdk() -> list[Finding]:
    """The module-wide settings of `stripe`, if it is imported in this process."""
    stripe = sys.modules.get("stripe")
    return [] if stripe is None else examine(stripe, "stripe")


Examiner = Callable[[Any, str], Iterator[Finding]]


def _examiner(obj: object) -> Examiner:
    if isinstance(obj, Policy):
        return _policy
    if isinstance(obj, Attempts):
        return _attempts
    for types, examiner in _LIBRARIES:
        if _is_a(obj, types):
            return examiner
    if obj is not None and obj is sys.modules.get("stripe"):
        return _sdk
    if callable(obj) and loop_of(obj) is not None:
        return examine_function
    raise TypeError(
        f"{type(obj).__name__} is nothing that can be examined: give a Policy, a StripeClient, an "
        "HTTP client, a requests Session, a Celery app or a function with retries around it"
    )


def _is_a(obj: object, names: tuple[str, ...]) -> bool:
    """Whether an object is of one of these types; their modules are not imported for it."""
    return any(f"{kind.__module__}.{kind.__qualname__}" in names for kind in type(obj).__mro__)


def _policy(policy: Policy, subject: str, keys: tuple[KeyKind, ...] = ()) -> Iterator[Finding]:
    told = policy.attempt_timeout != Policy().attempt_timeout
    found = rules.deadline(
        subject,
        f"The deadline of {policy.deadline:g} s",
        policy.deadline,
        policy.attempt_timeout,
        told=told,
    )
    if found is not None:
        yield found
    rate = policy.rate_limit
    if isinstance(rate, RateLimits):
        rate = rate.account.rate
    if isinstance(rate, int | float):
        too_fast = rules.rate(subject, float(rate), keys)
        if too_fast is not None:
            yield too_fast


def _attempts(attempts: Attempts, subject: str) -> Iterator[Finding]:
    yield from _policy(attempts._policy, subject)


def _stripe_client(client: Any, subject: str) -> Iterator[Finding]:
    options, http = client._requestor._options, client._requestor._get_http_client()
    key = options.api_key
    wrong = rules.key_type(subject, key) if isinstance(key, str) else None
    if wrong is not None:
        yield wrong
    kind = kind_of(key) if isinstance(key, str) else None
    if _is_a(http, _HOLDFAST):
        yield from _holdfast_client(http, subject, () if kind is None else (kind,))
        return
    retries = options.max_network_retries
    if retries is None:
        yield rules.no_retries(subject, "This StripeClient")
    else:
        many = rules.sdk_retries(subject, retries)
        if many is not None:
            yield many
    yield from _sdk_http_client(http, subject, (retries or 0) + 1)


def _holdfast_client(
    client: Any, subject: str, keys: tuple[KeyKind, ...] = ()
) -> Iterator[Finding]:
    if not client._verify_ssl_certs:
        yield rules.unverified_tls(subject)
    yield from _policy(client._policy, subject, keys)


def _sdk_http_client(client: Any, subject: str, attempts: int = 1) -> Iterator[Finding]:
    if not client._verify_ssl_certs:
        yield rules.unverified_tls(subject)
    if getattr(client, "_timeout", None) is None and client.name != "pycurl":
        yield rules.no_timeout(subject, f"stripe.{type(client).__name__}")
    yield from _session_retries(getattr(client, "_session", None), subject, attempts)


def _session_retries(session: Any, subject: str, attempts: int) -> Iterator[Finding]:
    """The retries of a session's own adapters, below the SDK's."""
    for prefix, adapter in (getattr(session, "adapters", None) or {}).items():
        total = getattr(getattr(adapter, "max_retries", None), "total", None)
        if prefix.startswith("https") and isinstance(total, int) and total > 0:
            found = rules.product(
                subject,
                "A request",
                (
                    rules.Factor(f"urllib3's Retry of the session for {prefix}", total + 1),
                    rules.Factor("the SDK's own retries", attempts),
                ),
            )
            if found is not None:
                yield found


def _httpx_client(client: Any, subject: str) -> Iterator[Finding]:
    transport = client._transport
    core = getattr(transport, "_core", None)
    if core is None or not type(transport).__module__.startswith("holdfast."):
        return
    yield from _plain_policy(core._policy, subject, client.headers.get("Authorization"))


def _session(session: Any, subject: str) -> Iterator[Finding]:
    for prefix, adapter in session.adapters.items():
        if _is_a(adapter, ("holdfast.integrations.requests.HoldfastAdapter",)):
            key = session.headers.get("Authorization")
            yield from _plain_policy(adapter._policy, f"{subject} ({prefix})", key)


def _plain_policy(policy: Policy, subject: str, authorization: object) -> Iterator[Finding]:
    if policy.idempotency_keys == "none":
        yield rules.keys_off(subject, "Its transport")
    key = authorization.rpartition(" ")[2] if isinstance(authorization, str) else ""
    kind = kind_of(key)
    yield from _policy(policy, subject, () if kind is None else (kind,))


def _sdk(stripe: Any, subject: str) -> Iterator[Finding]:
    http = stripe.default_http_client
    retries = stripe.max_network_retries
    if isinstance(stripe.api_key, str):
        wrong = rules.key_type(f"{subject}.api_key", stripe.api_key)
        if wrong is not None:
            yield wrong
    if not stripe.verify_ssl_certs:
        yield rules.unverified_tls(subject)
    if http is not None and _is_a(http, _HOLDFAST):
        kind = kind_of(stripe.api_key or "")
        yield from _holdfast_client(http, subject, () if kind is None else (kind,))
        if retries is not None:
            found = rules.overridden(subject, http._policy.max_retries, retries)
            if found is not None:
                yield found
        return
    if not retries:
        yield CHECKS["sdk-settings"].at(
            subject,
            f"stripe.max_network_retries is {retries}: the module-wide style makes no retries.",
            "stripe.default_http_client = holdfast.StripeHTTPClient(), or "
            "stripe.max_network_retries = 2.",
        )
    else:
        many = rules.sdk_retries(subject, retries)
        if many is not None:
            yield many
    if http is not None:
        yield from _sdk_http_client(http, subject, (retries or 0) + 1)


_HOLDFAST = ("holdfast.integrations.stripe.StripeHTTPClient",)
# The first that fits counts.
_LIBRARIES: tuple[tuple[tuple[str, ...], Examiner], ...] = (
    (("stripe._stripe_client.StripeClient",), _stripe_client),
    (_HOLDFAST, _holdfast_client),
    (("stripe._http_client.HTTPClient",), _sdk_http_client),
    (
        ("httpx.Client", "httpx.AsyncClient", "httpx2.Client", "httpx2.AsyncClient"),
        _httpx_client,
    ),
    (("requests.sessions.Session",), _session),
    (("celery.app.base.Celery",), examine_celery),
)
