"""Retries written by hand: loops that try again after an exception."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import replace

from holdfast.doctor.code.facts import Layer, Wait, around
from holdfast.doctor.code.layers import Reading, wrapper_of
from holdfast.doctor.code.names import own_nodes

Loop = ast.For | ast.AsyncFor | ast.While
_LEAVING = (ast.Return, ast.Break)
_SLEEPS = frozenset({"time.sleep", "asyncio.sleep", "anyio.sleep", "gevent.sleep", "trio.sleep"})
_CODES = frozenset({"lock_timeout", "rate_limit", "idempotency_key_in_use"})


def retry_loop(loop: Loop, reading: Reading) -> Layer | None:
    """The layer that a loop is, if it tries the same thing again; None if it goes on to others.

    It does if it ends after a success (`return`, `break`) and an exception handler in it does not
    leave it. A loop over things, each with a `try` of its own, is none.

    Args:
        loop: the loop.
        reading: what the names stand for.
    """
    if not isinstance(loop, ast.While):
        made = wrapper_of(loop.iter, reading)
        if made is not None:
            return around(made, loop.lineno, loop.end_lineno or loop.lineno)
        if not _counts(loop.iter, reading):
            return None
    for attempt in _tries(loop.body):
        handlers = [handler for handler in attempt.handlers if _goes_on(handler)]
        if handlers and _ends_after_success(loop, attempt):
            return _layer(loop, handlers, reading)
    return None


def _layer(loop: Loop, handlers: list[ast.ExceptHandler], reading: Reading) -> Layer:
    attempts, endless = _attempts(loop, reading)
    wait, where = _wait(loop, reading)
    layer = Layer(
        "the loop",
        reading.place(loop),
        attempts=attempts,
        endless=endless,
        catches=_caught(handlers, reading),
        wait=wait,
        reads_code=any(_reads_code(handler) for handler in handlers),
    )
    if where is not None:
        layer = replace(layer, wait_place=reading.place(where))
    return around(layer, loop.lineno, loop.end_lineno or loop.lineno)


def _tries(body: Sequence[ast.stmt]) -> Iterator[ast.Try]:
    for statement in body:
        if isinstance(statement, ast.Try):
            yield statement
        elif isinstance(statement, ast.With | ast.AsyncWith | ast.If):
            yield from _tries(statement.body)


def _counts(iterated: ast.expr, reading: Reading) -> bool:
    """Whether a loop goes over numbers, as one over attempts or waits does."""
    match iterated:
        case ast.Call(func=ast.Name(id="range")):
            return True
        case ast.Call(func=ast.Name(id="enumerate"), args=[first, *_]):
            return _counts(first, reading)
        case ast.Call():
            return reading.names.called(iterated) == "itertools.count"
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            return all(reading.values.number(element) is not None for element in elements)
    return False


def _goes_on(handler: ast.ExceptHandler) -> bool:
    return not isinstance(handler.body[-1], ast.Raise | ast.Return | ast.Break)


def _ends_after_success(loop: Loop, attempt: ast.Try) -> bool:
    inside = [*attempt.body, *attempt.orelse]
    after = [statement for statement in loop.body if statement.lineno > attempt.lineno]
    # `while True` that ends on a condition is one that polls: it repeats after successes, too.
    polls = isinstance(loop, ast.While) and isinstance(loop.test, ast.Constant)
    reached = _reached([*inside, *after], conditions=not polls)
    if any(isinstance(node, _LEAVING) for node in reached):
        return True
    if not isinstance(loop, ast.While) or isinstance(loop.test, ast.Constant):
        return False
    tested = {node.id for node in ast.walk(loop.test) if isinstance(node, ast.Name)}
    return any(
        isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in tested
        for statement in inside
        for node in ast.walk(statement)
    )


def _reached(statements: Sequence[ast.stmt], *, conditions: bool) -> Iterator[ast.AST]:
    """The statements of this loop's own level: not those of loops and functions inside it."""
    for statement in statements:
        yield statement
        if isinstance(statement, ast.With | ast.AsyncWith):
            yield from _reached(statement.body, conditions=conditions)
        elif isinstance(statement, ast.If) and conditions:
            yield from _reached([*statement.body, *statement.orelse], conditions=True)


def _attempts(loop: Loop, reading: Reading) -> tuple[int | None, bool]:
    if isinstance(loop, ast.While):
        bound = _bound(loop.test, reading)
        inner = _bound_inside(loop, reading)
        if bound is None and inner is None:
            constant = isinstance(loop.test, ast.Constant) or _is_flag(loop.test)
            return None, constant and not _leaves_when_tired(loop)
        return min(one for one in (bound, inner) if one is not None), False
    return _length(loop.iter, reading), False


def _length(iterated: ast.expr, reading: Reading) -> int | None:
    match iterated:
        case ast.Call(func=ast.Name(id="range"), args=[stop]):
            return _whole(stop, reading)
        case ast.Call(func=ast.Name(id="range"), args=[start, stop]):
            first, last = _whole(start, reading), _whole(stop, reading)
            return None if first is None or last is None else max(0, last - first)
        case ast.Call(func=ast.Name(id="enumerate"), args=[first, *_]):
            return _length(first, reading)
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            return len(elements)
    return None


def _whole(node: ast.expr, reading: Reading) -> int | None:
    value = reading.values.number(node)
    return None if value is None else int(value)


def _bound(test: ast.expr, reading: Reading) -> int | None:
    match test:
        case ast.Compare(left=ast.Name(), ops=[ast.Lt()], comparators=[limit]):
            return _whole(limit, reading)
        case ast.Compare(left=ast.Name(), ops=[ast.LtE()], comparators=[limit]):
            bound = _whole(limit, reading)
            return None if bound is None else bound + 1
        case ast.BoolOp(op=ast.And(), values=values):
            bounds = [_bound(value, reading) for value in values]
            return next((bound for bound in bounds if bound is not None), None)
    return None


def _bound_inside(loop: ast.While, reading: Reading) -> int | None:
    """The number in `if attempt >= 5: raise`."""
    for node in own_nodes(loop):
        if isinstance(node, ast.If) and _leaves(node):
            match node.test:
                case ast.Compare(
                    left=ast.Name(), ops=[ast.GtE() | ast.Gt() | ast.Eq() as op], comparators=[at]
                ):
                    bound = _whole(at, reading)
                    if bound is not None and bound > 0:
                        return bound + 1 if isinstance(op, ast.Gt) else bound
    return None


def _leaves(node: ast.If) -> bool:
    return any(isinstance(one, ast.Raise | ast.Return | ast.Break) for one in node.body)


def _leaves_when_tired(loop: ast.While) -> bool:
    """Whether some condition in an exception handler leaves the loop."""
    return any(
        isinstance(node, ast.If) and _leaves(node)
        for attempt in _tries(loop.body)
        for handler in attempt.handlers
        for node in ast.walk(handler)
    )


def _is_flag(test: ast.expr) -> bool:
    return isinstance(test.operand if isinstance(test, ast.UnaryOp) else test, ast.Name)


def _caught(handlers: list[ast.ExceptHandler], reading: Reading) -> frozenset[str] | None:
    found: frozenset[str] = frozenset()
    for handler in handlers:
        caught = frozenset({"BaseException"})
        if handler.type is not None:
            named = reading.exceptions(handler.type)
            if named is None:
                return None
            caught = named
        found |= caught
    return found


def _reads_code(handler: ast.ExceptHandler) -> bool:
    return any(
        (isinstance(node, ast.Attribute) and node.attr in ("code", "json_body"))
        or (isinstance(node, ast.Constant) and node.value in _CODES)
        for node in ast.walk(handler)
    )


def _wait(loop: Loop, reading: Reading) -> tuple[Wait, ast.AST | None]:
    for node in own_nodes(loop):
        if isinstance(node, ast.Call) and reading.names.called(node) in _SLEEPS:
            given = node.args[0] if node.args else None
            fixed = reading.values.number(given) is not None
            if fixed:
                return Wait.FIXED, node
            return (Wait.UNKNOWN if _is_config(given) else Wait.VARIED), node
    # A function of the code's own may wait.
    return (Wait.UNKNOWN if _may_sleep(loop) else Wait.NONE), None


def _is_config(given: ast.expr | None) -> bool:
    """Whether a wait is a setting, which is probably always the same, but cannot be seen."""
    return isinstance(given, ast.Attribute)


def _may_sleep(loop: Loop) -> bool:
    return any(
        isinstance(node, ast.Call) and not isinstance(node.func, ast.Attribute)
        for attempt in _tries(loop.body)
        for handler in attempt.handlers
        for node in ast.walk(handler)
    ) or any(
        isinstance(node, ast.Attribute | ast.Name)
        and any(word in _last(node) for word in ("sleep", "wait", "delay", "backoff"))
        for node in own_nodes(loop)
    )


def _last(node: ast.Attribute | ast.Name) -> str:
    return (node.attr if isinstance(node, ast.Attribute) else node.id).lower()
