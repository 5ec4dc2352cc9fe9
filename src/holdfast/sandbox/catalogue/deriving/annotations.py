"""What the official package's annotations say about a value, as shapes."""

import ast
from dataclasses import dataclass, field

from holdfast.sandbox.catalogue.deriving.modules import Found, Module, Scope
from holdfast.sandbox.catalogue.shapes import (
    Choice,
    Either,
    Embedded,
    ListOf,
    MapOf,
    Nullable,
    Page,
    Primitive,
    Record,
    Reference,
    Shape,
    either,
)

_PRIMITIVES = {
    "str": Primitive.TEXT,
    "int": Primitive.INTEGER,
    "float": Primitive.NUMBER,
    "bool": Primitive.BOOLEAN,
    "Decimal": Primitive.DECIMAL,
}
_NOT_FIELDS = frozenset({"RequestOptions", "TypedDict", "StripeObject"})
"""Bases whose fields are none of Stripe's."""
_PAGES = frozenset({"ListObject", "SearchResultObject"})


@dataclass
class Annotations:
    """Reads annotations; remembers the records it made."""

    _records: dict[int, Record] = field(default_factory=dict)

    def read(self, node: ast.expr, module: Module, scope: Scope = ()) -> Shape:
        """Return the shape of an annotation that is written in a module, within a scope."""
        node = unquoted(node)
        if isinstance(node, ast.Name):
            return self._named(node.id, module, scope)
        if isinstance(node, ast.BinOp):
            return self._union([node.left, node.right], module, scope)
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
            return self._generic(node.value.id, elements(node), module, scope)
        return Primitive.ANYTHING

    def record(self, found: Found) -> Record:
        """Return the fields of a class: those of its own, and those of its bases."""
        if id(found.node) not in self._records:
            fields: dict[str, Shape] = {}
            required: list[str] = []
            for name, node in self._annotated(found):
                inner, is_required = _required(node)
                shape = self.read(inner, found.module, found.inside)
                fields[name] = shape
                if is_required and not isinstance(shape, Nullable):
                    required.append(name)
            self._records[id(found.node)] = Record(_encoded(fields, found.node), tuple(required))
        return self._records[id(found.node)]

    def _annotated(self, found: Found) -> list[tuple[str, ast.expr]]:
        inherited: list[tuple[str, ast.expr]] = []
        for base in found.node.bases:
            if isinstance(base, ast.Name) and base.id in found.module.functional:
                typed = found.module.functional[base.id]
                for key, value in zip(typed.keys, typed.values, strict=True):
                    if isinstance(key, ast.Constant) and isinstance(key.value, str):
                        inherited.append((key.value, value))
            elif isinstance(base, ast.Name) and base.id not in _NOT_FIELDS:
                parent = found.module.find(base.id)
                if parent is not None and parent.module is found.module:
                    inherited += self._annotated(parent)
        own = [
            (node.target.id, node.annotation)
            for node in found.node.body
            if isinstance(node, ast.AnnAssign)
            and isinstance(node.target, ast.Name)
            and not _is_class_variable(node.annotation)
        ]
        return inherited + own

    def _named(self, name: str, module: Module, scope: Scope) -> Shape:
        if name in _PRIMITIVES:
            return _PRIMITIVES[name]
        found = module.find(name, scope)
        if found is None or found.node.name in {"UntypedStripeObject", "StripeObject"}:
            return Primitive.ANYTHING
        kind = object_name(found.node)
        return self.record(found) if kind is None else Embedded(kind)

    def _generic(self, head: str, inner: list[ast.expr], module: Module, scope: Scope) -> Shape:
        match head:
            case "Optional":
                shape = self.read(inner[0], module, scope)
                return shape if isinstance(shape, Nullable) else Nullable(shape)
            case "NotRequired":
                return self.read(inner[0], module, scope)
            case "List":
                return ListOf(self.read(inner[0], module, scope))
            case "Dict" | "Mapping":
                return MapOf(self.read(inner[1], module, scope))
            case "UntypedStripeObject":
                return MapOf(self.read(inner[0], module, scope))
            case "Literal" | "Union":
                node = ast.Subscript(ast.Name(head), ast.Tuple(inner))
                return self._union([node] if head == "Literal" else inner, module, scope)
            case "ExpandableField":
                return Reference(self.kinds(inner[0], module, scope))
            case _ if head in _PAGES:
                return Page(self.kinds(inner[0], module, scope))
            case _:
                return Primitive.ANYTHING

    def kinds(self, node: ast.expr, module: Module, scope: Scope = ()) -> tuple[str, ...]:
        """Return the object names of the classes that an annotation allows."""
        shape = self.read(node, module, scope)
        options = shape.options if isinstance(shape, Either) else (shape,)
        return tuple(option.kind for option in options if isinstance(option, Embedded))

    def _union(self, parts: list[ast.expr], module: Module, scope: Scope) -> Shape:
        """Literals beside `str` are the values this version knows, so they are the choices."""
        literals: dict[str, None] = {}
        others: list[Shape] = []
        for part in _flat(parts):
            if _head(part) == "Literal" and isinstance(part, ast.Subscript):
                values = [one.value for one in elements(part) if isinstance(one, ast.Constant)]
                literals.update(dict.fromkeys(str(value) for value in values))
                if any(isinstance(value, bool) for value in values):
                    others.append(Primitive.BOOLEAN)
            elif _is_none(part):
                literals[""] = None
            else:
                others.append(self.read(part, module, scope))
        nullable = "" in literals
        literals.pop("", None)
        if Primitive.BOOLEAN in others:
            literals = {word: None for word in literals if word not in {"True", "False"}}
        if literals:
            others = [Choice(tuple(literals)), *(one for one in others if one != Primitive.TEXT)]
        others = _without_twins(others)
        shape = either(others) if others else Primitive.TEXT
        return Nullable(shape) if nullable and not isinstance(shape, Nullable) else shape


def unquoted(node: ast.expr) -> ast.expr:
    """Return the annotation that a text stands for."""
    while isinstance(node, ast.Constant) and isinstance(node.value, str):
        node = ast.parse(node.value.strip(), mode="eval").body
    return node


def elements(node: ast.Subscript) -> list[ast.expr]:
    """Return what stands between the brackets."""
    return node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]


def object_name(node: ast.ClassDef) -> str | None:
    """Return a resource class's `OBJECT_NAME`: the `object` of what it stands for."""
    for child in node.body:
        if isinstance(child, ast.AnnAssign) and isinstance(child.target, ast.Name):
            value = child.value.value if isinstance(child.value, ast.Constant) else None
            if child.target.id == "OBJECT_NAME" and isinstance(value, str):
                return value
    return None


def _required(node: ast.expr) -> tuple[ast.expr, bool]:
    node = unquoted(node)
    if _head(node) == "NotRequired" and isinstance(node, ast.Subscript):
        return node.slice, False
    return node, True


def _head(node: ast.expr) -> str:
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
        return node.value.id
    return ""


def _is_class_variable(node: ast.expr) -> bool:
    return _head(unquoted(node)) == "ClassVar"


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _flat(parts: list[ast.expr]) -> list[ast.expr]:
    flat: list[ast.expr] = []
    for part in parts:
        node = unquoted(part) if not _is_none(part) else part
        if isinstance(node, ast.BinOp):
            flat += _flat([node.left, node.right])
        elif _head(node) == "Union" and isinstance(node, ast.Subscript):
            flat += _flat(elements(node))
        else:
            flat.append(node)
    return flat


def _without_twins(options: list[Shape]) -> list[Shape]:
    """Leave one of two mappings, which the package writes as a dict and as its own class."""
    kept: list[Shape] = []
    for option in options:
        if option is Primitive.ANYTHING and any(isinstance(one, MapOf) for one in kept):
            continue
        if option not in kept:
            kept.append(option)
    return kept


def _encoded(fields: dict[str, Shape], node: ast.ClassDef) -> dict[str, Shape]:
    """Mark the integers that JSON carries as text: `_field_encodings` of the class says which."""
    for child in node.body:
        target = child.targets[0] if isinstance(child, ast.Assign) else None
        if isinstance(target, ast.Name) and target.id == "_field_encodings":
            encodings = ast.literal_eval(child.value) if isinstance(child, ast.Assign) else {}
            for name, encoding in encodings.items():
                if encoding == "int64_string":
                    fields[name] = _as_text(fields[name])
    return fields


def _as_text(shape: Shape) -> Shape:
    if isinstance(shape, Nullable):
        return Nullable(_as_text(shape.of))
    return Primitive.BIG_INTEGER if shape is Primitive.INTEGER else shape
