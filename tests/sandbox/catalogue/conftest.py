"""The catalogue, a sandbox with the real client, and the least that each operation takes."""

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import stripe

from holdfast.sandbox import Sandbox
from holdfast.sandbox.catalogue import Catalogue, Entry, catalogue
from holdfast.sandbox.catalogue.shapes import (
    Choice,
    Either,
    ListOf,
    MapOf,
    Nullable,
    Primitive,
    Record,
    Shape,
)

KEY = "sk_test_catalogue4eC39Hq"
_VALUES: dict[Primitive, Any] = {
    Primitive.TEXT: "x",
    Primitive.INTEGER: 1,
    Primitive.BIG_INTEGER: 1,
    Primitive.NUMBER: 1.5,
    Primitive.DECIMAL: "1.5",
    Primitive.BOOLEAN: True,
    Primitive.ANYTHING: "x",
}

Client = Callable[..., stripe.StripeClient]


@pytest.fixture(scope="session")
def known() -> Catalogue:
    """The catalogue that the sandbox uses."""
    return catalogue()


@pytest.fixture
def client() -> Iterator[Client]:
    """Start a sandbox with the given options and return the real client of it."""
    with ExitStack() as stack:

        def start(**options: Any) -> stripe.StripeClient:
            box = stack.enter_context(Sandbox(0, 0, random_seed=1, **options))
            http = stripe.RequestsClient()
            stack.callback(http.close)
            return client_of(box, http)

        yield start


def client_of(box: Sandbox, http: stripe.HTTPClient) -> stripe.StripeClient:
    """Return a client whose every base is the sandbox."""
    url = box.url
    return stripe.StripeClient(
        KEY,
        http_client=http,
        base_addresses={"api": url, "files": url, "connect": url, "meter_events": url},
    )


@pytest.fixture
def least(known: Catalogue) -> Callable[[Entry], dict[str, Any]]:
    """Return the smallest parameters that an operation takes."""

    def of(entry: Entry) -> dict[str, Any]:
        if entry.params is None:
            return {}
        made = _record(known.record(entry.params))
        special = {"file": io.BytesIO(b"content"), "query": "created>1"}
        return {name: special.get(name, value) for name, value in made.items()}

    return of


def _record(record: Record) -> dict[str, Any]:
    return {name: _value(record.fields[name]) for name in record.required}


def _value(shape: Shape) -> Any:
    match shape:
        case Primitive():
            return _VALUES[shape]
        case Choice(values):
            return values[0]
        case ListOf(of):
            return [_value(of)]
        case MapOf(of):
            return {"key": _value(of)}
        case Nullable(of):
            return _value(of)
        case Either(options):
            return _value(options[0])
        case Record():
            return _record(shape)
        case _:
            raise AssertionError(f"a parameter is a {shape}")
