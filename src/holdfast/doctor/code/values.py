"""The values of expressions, as far as they are constant."""

import ast
import operator
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeGuard

from holdfast.doctor.code.names import Names, keyword


class _Unknown:
    """Stands for a value that only running the code would tell."""

    def __bool__(self) -> bool:
        return False


UNKNOWN: Final = _Unknown()

_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}
_UNITS = {
    "seconds": 1.0,
    "milliseconds": 0.001,
    "minutes": 60.0,
    "hours": 3600.0,
    "days": 86_400.0,
}


class Values:
    """The constants of a module: names that are assigned once, at its top level.

    Args:
        tree: the module.
        nodes: all its nodes.
        names: its imports.
    """

    def __init__(self, tree: ast.Module, nodes: Iterable[ast.AST], names: Names) -> None:
        self._names = names
        self._assigned: dict[str, ast.expr] = {}
        twice = _assigned_twice(nodes)
        for statement in tree.body:
            target, value = _assignment(statement)
            if target and value is not None and target not in twice:
                self._assigned[target] = value

    def of(self, node: ast.expr | None, *, depth: int = 4) -> object:
        """The value of an expression: a number, a text, True, False, None; or UNKNOWN."""
        if node is None or depth == 0:
            return UNKNOWN
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name) if name in self._assigned:
                return self.of(self._assigned[name], depth=depth - 1)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                number = self.of(operand, depth=depth)
                return -number if _is_number(number) else UNKNOWN
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
                first, second = self.of(left, depth=depth), self.of(right, depth=depth)
                if _is_number(first) and _is_number(second):
                    return _ARITHMETIC[type(op)](first, second)
                return UNKNOWN
            case ast.Call() if self._names.called(node) == "datetime.timedelta":
                return self._span(node)
        return UNKNOWN

    def number(self, node: ast.expr | None) -> float | None:
        """The value of an expression if it is a number."""
        value = self.of(node)
        return value if _is_number(value) else None

    def leading_text(self, node: ast.expr | None, *, depth: int = 8) -> str:
        """The text that the value of an expression surely begins with."""
        if depth == 0:
            return ""
        deeper = depth - 1
        match node:
            case ast.Constant(value=str(text)):
                return text
            case ast.JoinedStr(values=[first, *rest]):
                inner = first.value if isinstance(first, ast.FormattedValue) else first
                text = self.leading_text(inner, depth=deeper)
                if not text or not rest:
                    return text
                return text + self.leading_text(ast.JoinedStr(rest), depth=deeper)
            case ast.BinOp(left=left, op=ast.Add()):
                return self.leading_text(left, depth=deeper)
            case ast.Name(id=name) if name in self._assigned:
                return self.leading_text(self._assigned[name], depth=deeper)
        return ""

    def _span(self, call: ast.Call) -> object:
        total = 0.0
        for unit, seconds in _UNITS.items():
            given = keyword(call, unit)
            if given is not None:
                number = self.number(given)
                if number is None:
                    return UNKNOWN
                total += number * seconds
        return total or UNKNOWN


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _assigned_twice(nodes: Iterable[ast.AST]) -> set[str]:
    once: set[str] = set()
    twice: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            (twice if node.id in once else once).add(node.id)
    return twice


def _assignment(statement: ast.stmt) -> tuple[str, ast.expr | None]:
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            return name, value
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            return name, value
    return "", None
