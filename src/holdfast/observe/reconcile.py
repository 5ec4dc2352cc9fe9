"""How to find out whether a write was executed that may have been: a sentence for each endpoint.

Sources: docs.stripe.com/error-low-level (the same key again after no answer; a 500 is stored and
says nothing), docs.stripe.com/api/idempotent_requests (24 hours; DELETE is idempotent by itself),
docs.stripe.com/api-v2-overview (30 days, and what failed is executed again). Which lists there are,
and what they can be narrowed by, is what the official package (stripe 16.1.0) knows; the tests
compare the two.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType

from holdfast.engine.classify import FaultClass
from holdfast.engine.doubt import key_lifetime, why_in_doubt
from holdfast.engine.receipt import Receipt
from holdfast.paths import template

LISTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "/v1/accounts": ("created",),
        "/v1/charges": ("payment_intent", "customer", "created"),
        "/v1/checkout/sessions": ("payment_intent", "subscription", "customer", "created"),
        "/v1/coupons": ("created",),
        "/v1/credit_notes": ("invoice", "customer", "created"),
        "/v1/customers": ("created",),
        "/v1/invoiceitems": ("invoice", "customer", "created"),
        "/v1/invoices": ("subscription", "customer", "created"),
        "/v1/payment_intents": ("customer", "created"),
        "/v1/payment_methods": ("customer",),
        "/v1/payouts": ("created",),
        "/v1/plans": ("product", "created"),
        "/v1/prices": ("product", "created"),
        "/v1/products": ("created",),
        "/v1/promotion_codes": ("customer", "created"),
        "/v1/quotes": ("customer",),
        "/v1/refunds": ("payment_intent", "charge", "created"),
        "/v1/setup_intents": ("customer", "created"),
        "/v1/subscription_items": ("subscription",),
        "/v1/subscription_schedules": ("customer", "created"),
        "/v1/subscriptions": ("customer", "created"),
        "/v1/tax_rates": ("created",),
        "/v1/topups": ("created",),
        "/v1/transfers": ("destination", "created"),
        "/v2/core/accounts": (),
        "/v2/core/event_destinations": (),
    }
)
"""The lists of what a POST to the same path makes, and by what they can be narrowed."""

NESTED = frozenset(
    {
        "balance_transactions",
        "external_accounts",
        "features",
        "persons",
        "refunds",
        "reversals",
        "sources",
        "tax_ids",
    }
)
"""What is made below another object, and listed there."""

SEARCHABLE = frozenset(
    f"/v1/{kind}"
    for kind in "charges customers invoices payment_intents prices products subscriptions".split()
)
"""What can be searched by one's own metadata."""

# A list leaves these out otherwise.
_ALSO = {"/v1/subscriptions": "status=all"}

# Kind of object, by its id's prefix -> the parameter that narrows a list to it.
_FILTERS = {
    "acct": "destination",
    "ch": "charge",
    "cus": "customer",
    "in": "invoice",
    "pi": "payment_intent",
    "prod": "product",
    "py": "charge",
    "sub": "subscription",
}

# The last word of a path below an object -> what the object then shows.
_SHOWS = {
    "accept": "its status is accepted",
    "attach": "it has its customer",
    "cancel": "its status is canceled",
    "capture": "it is captured",
    "close": "it is closed",
    "confirm": "its status is beyond requires_confirmation",
    "detach": "it has no customer",
    "expire": "its status is expired",
    "finalize": "its status is no longer draft",
    "mark_uncollectible": "its status is uncollectible",
    "pay": "its status is paid",
    "release": "its status is released",
    "resume": "its status is active again",
    "reverse": "it names its reversal",
    "send": "an invoice.sent event names it",
    "verify": "it is verified",
    "void": "its status is void",
}

# Clocks differ; so many seconds more are looked at.
_MARGIN = 60


def why_unsure(receipt: Receipt) -> str:
    """Why a call is in doubt: a sentence.

    Args:
        receipt: of a call that ended in doubt.
    """
    if receipt.unanswered:
        why = "it was broken off while an attempt was under way, so it may have been executed"
    else:
        why = why_in_doubt(receipt.fault_classes)
    return _sentence(why)


def how_to_reconcile(receipt: Receipt, now: float) -> str:
    """How to find out whether a call in doubt was executed: a few short sentences.

    Args:
        receipt: of the call.
        now: unix seconds.
    """
    return how_to_settle(
        receipt.method,
        receipt.path,
        keyed=receipt.key_fingerprint is not None,
        faults=receipt.fault_classes,
        began_at=receipt.began_at or None,
        now=now,
        objects=receipt.lanes,
    )


def how_to_settle(
    method: str,
    path: str,
    *,
    keyed: bool,
    faults: Sequence[FaultClass],
    began_at: float | None,
    now: float,
    objects: Sequence[str] = (),
) -> str:
    """How to find out whether a request in doubt was executed: a few short sentences.

    Args:
        method: the HTTP method, in capitals.
        path: its path, with or without a query.
        keyed: whether it carried an idempotency key.
        faults: the fault class of every attempt, in order.
        began_at: when it was first sent, in unix seconds, if that is known.
        now: unix seconds.
        objects: what it touches, to narrow a list by.
    """
    path = path.partition("?")[0]
    lifetime = key_lifetime(method, path) if keyed else None
    if path[:4] not in ("/v1/", "/v2/"):
        return _elsewhere(method, path, keyed=keyed)
    if method == "DELETE" and lifetime is None:
        return _of_delete(path)
    look = _look(method, path, began_at, objects)
    if lifetime is None:
        return f"Do not send it again before you have looked: {look}."
    if began_at is not None and now >= began_at + lifetime:
        return (
            "Stripe may have forgotten its idempotency key by now: do not send it again before "
            f"you have looked: {look}."
        )
    if path.startswith("/v1/") and faults and faults[-1] is FaultClass.SERVER_ERROR:
        # The idempotency layer stores a 500 like any other answer.
        return (
            f"Look first: {look}. The same idempotency key does nothing twice, but may only give "
            "the stored error again; another key would do it again."
        )
    return (
        f"Send it again with the same idempotency key and parameters {_until(began_at, lifetime)}: "
        f"{_ANSWER[path[:4]]}. Without the key: {look}."
    )


_ANSWER = {
    "/v1/": "if it was executed, the answer is the stored one, and else it is executed now",
    "/v2/": "what was done is not done twice, and what failed is done then",
}


def _look(method: str, path: str, began_at: float | None, objects: Sequence[str]) -> str:
    """Where its effect can be seen, as a part of a sentence."""
    route, (parent, _, last) = template(path), path.rstrip("/").rpartition("/")
    if route in LISTS:
        return _look_in_list(path, began_at, objects)
    if route.endswith("/{id}"):
        gone = "is gone" if method == "DELETE" else "shows what was asked for"
        return f"GET {path} {gone} if it was executed"
    if "{id}" not in route and path.startswith("/v2/"):
        return "the Dashboard shows what was made"
    if "{id}" not in route:
        return f"GET /v1/events{_since(began_at)} names what was made and changed since"
    if last in NESTED:
        return f"GET {path} lists it, the newest first, if it was executed"
    shows = _SHOWS.get(last, "it shows what was asked for")
    return f"GET {parent}: {shows} if it was executed"


def _look_in_list(path: str, began_at: float | None, objects: Sequence[str]) -> str:
    narrowed = {_FILTERS.get(name.partition("_")[0], ""): name for name in reversed(objects)}
    wanted = [f"{field}={narrowed[field]}" for field in LISTS[path] if field in narrowed][:1]
    if path in _ALSO:
        wanted.append(_ALSO[path])
    if "created" in LISTS[path] and began_at is not None:
        wanted.append(_created_since(began_at))
    query = f"?{'&'.join(wanted)}" if wanted else ""
    look = f"GET {path}{query} lists it if it was executed"
    if path in SEARCHABLE:
        look += f"; GET {path}/search finds it by metadata of your own, a minute later"
    return look


def _of_delete(path: str) -> str:
    parent, _, last = path.rstrip("/").rpartition("/")
    if template(path).endswith("/{id}"):
        look = f"GET {path}: deleted, canceled or a 404 means that it was executed"
    else:
        look = f"GET {parent}: it has no {last} any more if it was executed"
    return f"{look}. If it was not, send it again: deleting twice does no more than once."


def _elsewhere(method: str, path: str, *, keyed: bool) -> str:
    # RFC 9110, section 9.2.2.
    if method in ("PUT", "DELETE"):
        return f"Send it again: {method} twice does no more than once (RFC 9110)."
    if keyed:
        return (
            "Send it again with the same idempotency key and parameters, if the server minds keys; "
            f"if not, ask it first whether {path} was executed."
        )
    return f"Ask the server whether {path} was executed before you send it again."


def _until(began_at: float | None, lifetime: float) -> str:
    if began_at is None:
        return f"within {lifetime / 3600:.0f} hours of its first attempt"
    ends = datetime.fromtimestamp(began_at + lifetime, UTC)
    return f"before {ends:%Y-%m-%d %H:%M} UTC"


def _created_since(began_at: float) -> str:
    return f"created[gte]={int(began_at) - _MARGIN}"


def _since(began_at: float | None) -> str:
    return "" if began_at is None else f"?{_created_since(began_at)}"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
