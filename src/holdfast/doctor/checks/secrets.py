"""API keys in the code."""

import ast
from collections.abc import Iterator

from holdfast.doctor import rules
from holdfast.doctor.catalogue import CHECKS
from holdfast.doctor.code.clients import HOLDFAST_CLIENTS, STRIPE_CLIENTS
from holdfast.doctor.code.names import argument
from holdfast.doctor.code.reader import Source
from holdfast.doctor.finding import Finding, Severity
from holdfast.doctor.secrets import KeyKind, real_keys


def check(source: Source) -> Iterator[Finding]:
    """Find keys that are written out, and keys of the wrong type."""
    for node in source.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for kind in real_keys(node.value):
                found = _written(node, kind, source)
                if found is not None:
                    yield found
    for value in () if source.is_test else _given_as_key(source):
        text = source.reading.values.leading_text(value)
        found = rules.key_type(source.reading.place(value), text)
        if found is not None:
            yield found


def _written(node: ast.Constant, kind: KeyKind, source: Source) -> Finding | None:
    place = source.reading.place(node)
    if kind.publishable:
        return None  # it is for browsers, and public
    if source.is_test:
        if not kind.live:
            return None
        return CHECKS["live-key-in-tests"].at(
            place,
            f"{kind.redacted} is {kind.what} in a test.",
            "Revoke it, and let the test take the fixture stripe_client, which needs none, or a "
            "sk_test_ key from the environment.",
        )
    return CHECKS["key-in-code"].at(
        place,
        f"{kind.redacted} is {kind.what}, written in the code.",
        'Revoke it, and read the new one from the environment: os.environ["STRIPE_API_KEY"].',
        severity=Severity.WARNING if kind.test else Severity.ERROR,
    )


def _given_as_key(source: Source) -> Iterator[ast.expr]:
    """What is given as an API key."""
    names = source.reading.names
    for node in source.nodes:
        if isinstance(node, ast.Call):
            if names.dotted(node.func) in STRIPE_CLIENTS | HOLDFAST_CLIENTS:
                given = argument(node, 0, "api_key")
                if given is not None:
                    yield given
        elif isinstance(node, ast.Assign) and any(
            names.dotted(target) == "stripe.api_key" for target in node.targets
        ):
            yield node.value
