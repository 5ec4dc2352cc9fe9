"""From the syntax tree of a module to the facts that are kept of it."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace

from holdfast.doctor.code.clients import STRIPE_HOST, client_of, returned_by
from holdfast.doctor.code.facts import Block, Edge, Elsewhere, Function, Layer, Module, Request
from holdfast.doctor.code.jobs import (
    enqueued,
    layer_of_decorator,
    layer_of_function,
    time_limit_of,
)
from holdfast.doctor.code.layers import Reading, celery_class, wrapper_of
from holdfast.doctor.code.loops import retry_loop
from holdfast.doctor.code.names import Names
from holdfast.doctor.code.requests import request_of
from holdfast.doctor.code.scopes import (
    AnyFunction,
    Fields,
    Scope,
    class_fields,
    function_scope,
    module_scope,
)
from holdfast.doctor.code.settings import note_assignment, note_constants, note_update
from holdfast.doctor.code.values import Values

_BLOCKS = frozenset(
    {
        "holdfast.allowance",
        "holdfast.deadline",
        "holdfast.lane",
        "holdfast.priority",
        "django.db.transaction.atomic",
    }
)
# They call the function that they are given, here and now.
_CALLERS = frozenset(
    {"asyncio.to_thread", "anyio.to_thread.run_sync", "asgiref.sync.sync_to_async"}
)


@dataclass(frozen=True, slots=True)
class Source:
    """A parsed module, for the checks that look at its code.

    Attributes:
        tree: its syntax tree.
        nodes: all nodes of it.
        calls: all calls in it, each with the names that it sees.
        text: its text.
        reading: what its names stand for.
        scope: its names.
        facts: what is kept of it.
        is_test: whether it is a test, by its name or its folder.
    """

    tree: ast.Module
    nodes: list[ast.AST]
    calls: list[tuple[ast.Call, Scope]]
    text: str
    reading: Reading
    scope: Scope
    facts: Module
    is_test: bool


def parse(text: str, file: str, name: str, *, is_test: bool = False) -> Source:
    """Parse a module and gather its facts.

    Args:
        text: the module's text.
        file: its name in findings.
        name: its dotted name.
        is_test: whether it is a test.

    Raises:
        SyntaxError, ValueError, RecursionError: it cannot be parsed.
    """
    tree = ast.parse(text, filename=file)
    nodes = list(ast.walk(tree))
    names = Names(nodes, name, is_package=file.endswith("__init__.py"))
    reading = Reading(names, Values(tree, nodes, names), file)
    scope = module_scope(tree, name)
    facts = Module(name, names.imports("stripe", "holdfast") or STRIPE_HOST in text)
    walk = _Walk(facts, tree, reading)
    walk.all(scope)
    note_constants(facts, tree, reading)
    _note_clients(facts, scope, reading)
    return Source(tree, nodes, walk.calls, text, reading, scope, facts, is_test)


def _note_clients(facts: Module, scope: Scope, reading: Reading) -> None:
    if facts.concerned:
        for name in scope.assigned:
            found = client_of(ast.Name(id=name), scope, reading)
            if found is not None:
                facts.clients[f"{facts.name}.{name}"] = found
        for name, function in scope.functions.items():
            found = returned_by(function, scope, reading)
            if found is not None:
                facts.clients[f"{facts.name}.{name}()"] = found
    for name, stands_for in reading.names.known():
        if "." in stands_for and name not in scope.assigned:
            facts.clients.setdefault(f"{facts.name}.{name}", Elsewhere(stands_for))


@dataclass(frozen=True, slots=True)
class _Here:
    """Where the walk is."""

    scope: Scope
    function: Function
    layers: tuple[Layer, ...] = ()
    blocks: tuple[Block, ...] = ()
    outermost: Function | None = None
    through: str = ""


class _Walk:
    def __init__(self, facts: Module, tree: ast.Module, reading: Reading) -> None:
        self._facts = facts
        self._tree = tree
        self._reading = reading
        self.calls: list[tuple[ast.Call, Scope]] = []

    def all(self, scope: Scope) -> None:
        """Walk the whole module."""
        outside = self._function(f"{scope.name}.<module>")
        self._each(self._tree.body, _Here(scope, outside), None)

    def _function(self, name: str) -> Function:
        # Of two of the same name, as in `try: ... except ImportError: ...`, both count.
        return self._facts.functions.setdefault(name, Function(name))

    def _each(self, nodes: Sequence[ast.AST], here: _Here, fields: Fields | None) -> None:
        for node in nodes:
            self._visit(node, here, fields)

    def _visit(self, node: ast.AST, here: _Here, fields: Fields | None = None) -> None:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._define(node, here, fields)
                return
            case ast.ClassDef():
                self._each(node.decorator_list, here, None)
                fields = class_fields(node, here.scope)
                self._each(node.body, here, fields)
                job = celery_class(node, self._reading)
                if job is not None and "run" in fields.methods:
                    self._function(f"{fields.name}.run").layers += (job,)
                return
            case ast.For() | ast.AsyncFor() | ast.While():
                here = self._in_loop(node, here)
            case ast.With() | ast.AsyncWith():
                here = self._in_block(node, here)
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    note_assignment(self._facts, target, value, here.scope, self._reading)
            case ast.Call():
                self._call(node, here)
                self._visit(node.func, here)
                self._arguments(node, here)
                return
        self._each(list(ast.iter_child_nodes(node)), here, fields)

    def _define(self, node: AnyFunction, here: _Here, fields: Fields | None) -> None:
        scope = function_scope(node, here.scope, fields)
        function = self._function(scope.name)
        # The innermost decorator stands last.
        for decorator in reversed(node.decorator_list):
            layer = layer_of_decorator(decorator, node, here.scope, self._reading)
            if layer is not None:
                function.layers += (layer,)
            block = self._block(decorator)
            if block is not None:
                function.blocks += (block,)
            named = decorator.func if isinstance(decorator, ast.Call) else decorator
            wrapper = None if layer else self._callee(named, here.scope)
            if wrapper is not None:
                function.wrapped_by.append(wrapper)
            function.time_limit = function.time_limit or time_limit_of(decorator, self._reading)
        job = layer_of_function(node, self._tree, self._reading)
        if job is not None:
            function.layers += (job,)
        self._each([*node.decorator_list, node.args], here, None)
        inside = _Here(scope, function, outermost=here.outermost or function)
        self._each(node.body, inside, None)

    def _in_loop(self, node: ast.For | ast.AsyncFor | ast.While, here: _Here) -> _Here:
        layer = retry_loop(node, self._reading)
        return here if layer is None else replace(here, layers=(layer, *here.layers))

    def _in_block(self, node: ast.With | ast.AsyncWith, here: _Here) -> _Here:
        found = [self._block(item.context_expr) for item in node.items]
        blocks = tuple(block for block in found if block is not None)
        return replace(here, blocks=(*here.blocks, *blocks)) if blocks else here

    def _block(self, node: ast.expr) -> Block | None:
        name = self._reading.names.called(node)
        return Block(name, self._reading.place(node)) if name in _BLOCKS and name else None

    def _call(self, node: ast.Call, here: _Here) -> None:
        self.calls.append((node, here.scope))
        note_update(self._facts, node, self._reading)
        request = request_of(node, here.scope, self._reading)
        if request is not None:
            self._keep(request, here)
            return
        job = enqueued(node, self._reading)
        if job is not None:
            target = self._callee(job[0], here.scope)
            if target is not None:
                self._facts.given.append((target, job[1]))
            return
        self._note_argument_call(node, here)
        self._edge(node, here)

    def _keep(self, request: Request, here: _Here) -> None:
        placed = replace(request, layers=here.layers, blocks=here.blocks, through=here.through)
        here.function.requests.append(placed)

    def _note_argument_call(self, node: ast.Call, here: _Here) -> None:
        """Keep what a function puts around the functions that it is given, as decorators do."""
        if here.outermost is None or not isinstance(node.func, ast.Name):
            return
        if here.scope.is_parameter(node.func.id) and here.layers:
            here.outermost.around_arguments = here.layers

    def _arguments(self, node: ast.Call, here: _Here) -> None:
        """What a call is given: methods and lambdas that it may call are requests through it."""
        through = self._callee(node.func, here.scope) or here.through
        inside = replace(here, through=through)
        for index, given in enumerate(node.args):
            if isinstance(given, ast.Attribute):
                call = ast.Call(given, node.args[index + 1 :], node.keywords)
                request = request_of(ast.copy_location(call, given), here.scope, self._reading)
                if request is not None:
                    self._keep(request, inside)
            self._visit(given, inside if isinstance(given, ast.Lambda) else here)
        for word in node.keywords:
            self._visit(word.value, inside if isinstance(word.value, ast.Lambda) else here)

    def _edge(self, node: ast.Call, here: _Here) -> None:
        called, layers = node.func, here.layers
        # `Retrying(...)(f, x)`, `Retrying(...).call(f, x)` and `asyncio.to_thread(f, x)`.
        inner = called.value if isinstance(called, ast.Attribute) else called
        wrapper = wrapper_of(inner, self._reading) if isinstance(inner, ast.Call) else None
        given = wrapper is not None or self._reading.names.dotted(called) in _CALLERS
        if given and node.args:
            called = node.args[0]
        if wrapper is not None:
            layers = (wrapper, *layers)
        callee = self._callee(called, here.scope)
        if callee is not None:
            here.function.edges.append(Edge(callee, layers, here.blocks))

    def _callee(self, node: ast.expr, scope: Scope) -> str | None:
        """The dotted name of the function that an expression stands for."""
        match node:
            case ast.Name(id=name):
                own = scope.function_called(name)
                return self._reading.names.dotted(node) if own is None else own[0]
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=method) if scope.fields:
                known = method in scope.fields.methods
                return f"{scope.fields.name}.{method}" if known else None
            case ast.Attribute(value=ast.Name() as owner, attr=method):
                of_class = self._class_of(owner, scope)
                if of_class is not None:
                    return f"{of_class}.{method}"
            case ast.Attribute(value=ast.Call(func=ast.Name() as maker), attr=method):
                return f"{self._class_name(maker)}.{method}"
        return self._reading.names.dotted(node)

    def _class_of(self, owner: ast.Name, scope: Scope) -> str | None:
        """The class that a name is an instance of, if it was made here."""
        for value in scope.values_of(owner.id):
            if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
                return self._class_name(value.func)
        return None

    def _class_name(self, maker: ast.Name) -> str:
        return self._reading.names.dotted(maker) or f"{self._facts.name}.{maker.id}"
