"""Which calls of the code send a request to Stripe."""

import ast

from holdfast.doctor.code.clients import (
    HTTP_LIBRARIES,
    STRIPE_HOST,
    client_of,
    has_stripe_base,
)
from holdfast.doctor.code.facts import Client, Elsewhere, Key, Maker, Request
from holdfast.doctor.code.keys import header_key, sdk_key
from holdfast.doctor.code.layers import Reading
from holdfast.doctor.code.names import argument, keyword
from holdfast.doctor.code.scopes import Scope
from holdfast.doctor.code.verbs import Effect, effect_of
from holdfast.redaction import redact_text

_SHOWN = 80  # the longest name of a call in a sentence
MODULE_WIDE = Client(Maker.MODULE)
_NO_REQUESTS = frozenset({"Webhook", "WebhookSignature", "StripeClient", "util"})
_HTTP_EFFECTS = {
    "get": Effect.READS,
    "head": Effect.READS,
    "post": Effect.ADDS,
    "delete": Effect.SETS,
}


def request_of(call: ast.Call, scope: Scope, reading: Reading) -> Request | None:
    """The request that a call sends; None if it sends none, or none to Stripe.

    Args:
        call: the call.
        scope: where it stands.
        reading: what the names stand for.
    """
    if not isinstance(call.func, ast.Attribute):
        return None
    dotted = reading.names.dotted(call.func)
    root = (dotted or "").partition(".")[0]
    if root == "stripe" and dotted is not None:
        return _module_wide(call, dotted, scope, reading)
    if root in HTTP_LIBRARIES:
        return _by_http(call, call.func.attr, None, scope, reading)
    return _by_client(call, call.func, scope, reading)


def _module_wide(call: ast.Call, dotted: str, scope: Scope, reading: Reading) -> Request | None:
    _, *classes, method = dotted.split(".")
    effect = effect_of(method)
    if effect is None or not classes or not classes[-1][0].isupper():
        return None
    if classes[-1] in _NO_REQUESTS or classes[-1].endswith("Client"):
        return None
    return _request(call, effect, MODULE_WIDE, sdk_key(call, scope, reading), reading)


def _by_client(
    call: ast.Call, func: ast.Attribute, scope: Scope, reading: Reading
) -> Request | None:
    """`client.v1.customers.create(...)`, `client.raw_request(...)`, `customer.delete()`."""
    services, root = _services(func)
    versioned = services[0] in ("v1", "v2") if services else False
    client = client_of(root, scope, reading)
    if isinstance(client, Client) and client.maker is Maker.HTTP:
        return _by_http(call, func.attr, root, scope, reading)
    if func.attr in ("raw_request", "raw_request_async") and isinstance(client, Client):
        verb = reading.values.leading_text(argument(call, 0, "method_"))
        effect = _HTTP_EFFECTS.get(verb.lower())
        key = sdk_key(call, scope, reading)
        return None if effect is None else _request(call, effect, client, key, reading)
    effect = effect_of(func.attr)
    if effect is None:
        return None
    if not services:
        return _on_object(call, func, effect, scope, reading)
    if versioned and len(services) > 1:
        if client is None and not reading.names.imports("stripe", "holdfast"):
            return None
        made = client or Client(Maker.SDK, None, None)
    elif isinstance(client, Client):
        made = client
    else:
        return None
    return _request(call, effect, made, sdk_key(call, scope, reading), reading)


def _services(func: ast.Attribute) -> tuple[list[str], ast.expr]:
    """The services between the client and the method, and the client.

    `client.v1.customers.create` gives `v1` and `customers`, and `client`. `self.client.refunds`
    has its root at `self.client`.
    """
    names: list[str] = []
    node: ast.expr = func.value
    while isinstance(node, ast.Attribute):
        if isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"):
            break
        names.append(node.attr)
        node = node.value
        if names[-1] in ("v1", "v2"):
            break
    return names[::-1], node


def _on_object(
    call: ast.Call, func: ast.Attribute, effect: Effect, scope: Scope, reading: Reading
) -> Request | None:
    """A method of an object that an earlier request gave, such as `intent.confirm()`."""
    if effect is Effect.READS or not isinstance(func.value, ast.Name):
        return None
    for value in scope.assigned.get(func.value.id, []):
        made = value.value if isinstance(value, ast.Await) else value
        if isinstance(made, ast.Call) and isinstance(made.func, ast.Attribute):
            dotted = reading.names.dotted(made.func) or ""
            if dotted.startswith("stripe."):
                source = _module_wide(made, dotted, scope, reading)
                if source is not None:
                    key = sdk_key(call, scope, reading)
                    return _request(call, effect, source.client, key, reading)
    return None


def _by_http(
    call: ast.Call, method: str, client: ast.expr | None, scope: Scope, reading: Reading
) -> Request | None:
    url_at = 0
    if method == "request":
        method = reading.values.leading_text(argument(call, 0, "method")).lower()
        url_at = 1
    effect = _HTTP_EFFECTS.get(method)
    if effect is None:
        return None
    url = reading.values.leading_text(argument(call, url_at, "url"))
    to_stripe = url.startswith(STRIPE_HOST) or (
        client is not None
        and not url.startswith("http")
        and has_stripe_base(client, scope, reading)
    )
    if not to_stripe:
        return None
    made = None if client is None else client_of(client, scope, reading)
    timeout = reading.values.number(keyword(call, "timeout"))
    plain = made if isinstance(made, Client) else Client(Maker.HTTP, 1, timeout)
    if plain.maker is Maker.HTTP and timeout is not None:
        plain = Client(Maker.HTTP, 1, timeout)
    key = header_key(keyword(call, "headers"), call, scope, reading)
    return _request(call, effect, plain, key, reading)


def _request(
    call: ast.Call, effect: Effect, client: Client | Elsewhere, key: Key, reading: Reading
) -> Request:
    text = redact_text(ast.unparse(call.func))
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    return Request(shown, reading.place(call), effect, client, key)
