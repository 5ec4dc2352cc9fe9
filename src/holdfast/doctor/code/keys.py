"""Where the idempotency key of a call comes from."""

import ast

from holdfast.doctor.code.facts import Key, KeyKind
from holdfast.doctor.code.layers import Reading
from holdfast.doctor.code.names import has_spread, keyword, own_nodes
from holdfast.doctor.code.scopes import Scope

HEADER = "idempotency-key"
_OPTION = "idempotency_key"
_DEPTH = 6

# What gives something else each time it is asked. `datetime.date.today` does so once a day.
_FRESH = (
    "uuid.uuid1",
    "uuid.uuid4",
    "uuid.uuid6",
    "uuid.uuid7",
    "secrets.",
    "random.",
    "os.urandom",
    "time.time",
    "time.monotonic",
    "time.perf_counter",
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "django.utils.timezone.now",
    "ulid.",
    "shortuuid.",
    "nanoid.",
)


def sdk_key(call: ast.Call, scope: Scope, reading: Reading) -> Key:
    """The key of a call of the SDK: `idempotency_key=`, or among its options.

    Args:
        call: the call.
        scope: where it stands.
        reading: what the names stand for.
    """
    given = keyword(call, _OPTION)
    if given is not None:
        return _kind(given, scope, reading)
    options = keyword(call, "options")
    positional = [options] if options is not None else call.args
    for node in positional:
        found = _in_options(node, _OPTION, scope)
        if found is not None:
            return _kind(found, scope, reading)
    unseen = has_spread(call) or (options is not None and not _is_seen(options))
    # `create(params, options)`: what the last of several names holds cannot be seen.
    unseen = unseen or (len(call.args) > 1 and not _is_seen(call.args[-1]))
    return Key(KeyKind.UNSEEN if unseen else KeyKind.NONE)


def header_key(headers: ast.expr | None, call: ast.Call, scope: Scope, reading: Reading) -> Key:
    """The key of a call of an HTTP library: among its headers."""
    if headers is None:
        return Key(KeyKind.UNSEEN if has_spread(call) else KeyKind.NONE)
    found = _in_options(headers, HEADER, scope)
    if found is not None:
        return _kind(found, scope, reading)
    return Key(KeyKind.NONE if _is_seen(headers) else KeyKind.UNSEEN)


def _in_options(node: ast.expr, name: str, scope: Scope, depth: int = _DEPTH) -> ast.expr | None:
    """The value of a name in a dictionary that is written out, here or where a name is given it."""
    if depth == 0:
        return None
    deeper = depth - 1
    match node:
        case ast.Name(id=given):
            values = scope.values_of(given)
            return _in_options(values[0], name, scope, deeper) if len(values) == 1 else None
        case ast.Dict(keys=keys, values=values):
            for key, value in zip(keys, values, strict=True):
                if isinstance(key, ast.Constant) and str(key.value).lower() == name:
                    return value
                if key is None:  # {**base, ...}
                    found = _in_options(value, name, scope, deeper)
                    if found is not None:
                        return found
        case ast.Call():
            return keyword(node, name)
        case ast.BinOp(left=left, right=right):
            first = _in_options(left, name, scope, deeper)
            return first if first is not None else _in_options(right, name, scope, deeper)
    return None


def _is_seen(node: ast.expr) -> bool:
    """Whether all of what a dictionary holds can be seen, and nothing is added to it later."""
    match node:
        case ast.Dict(keys=keys):
            return None not in keys
        case ast.Constant() | ast.JoinedStr():
            return True  # an id, in front of no options at all
        case ast.Attribute() | ast.Subscript():
            return True  # `customer.id`, `event["id"]`
        case ast.Call():
            return (
                not has_spread(node)
                and isinstance(node.func, ast.Name)
                and (node.func.id in ("dict", "str"))
            )
    return False


def _kind(node: ast.expr, scope: Scope, reading: Reading) -> Key:
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            return Key(KeyKind.CONSTANT, reading.place(node))
        return Key(KeyKind.NONE)  # idempotency_key=None
    found = _fresh(node, scope, reading, 3)
    if found is None:
        return Key(KeyKind.GIVEN)
    made, by = found
    return Key(KeyKind.FRESH, reading.place(made), by)


def _fresh(
    node: ast.expr, scope: Scope, reading: Reading, depth: int
) -> tuple[ast.AST, str] | None:
    """The part of an expression that gives something else each time, and what it calls."""
    if depth == 0:
        return None
    for part in ast.walk(node):
        match part:
            case ast.Call(func=func):
                name = reading.names.dotted(func) or ""
                if name.startswith(_FRESH):
                    return part, name
                if isinstance(func, ast.Name):
                    inside = _fresh_inside(func.id, scope, reading, depth - 1)
                    if inside:
                        return part, inside
            case ast.Name(id=name):
                # Only names of this function: what is made outside of it stays the same.
                for value in scope.assigned.get(name, []):
                    found = _fresh(value, scope, reading, depth - 1)
                    if found is not None and scope.outer is not None:
                        return found
    return None


def _fresh_inside(name: str, scope: Scope, reading: Reading, depth: int) -> str:
    """What makes the result of a function of this module fresh; "" if nothing does."""
    called = scope.function_called(name)
    if called is None:
        return ""
    for node in own_nodes(called[1]):
        if isinstance(node, ast.Return) and node.value is not None:
            found = _fresh(node.value, Scope(called[0]), reading, depth)
            if found is not None:
                return found[1]
    return ""
