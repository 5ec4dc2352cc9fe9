"""Which objects a request touches: the ids in its path and in its well-known parameters.

Stripe publishes no table of what locks what, only that "related objects" contend
(docs.stripe.com/rate-limits, object lock timeouts). So the parents that a request names count as
touched, and what it merely refers to (a price, a coupon) does not.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from urllib.parse import unquote, unquote_plus

from holdfast.redaction import redact_text

_SALT = os.urandom(16)

# Prefixes of Stripe's ids (docs and published fixtures; not a contract).
_PREFIXES = frozenset(
    (
        "acct ba ca card ch cn cs ctoken cus dp evt fca fee fr iauth ic ich ii in ipi"
        " mandate person pi pl plan plink pm po prc price prod promo py pyr qt re"
        " review seti setatt shr si src sub tml tmr tok topup tr trr tu txn txr we"
    ).split()
)

# Collections whose ids may be the user's own words.
_OWN_IDS = frozenset({"coupons", "plans", "products", "skus"})

# Words of paths that look like an id, or stand where one does.
_WORDS = frozenset({"person_tokens", "search", "upcoming"})

# Parameters that name an object which the request changes or is serialised with.
_PARAMETERS = frozenset(
    {
        "account",
        "charge",
        "customer",
        "customer_account",
        "default_payment_method",
        "from_subscription",
        "invoice",
        "payment_intent",
        "payment_method",
        "quote",
        "schedule",
        "setup_intent",
        "subscription",
        "subscription_item",
        "transfer",
    }
)

# Stripe's shared test payment methods: everybody uses them, nobody changes them.
_SHARED = ("pm_card_", "pm_usBankAccount", "pm_sepaDebit", "pm_bacsDebit", "pm_auBecsDebit")


def keys_for(path: str, params: Mapping[str, object] | None = None) -> tuple[str, ...]:
    """The objects a request touches, from its path and its decoded parameters.

    Args:
        path: the request's path, with or without a query, such as `/v1/customers/cus_1`.
        params: the parameters as nested mappings and lists.

    Returns:
        The lane keys, each once: ids of the path first, then those of the parameters.
    """
    route, _, query = path.partition("?")
    found = dict.fromkeys(_in_path(route))
    for source in (_form_pairs(query), _nested_pairs(params or {})):
        found.update(dict.fromkeys(_named(source)))
    return tuple(found)


def keys_for_body(path: str, body: str | bytes | None, content_type: str = "") -> tuple[str, ...]:
    """The objects a request touches, from its path and its encoded body.

    Args:
        path: as in `keys_for`.
        body: a form-encoded body, or JSON when `content_type` says so; of a multipart body only
            the path counts.
        content_type: the request's `Content-Type`.
    """
    route, _, query = path.partition("?")
    found = dict.fromkeys(_in_path(route))
    if query:
        found.update(dict.fromkeys(_named(_form_pairs(query))))
    if body and not content_type.startswith("multipart/"):
        text = body if isinstance(body, str) else body.decode("utf-8", "replace")
        # Every id has an underscore, perhaps as %5F or \u005F: most bodies need no closer look.
        if "_" not in text and "%5" not in text and "\\" not in text:
            return tuple(found)
        pairs = _json_pairs(text) if "json" in content_type else _form_pairs(text)
        found.update(dict.fromkeys(_named(pairs)))
    return tuple(found)


def public(name: str) -> str:
    """The name of a lane as everybody may see it: lanes are told of in receipts, pages and errors.

    A secret in it (an e-mail address as an id, say) gives way to a hash, so that different lanes
    stay different. The hash is another one in each process: nobody can guess from it.
    """
    shown = redact_text(name)
    if shown == name:
        return name
    digest = hashlib.blake2s(name.encode(errors="surrogatepass"), key=_SALT, digest_size=4)
    return f"{shown}#{digest.hexdigest()}"


def _in_path(route: str) -> Iterator[str]:
    segments = route.strip("/").split("/")
    for before, segment in pairwise(segments[1:]):
        if segment in _WORDS:
            continue
        segment = unquote(segment)
        if _is_id(segment):
            yield segment if "_secret_" not in segment else public(segment)
        elif before in _OWN_IDS or (segment != segment.lower() or any(map(str.isdigit, segment))):
            yield public(f"{before}/{segment}")


def _is_id(text: str) -> bool:
    prefix, underscore, rest = text.partition("_")
    return bool(underscore and rest) and prefix in _PREFIXES


def _named(pairs: Iterable[tuple[str, object]]) -> Iterator[str]:
    for name, value in pairs:
        if name not in _PARAMETERS or not isinstance(value, str):
            continue
        if _is_id(value) and not value.startswith(_SHARED):
            yield value if "_secret_" not in value else public(value)


def _form_pairs(text: str) -> Iterator[tuple[str, str]]:
    """`a[b][customer]=cus_1` gives `customer`, `cus_1`; an index (`[0]`, `[]`) is no name."""
    for pair in text.split("&") if text else ():
        name, _, value = pair.partition("=")
        name = unquote_plus(name) if "%" in name else name
        if "[" in name:
            parts = name.replace("]", "").split("[")
            name = next((part for part in reversed(parts) if part and not part.isdigit()), "")
        if name in _PARAMETERS:
            yield name, unquote_plus(value)


def _json_pairs(text: str) -> Iterator[tuple[str, object]]:
    try:
        decoded = json.loads(text)
    except (ValueError, RecursionError):
        return
    if isinstance(decoded, dict):
        yield from _nested_pairs(decoded)


def _nested_pairs(params: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    # A stack, not recursion: the depth is the caller's.
    stack: list[tuple[str, object]] = list(params.items())[::-1]
    while stack:
        name, value = stack.pop()
        if isinstance(value, Mapping):
            stack.extend(list(value.items())[::-1])
        elif isinstance(value, list | tuple):
            stack.extend((name, item) for item in reversed(value))
        else:
            yield name, value
