"""What an expression of the code is, if it is a client that requests to Stripe go out by."""

import ast

from holdfast.doctor.code.facts import DEFAULT_TIMEOUT, Client, Elsewhere, Maker
from holdfast.doctor.code.layers import Reading
from holdfast.doctor.code.names import has_spread, keyword, own_nodes
from holdfast.doctor.code.scopes import Scope, function_scope
from holdfast.policy import Policy

STRIPE_HOST = "https://api.stripe.com"
STRIPE_CLIENTS = frozenset({"stripe.StripeClient", "stripe._stripe_client.StripeClient"})
HOLDFAST_CLIENTS = frozenset(
    {"holdfast.stripe_client", "holdfast.integrations.stripe.stripe_client"}
)
HOLDFAST_HTTP_CLIENTS = frozenset(
    {"holdfast.StripeHTTPClient", "holdfast.integrations.stripe.StripeHTTPClient"}
)
HTTP_LIBRARIES = frozenset({"requests", "httpx", "httpx2"})
_SESSIONS = frozenset(
    {
        "requests.Session",
        "requests.session",
        "httpx.Client",
        "httpx.AsyncClient",
        "httpx2.Client",
        "httpx2.AsyncClient",
    }
)
# Holdfast's transports bring their own retries and deadline.
_TRANSPORTS = ("holdfast.integrations.",)
_DEPTH = 6


def client_of(
    node: ast.expr | None, scope: Scope, reading: Reading, depth: int = _DEPTH
) -> Client | Elsewhere | None:
    """What a client an expression is.

    Args:
        node: the expression.
        scope: where it stands.
        reading: what the names stand for.
        depth: how many names and functions are followed at the most.

    Returns:
        The client; or its name in another module of the tree; or None if it is none that can be
        seen.
    """
    if node is None or depth == 0:
        return None
    match node:
        case ast.Await(value=inner):
            return client_of(inner, scope, reading, depth)
        case ast.Call():
            return _made(node, scope, reading, depth)
        case ast.Name(id=name):
            return _named(name, node, scope, reading, depth)
        case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name) if scope.fields:
            return _field(name, scope, reading, depth)
    dotted = reading.names.dotted(node)
    return None if dotted is None else Elsewhere(dotted)


def _named(
    name: str, node: ast.Name, scope: Scope, reading: Reading, depth: int
) -> Client | Elsewhere | None:
    for value in scope.values_of(name):
        found = client_of(value, scope, reading, depth - 1)
        if found is not None:
            return found
    annotated = _annotated(scope.annotation_of(name), reading)
    if annotated is not None:
        return annotated
    dotted = reading.names.dotted(node)
    return None if dotted is None else Elsewhere(dotted)


def _field(name: str, scope: Scope, reading: Reading, depth: int) -> Client | Elsewhere | None:
    fields = scope.fields
    if fields is None:
        return None
    for value in fields.assigned.get(name, []):
        found = client_of(value, scope, reading, depth - 1)
        if isinstance(found, Client):
            return found
    return _annotated(fields.annotated.get(name), reading)


def _annotated(annotation: ast.expr | None, reading: Reading) -> Client | None:
    """A client that only its type is known of: how it was made cannot be seen."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        plain = annotation.value.rpartition(".")[2] == "StripeClient"
        return Client(Maker.SDK, None, None) if plain else None
    if isinstance(annotation, ast.BinOp):  # StripeClient | None
        return _annotated(annotation.left, reading) or _annotated(annotation.right, reading)
    if reading.names.dotted(annotation) in STRIPE_CLIENTS:
        return Client(Maker.SDK, None, None)
    return None


def _made(call: ast.Call, scope: Scope, reading: Reading, depth: int) -> Client | Elsewhere | None:
    name = reading.names.dotted(call.func)
    if name in STRIPE_CLIENTS:
        return stripe_client(call, scope, reading, depth)
    if name in HOLDFAST_CLIENTS:
        return _holdfast(_policy(call, 1), scope, reading)
    if name in HOLDFAST_HTTP_CLIENTS:
        return _holdfast(_policy(call, 0), scope, reading)
    if name in _SESSIONS:
        return _session(call, reading)
    if name is not None and name.startswith("stripe.") and name.endswith("Client"):
        given = keyword(call, "timeout")
        longest = DEFAULT_TIMEOUT if given is None else reading.values.number(given)
        return Client(Maker.SDK, None, longest)
    if isinstance(call.func, ast.Name):
        called = scope.function_called(call.func.id)
        if called is not None:
            return _returned(called[1], scope, reading, depth - 1)
    return None if name is None else Elsewhere(f"{name}()")


def stripe_client(
    call: ast.Call, scope: Scope, reading: Reading, depth: int = _DEPTH
) -> Client | Elsewhere:
    """The client that `stripe.StripeClient(...)` makes."""
    given = keyword(call, "http_client")
    inner = client_of(given, scope, reading, depth - 1) if given is not None else None
    if isinstance(inner, Client) and inner.maker is Maker.HOLDFAST:
        return inner
    longest = inner.longest if isinstance(inner, Client) else DEFAULT_TIMEOUT
    if given is not None and not isinstance(inner, Client):
        return Client(Maker.SDK, None, None)  # it may be Holdfast's
    return Client(Maker.SDK, _sdk_attempts(call, reading), longest)


def _sdk_attempts(call: ast.Call, reading: Reading) -> int | None:
    given = keyword(call, "max_network_retries")
    if given is None:
        return None if has_spread(call) else 1
    value = reading.values.of(given)
    if value is None:
        return 1
    return int(value) + 1 if isinstance(value, int) else None


def _policy(call: ast.Call, position: int) -> ast.expr | None:
    if position < len(call.args):
        return call.args[position]
    return keyword(call, "policy")


def policy_call(node: ast.expr | None, scope: Scope, reading: Reading) -> ast.Call | None:
    """The `Policy(...)` that an expression is, if that can be seen."""
    for _ in range(_DEPTH):
        if isinstance(node, ast.Name):
            values = scope.values_of(node.id)
            node = values[0] if values else None
        else:
            break
    if isinstance(node, ast.Call) and is_policy(reading.names.dotted(node.func)):
        return node
    return None


def is_policy(name: str | None) -> bool:
    """Whether a dotted name is that of `holdfast.Policy`."""
    return name in ("holdfast.Policy", "holdfast.policy.Policy")


def _holdfast(policy: ast.expr | None, scope: Scope, reading: Reading) -> Client:
    """A client of Holdfast's with a policy; with `Policy()` if there is none."""
    default = Policy()
    if policy is None:
        return Client(Maker.HOLDFAST, default.max_retries + 1, default.deadline)
    made = policy_call(policy, scope, reading)
    if made is None:
        return Client(Maker.HOLDFAST, None, None)
    deadline, retries = keyword(made, "deadline"), keyword(made, "max_retries")
    longest = default.deadline if deadline is None else reading.values.number(deadline)
    number = default.max_retries if retries is None else reading.values.number(retries)
    return Client(Maker.HOLDFAST, None if number is None else int(number) + 1, longest)


def _session(call: ast.Call, reading: Reading) -> Client | None:
    """A client of an HTTP library, if it is one for Stripe or may be."""
    transport = keyword(call, "transport")
    made = reading.names.called(transport) or ""
    if made.startswith(_TRANSPORTS):
        return Client(Maker.HOLDFAST, None, None)
    base = reading.values.leading_text(keyword(call, "base_url"))
    if base and not base.startswith(STRIPE_HOST):
        return None
    given = keyword(call, "timeout")
    longest = None if given is None else reading.values.number(given)
    return Client(Maker.HTTP, 1, longest)


def has_stripe_base(node: ast.expr, scope: Scope, reading: Reading, depth: int = _DEPTH) -> bool:
    """Whether a client of an HTTP library has Stripe's address as its base."""
    if depth == 0:
        return False
    given: list[ast.expr] = []
    match node:
        case ast.Name(id=name):
            given = scope.values_of(name)
        case ast.Attribute(value=ast.Name(id="self"), attr=name) if scope.fields:
            given = scope.fields.assigned.get(name, [])
        case ast.Call():
            base = reading.values.leading_text(keyword(node, "base_url"))
            return base.startswith(STRIPE_HOST)
    return any(has_stripe_base(one, scope, reading, depth - 1) for one in given[:4])


def _returned(
    function: ast.FunctionDef | ast.AsyncFunctionDef,
    scope: Scope,
    reading: Reading,
    depth: int,
) -> Client | Elsewhere | None:
    inner = function_scope(function, scope, None)
    for node in own_nodes(function):
        if isinstance(node, ast.Return) and node.value is not None:
            found = client_of(node.value, inner, reading, depth)
            if found is not None:
                return found
    return _annotated(function.returns, reading)


def returned_by(
    function: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope, reading: Reading
) -> Client | Elsewhere | None:
    """The client that a function returns, if it does."""
    return _returned(function, scope, reading, _DEPTH)
