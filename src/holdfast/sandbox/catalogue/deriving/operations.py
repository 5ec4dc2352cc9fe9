"""The operations that a module of the official package calls for."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from holdfast.sandbox.catalogue.deriving.annotations import Annotations, elements, unquoted
from holdfast.sandbox.catalogue.deriving.modules import Module
from holdfast.sandbox.catalogue.shapes import Form, Record

_CALLS = frozenset({"_request", "_request_stream", "_static_request", "_static_request_stream"})
_ID = re.compile(r"\{[^}]*\}")
_FORMS = {"ListObject": Form.LIST, "SearchResultObject": Form.SEARCH}


@dataclass(frozen=True)
class Call:
    """One place where the package sends a request.

    Attributes:
        name: such as `checkout.sessions.list`.
        method: the HTTP method in upper case.
        template: the path with its ids in braces.
        base: the host it is sent to.
        form: of the answer.
        kinds: of the objects in the answer.
        params: its parameters, if it takes any.
    """

    name: str
    method: str
    template: str
    base: str
    form: Form
    kinds: tuple[str, ...]
    params: Record | None

    @property
    def place(self) -> tuple[str, str]:
        """The method and the path, whatever its ids are called."""
        return self.method, _ID.sub("{}", self.template)


def calls_in(module: Module, annotations: Annotations) -> Iterator[Call]:
    """Find the requests that the methods of a module's classes send."""
    for class_node in module.classes.values():
        for function in class_node.body:
            if isinstance(function, ast.FunctionDef):
                request = _request_in(function)
                if request is not None:
                    yield _described(request, function, module, annotations)


def _request_in(function: ast.FunctionDef) -> ast.Call | None:
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            literal = node.func.attr in _CALLS and len(node.args) > 1
            if literal and _template(node.args[1]) is not None and _text(node.args[0]):
                return node
    return None


def _described(
    request: ast.Call, function: ast.FunctionDef, module: Module, annotations: Annotations
) -> Call:
    template = _template(request.args[1]) or ""
    keywords = {keyword.arg: keyword.value for keyword in request.keywords}
    form, kinds = _answer(function, module, annotations)
    return Call(
        name=_name(template, function.name),
        method=(_text(request.args[0]) or "").upper(),
        template=template,
        base=_text(keywords.get("base_address")) or "api",
        form=form,
        kinds=kinds,
        params=_params(function, module, annotations),
    )


def _template(node: ast.expr) -> str | None:
    """The path of a literal, or of `"...".format(...)`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        node = node.func.value
    text = _text(node)
    return text if text is not None and text.startswith("/v") else None


def _text(node: ast.expr | None) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None


def _name(template: str, function: str) -> str:
    version, *words = [word for word in template.split("/") if word and not word.startswith("{")]
    prefix = [] if version == "v1" else [version]
    return (
        ".".join([*prefix, *words, function])
        if function != words[-1]
        else ".".join([*prefix, *words])
    )


def _answer(
    function: ast.FunctionDef, module: Module, annotations: Annotations
) -> tuple[Form, tuple[str, ...]]:
    node = unquoted(function.returns) if function.returns is not None else None
    if node is None or (isinstance(node, ast.Constant) and node.value is None):
        return Form.NOTHING, ()
    if isinstance(node, ast.Name) and node.id == "Any":
        return Form.BYTES, ()
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
        form = _FORMS.get(node.value.id)
        if form is not None:
            return form, annotations.kinds(elements(node)[0], module)
    return Form.OBJECT, annotations.kinds(node, module)


def _params(function: ast.FunctionDef, module: Module, annotations: Annotations) -> Record | None:
    arguments = function.args
    named = next((one for one in arguments.args if one.arg == "params"), arguments.kwarg)
    if named is None or named.annotation is None:
        return None
    node = unquoted(named.annotation)
    while isinstance(node, ast.Subscript):
        node = unquoted(elements(node)[0])
    found = module.find(node.id) if isinstance(node, ast.Name) else None
    return None if found is None else annotations.record(found)
