"""Which values the names of a function, a class and a module are given."""

import ast
from dataclasses import dataclass, field

from holdfast.doctor.code.names import own_nodes

AnyFunction = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(slots=True)
class Scope:
    """The names of a module or a function.

    Attributes:
        name: the dotted name of the module or function.
        outer: the scope around it.
        assigned: the values that each name is given.
        annotated: the annotations of parameters and names.
        functions: the functions that are defined in it.
        fields: in a method, what the class gives to `self.x` and to its own names.
        parameters: the function's parameters.
    """

    name: str
    outer: "Scope | None" = None
    assigned: dict[str, list[ast.expr]] = field(default_factory=dict)
    annotated: dict[str, ast.expr] = field(default_factory=dict)
    functions: dict[str, AnyFunction] = field(default_factory=dict)
    fields: "Fields | None" = None
    parameters: frozenset[str] = frozenset()

    def is_parameter(self, name: str) -> bool:
        """Whether a name is a parameter of this function or of one around it."""
        if name in self.parameters:
            return True
        hidden = name in self.assigned or name in self.functions
        return not hidden and self.outer is not None and self.outer.is_parameter(name)

    def values_of(self, name: str) -> list[ast.expr]:
        """What a name is given, here or, if it is no name of this scope, further out."""
        here = self.assigned.get(name)
        if here is not None or name in self.annotated or self.outer is None:
            return here or []
        return self.outer.values_of(name)

    def annotation_of(self, name: str) -> ast.expr | None:
        """The annotation of a name."""
        here = self.annotated.get(name)
        if here is not None or name in self.assigned or self.outer is None:
            return here
        return self.outer.annotation_of(name)

    def function_called(self, name: str) -> tuple[str, AnyFunction] | None:
        """The function of this module that a bare name stands for, with its dotted name."""
        here = self.functions.get(name)
        if here is not None:
            return f"{self.name}.{name}", here
        return None if self.outer is None else self.outer.function_called(name)


@dataclass(slots=True)
class Fields:
    """A class, as far as its methods see it through `self`.

    Attributes:
        name: its dotted name.
        assigned: the values that `self.x` is given in any method, or `x` in the class.
        annotated: their annotations.
        methods: its methods.
    """

    name: str
    assigned: dict[str, list[ast.expr]] = field(default_factory=dict)
    annotated: dict[str, ast.expr] = field(default_factory=dict)
    methods: dict[str, AnyFunction] = field(default_factory=dict)


def module_scope(tree: ast.Module, name: str) -> Scope:
    """The scope of a module."""
    return _filled(Scope(name), tree)


def function_scope(function: AnyFunction, outer: Scope, fields: Fields | None) -> Scope:
    """The scope of a function inside another one."""
    owner = outer.name if fields is None else fields.name
    scope = Scope(f"{owner}.{function.name}", outer, fields=fields or outer.fields)
    spec = function.args
    words = (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)
    scope.parameters = frozenset(word.arg for word in words)
    for word in words:
        # A parameter hides what is further out, whether it has an annotation or not.
        scope.assigned.setdefault(word.arg, [])
        if word.annotation is not None:
            scope.annotated[word.arg] = word.annotation
    return _filled(scope, function)


def class_fields(node: ast.ClassDef, outer: Scope) -> Fields:
    """What a class gives to its methods."""
    fields = Fields(f"{outer.name}.{node.name}")
    for child in own_nodes(node):
        _note(child, fields.assigned, fields.annotated)
    for child in node.body:
        if isinstance(child, AnyFunction):
            fields.methods[child.name] = child
            parameters = {word.arg: word.annotation for word in child.args.args}
            for inner in own_nodes(child):
                _note_self(inner, parameters, fields)
    return fields


def _filled(scope: Scope, node: ast.AST) -> Scope:
    for child in own_nodes(node):
        _note(child, scope.assigned, scope.annotated)
        if isinstance(child, AnyFunction):
            scope.functions[child.name] = child
    return scope


def _note(
    node: ast.AST, assigned: dict[str, list[ast.expr]], annotated: dict[str, ast.expr]
) -> None:
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                if isinstance(target, ast.Name):
                    assigned.setdefault(target.id, []).append(value)
        case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value):
            annotated[name] = annotation
            if value is not None:
                assigned.setdefault(name, []).append(value)
        case ast.NamedExpr(target=ast.Name(id=name), value=value):
            assigned.setdefault(name, []).append(value)
        case ast.With(items=items) | ast.AsyncWith(items=items):
            for item in items:
                if isinstance(item.optional_vars, ast.Name):
                    assigned.setdefault(item.optional_vars.id, []).append(item.context_expr)


def _note_self(node: ast.AST, parameters: dict[str, ast.expr | None], fields: Fields) -> None:
    match node:
        case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)], value=value):
            fields.assigned.setdefault(name, []).append(value)
            annotation = parameters.get(value.id) if isinstance(value, ast.Name) else None
            if annotation is not None:
                fields.annotated[name] = annotation
        case ast.AnnAssign(
            target=ast.Attribute(value=ast.Name(id="self"), attr=name),
            annotation=annotation,
            value=value,
        ):
            fields.annotated[name] = annotation
            if value is not None:
                fields.assigned.setdefault(name, []).append(value)
