"""The words that tell a method's effect, against every operation of the official package."""

import ast
from collections.abc import Iterator
from pathlib import Path

import stripe

from holdfast.doctor.code.verbs import Effect, effect_of

PACKAGE = Path(stripe.__file__).parent


def operations() -> Iterator[tuple[str, str]]:
    """The name and the HTTP method of each operation that the package can send."""
    for file in PACKAGE.rglob("*_service.py"):
        for method in ast.walk(ast.parse(file.read_text())):
            if not isinstance(method, ast.FunctionDef):
                continue
            for node in ast.walk(method):
                match node:
                    case ast.Call(
                        func=ast.Attribute(attr="_request"), args=[ast.Constant(value=verb), *_]
                    ):
                        yield method.name, str(verb)


def test_each_operation_has_its_effect() -> None:
    known = set(operations())
    assert len(known) > 100
    for name, verb in known:
        effect = effect_of(name)
        assert (effect is Effect.READS) == (verb == "get"), (name, verb, effect)
        assert effect is not None, name
        assert effect_of(f"{name}_async") is effect
        if verb == "delete":
            assert effect is Effect.SETS, name


def test_what_sends_nothing_has_none() -> None:
    for name in (
        "construct_event",
        "construct_from",
        "to_dict",
        "auto_paging_iter",
        "get",
        "items",
    ):
        assert effect_of(name) is None
