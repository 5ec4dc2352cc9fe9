"""What is wrong with a configuration, by its numbers: for code that is read, and for objects."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from holdfast.doctor.catalogue import CHECKS
from holdfast.doctor.finding import Finding, Place, Severity
from holdfast.doctor.secrets import KeyKind, kind_of
from holdfast.ratelimit import published_limits

Where = Place | str

ATTEMPT = 80.0  # how long an attempt of the SDK may take, in seconds
_SDK_WAITS = (0.5, 1.0, 2.0, 4.0, 5.0)  # the longest before each retry: stripe/_http_client.py
_MANY = 5
_A_LOT = 100


def deadline(
    where: Where, name: str, seconds: float, attempt: float, *, told: bool
) -> Finding | None:
    """A deadline that one attempt may use up.

    Args:
        where: where it is.
        name: the deadline as it is written.
        seconds: how long it is.
        attempt: how long one attempt may take.
        told: whether that was said, and is not just the default.
    """
    if seconds >= attempt:
        return None
    usual = max(1.0, seconds / 4)
    return CHECKS["deadline-under-attempt"].at(
        where,
        f"{name} is shorter than one attempt may take ({attempt:g} s"
        + (")." if told else ", the default)."),
        f"Give the attempt less time than the whole: Policy(attempt_timeout={usual:g}), or the "
        "call more.",
        why=f"An attempt that gets no answer is cut off after {seconds:g} s, and then there is no "
        "time left for a retry.",
        severity=Severity.WARNING if told else Severity.ADVICE,
    )


def rate(where: Where, requests: float, kinds: Sequence[KeyKind]) -> Finding | None:
    """A rate limit of a policy that is above what Stripe publishes for the keys in use.

    Args:
        where: where it is.
        requests: requests a second.
        kinds: the types of the keys that go with it, as far as they are known.
    """
    live, sandbox = (published_limits(live=one).account.rate or 0.0 for one in (True, False))
    in_sandbox = bool(kinds) and all(kind.test for kind in kinds)
    allowed, mode = (sandbox, "a sandbox") if in_sandbox else (live, "live keys")
    if requests <= allowed:
        return None
    return CHECKS["rate-above-published"].at(
        where,
        f"rate_limit={requests:g} is above the {allowed:g} requests a second that Stripe publishes "
        f"for {mode}.",
        'Write Policy(rate_limit="stripe"), which goes by the type of the key, unless Stripe has '
        "raised the account's limit.",
        why=f"All beyond {allowed:g} a second is refused with 429 and has to be sent again.",
    )


def no_retries(where: Where, name: str) -> Finding:
    """A client of the SDK that sends everything once."""
    return CHECKS["client-without-retries"].at(
        where,
        f"{name} makes 0 retries.",
        "client = holdfast.stripe_client(key), or give max_network_retries=2; where another layer "
        "retries, say so with max_network_retries=0.",
    )


def sdk_retries(where: Where, retries: int) -> Finding | None:
    """A number of the SDK's retries that keeps a caller waiting for long."""
    if retries <= _MANY:
        return None
    waits = sum((*_SDK_WAITS, *[_SDK_WAITS[-1]] * retries)[:retries])
    seconds = (retries + 1) * ATTEMPT + waits
    return CHECKS["many-retries"].at(
        where,
        f"max_network_retries={retries} lets one call take up to {seconds:,.0f} s.",
        "client = holdfast.stripe_client(key, holdfast.Policy(max_retries=5, deadline=60)): a "
        "total deadline bounds all attempts and waits.",
        why=f"{retries + 1} attempts of at most {ATTEMPT:g} s and {waits:g} s of waits; the SDK "
        "has no total deadline.",
        severity=Severity.WARNING if retries > 2 * _MANY else Severity.ADVICE,
    )


def overridden(where: Where, of_policy: int, of_sdk: int) -> Finding | None:
    """A policy's retries that the module-wide number takes the place of."""
    if of_policy == of_sdk:
        return None
    return CHECKS["retries-overridden"].at(
        where,
        f"Policy(max_retries={of_policy}) has no effect: stripe.max_network_retries is {of_sdk}.",
        f"Set stripe.max_network_retries = None, which leaves it to the policy, or = {of_policy}.",
    )


def key_type(where: Where, key: str) -> Finding | None:
    """A key of the wrong type for a server's requests. The key itself is never shown."""
    kind = kind_of(key)
    if kind is None or not (kind.publishable or kind.prefix == "whsec_"):
        return None
    return CHECKS["wrong-key-type"].at(
        where,
        f"{kind.redacted} is {kind.what}, and a secret or restricted key is needed.",
        "Take the key that begins with sk_ or rk_ from the environment: "
        'os.environ["STRIPE_API_KEY"].',
    )


def unverified_tls(where: Where) -> Finding:
    """Certificates that are not checked."""
    return CHECKS["tls-unverified"].at(
        where,
        "verify_ssl_certs=False: the server's certificate is not checked.",
        "Leave it out; for a proxy with a certificate of its own, set stripe.ca_bundle_path.",
    )


def no_timeout(where: Where, name: str) -> Finding:
    """A client without any timeout."""
    return CHECKS["no-timeout"].at(
        where,
        f"{name} has no timeout.",
        "Use stripe.RequestsClient(timeout=20), or holdfast.stripe_client(key), whose attempts "
        "end after Policy(attempt_timeout=...).",
    )


def keys_off(where: Where, name: str) -> Finding:
    """A transport of Holdfast's that gives POSTs no key."""
    return CHECKS["keys-off"].at(
        where,
        f'{name} adds no Idempotency-Key (idempotency_keys="none").',
        'Policy(idempotency_keys="unsafe"), if the API honours such keys, as Stripe\'s does.',
    )


def time_limit(
    where: Where, what: str, seconds: float, longest: float, *, jobs: bool
) -> Finding | None:
    """A time limit that ends before a request to Stripe has to."""
    if seconds >= longest:
        return None
    fitting = max(1.0, seconds * 0.8)
    ends = "its worker is killed" if not jobs else "the job is cut off"
    return CHECKS["time-limit-under-request"].at(
        where,
        f"{what} is {seconds:g} s, and a request to Stripe may take {longest:g} s.",
        f"holdfast.stripe_client(key, holdfast.Policy(deadline={fitting:g}, "
        f"attempt_timeout={max(1.0, fitting / 3):g})), or stripe.RequestsClient(timeout=...) with "
        "room for all attempts.",
        why=f"After {seconds:g} s {ends} while it waits for Stripe, which may have executed the "
        "request all the same: nobody records the answer.",
    )


@dataclass(frozen=True, slots=True)
class Factor:
    """A layer's part in a product.

    Attributes:
        what: the layer, with its place.
        attempts: how often it does what is inside; None if that cannot be told.
    """

    what: str
    attempts: int | None


def product(where: Where, text: str, factors: Sequence[Factor]) -> Finding | None:
    """Layers of retries that multiply.

    Args:
        where: where the request is.
        text: the request as it is written.
        factors: the layers, the innermost first.
    """
    many = [factor for factor in factors if factor.attempts is None or factor.attempts > 1]
    if len(many) < 2:
        return None
    known = [factor.attempts for factor in many if factor.attempts is not None]
    numbers = " x ".join("n" if one.attempts is None else str(one.attempts) for one in many)
    total = prod(known)
    unseen = len(known) < len(many)
    comes_to = f"{numbers} = {total:,} attempts" if not unseen else f"{numbers} attempts"
    layers = ", ".join(
        f"{one.what} ({'n' if one.attempts is None else one.attempts})" for one in many
    )
    severity = Severity.WARNING
    if total > _A_LOT:
        severity = Severity.ERROR
    return CHECKS["retries-multiply"].at(
        where,
        f"{text} is sent {comes_to} at worst: {layers}.",
        "Retry in one layer: let holdfast.stripe_client do it and take the others away, or share "
        "the retries with `with holdfast.allowance(2, key=job_id):` around the call.",
        why="In an outage each call becomes "
        + (f"{total:,} requests" if not unseen else "a multiple of requests")
        + ", and the queue behind it stands still for as long.",
        severity=severity,
    )


def endless(where: Where, what: str) -> Finding:
    """A layer without an end."""
    return CHECKS["retries-without-end"].at(
        where,
        f"{what} repeats a request to Stripe without end.",
        "Bound it: stop=stop_after_attempt(3), max_tries=3, for attempt in range(3); or "
        '@holdfast.retrying(on="lock_timeout", attempts=3), which has a deadline, too.',
    )
