"""What the code makes of the SDK's exceptions."""

import ast
from collections.abc import Iterator, Sequence

from holdfast.doctor.catalogue import CHECKS
from holdfast.doctor.code.reader import Source
from holdfast.doctor.finding import Finding

# Codes of errors whose `code` the SDK leaves None: 429 and 409 (stripe/_api_requestor.py).
_CODES = frozenset({"lock_timeout", "rate_limit", "idempotency_key_in_use"})


def check(source: Source) -> Iterator[Finding]:
    """Find comparisons of `e.code` that never hold."""
    if not source.reading.names.imports("stripe"):
        return
    inner = _error_objects(source.nodes)
    for node in source.nodes:
        if not isinstance(node, ast.Compare):
            continue
        sides = [node.left, *node.comparators]
        codes = sorted(_CODES & {text for side in sides for text in _texts(side)})
        owner = next((owner for side in sides if (owner := _code_of(side, inner))), "")
        if codes and owner:
            yield CHECKS["lock-timeout-code"].at(
                source.reading.place(node),
                f'{owner}.code == "{codes[0]}" never holds.',
                f'{owner}.error is not None and {owner}.error.code == "{codes[0]}", or '
                f'@holdfast.retrying(on="{codes[0]}").',
            )


def _texts(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        for element in node.elts:
            yield from _texts(element)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def _code_of(node: ast.expr, inner: set[str]) -> str:
    """The name whose `code` is read, as `e.code` or `getattr(e, "code", None)`."""
    match node:
        case ast.Attribute(value=ast.Name(id=name), attr="code"):
            return "" if name in inner else name
        case ast.Call(
            func=ast.Name(id="getattr"), args=[ast.Name(id=name), ast.Constant(value="code"), *_]
        ):
            return "" if name in inner else name
    return ""


def _error_objects(nodes: Sequence[ast.AST]) -> set[str]:
    """Names that are given something, such as `e.error`, and are no caught exception."""
    found = set()
    for node in nodes:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.NamedExpr(target=ast.Name(id=name)):
                found.add(name)
    return found - _handled(nodes)


def _handled(nodes: Sequence[ast.AST]) -> set[str]:
    return {node.name for node in nodes if isinstance(node, ast.ExceptHandler) and node.name}
