"""Every operation, sent by the method of the real package that sends it."""

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import stripe

from holdfast.sandbox.catalogue import Catalogue, Entry, Form, routes

ID = "id_1234567890"
_WORDS = re.compile(r"\w+")
Methods = dict[tuple[str, str], Callable[..., Any]]


class Sent(Exception):
    """What a method was about to send."""

    def __init__(self, method: str, path: str) -> None:
        super().__init__(method, path)
        self.place = (method.upper(), path)


class Witness(stripe.HTTPClient):
    """Sends nothing."""

    name = "witness"

    def request_with_retries(self, method: str, url: str, *_: Any, **__: Any) -> Any:
        raise Sent(method, url.partition("://")[2].partition("/")[2].partition("?")[0])

    request_stream_with_retries = request_with_retries


def methods_of(service: Any) -> Iterator[Callable[..., Any]]:
    """Every method of a service, and of those below it, that sends a request."""
    for name, function in inspect.getmembers(type(service), inspect.isfunction):
        if not name.startswith("_") and not name.endswith("_async"):
            yield getattr(service, function.__name__)
    module = inspect.getmodule(type(service))
    for name in getattr(module, "_subservices", {}):
        yield from methods_of(getattr(service, name))


def ids_of(method: Callable[..., Any]) -> list[str]:
    """An id for each that a method wants."""
    kinds = [one.kind for one in inspect.signature(method).parameters.values()]
    return [ID] * kinds.count(inspect.Parameter.POSITIONAL_ONLY)


def by_place(client: stripe.StripeClient) -> Methods:
    """The methods by the HTTP method and path that they send."""
    found: Methods = {}
    for method in (*methods_of(client.v1), *methods_of(client.v2)):
        with pytest.raises(Sent) as sent:
            method(*ids_of(method), {})
        found[sent.value.place] = method
    return found


def place_of(entry: Entry) -> tuple[str, str]:
    return entry.method, re.sub(r"\{[^}]*\}", ID, entry.template).removeprefix("/")


def test_the_package_has_a_method_for_each_and_no_others(known: Catalogue) -> None:
    witness = stripe.StripeClient("sk_test_1", http_client=Witness())
    entries = [entry for entry in known.operations if not entry.legacy]
    assert len(entries) == 648
    assert {place_of(entry) for entry in entries} == set(by_place(witness))


def test_a_lenient_sandbox_answers_each_with_what_the_package_expects(
    known: Catalogue,
    client: Callable[..., stripe.StripeClient],
    least: Callable[[Entry], dict[str, Any]],
) -> None:
    witness = by_place(stripe.StripeClient("sk_test_1", http_client=Witness()))
    real = client(lenient=True)
    methods = {name_of(one): one for one in (*methods_of(real.v1), *methods_of(real.v2))}
    entries = {place_of(entry): entry for entry in known.operations}
    for place, method in witness.items():
        entry = entries[place]
        function = methods[name_of(method)]
        answer = function(*ids_of(function), least(entry))
        check_answer(answer, inspect.signature(function).return_annotation, entry)


def name_of(method: Callable[..., Any]) -> str:
    return f"{method.__module__}.{method.__qualname__}"


def check_answer(answer: Any, annotation: str, entry: Entry) -> None:
    """Check that an answer is what the method's annotation says."""
    if entry.form is Form.BYTES:
        assert answer.io.read() == b"Stripe binary response"
        return
    if entry.form is Form.NOTHING:
        assert answer is None
        return
    words = set(_WORDS.findall(annotation))
    assert names_of(answer) & words, (entry, annotation, answer)
    assert answer.to_dict(), entry
    if entry.form in {Form.LIST, Form.SEARCH}:
        assert answer.data, entry
        assert all(names_of(one) & words for one in answer.data), entry
        answer = answer.data[0]
    if entry.kinds:
        modules = {one.__module__ for one in type(answer).__mro__[:-2]}
        assert any(name.startswith("stripe.v2.") for name in modules) == (entry.version == "v2")


def names_of(answer: Any) -> set[str]:
    """The classes of an answer that mean more than any object."""
    return {one.__name__ for one in type(answer).__mro__} - {"object", "dict", "StripeObject"}


def test_every_operation_takes_the_least_that_it_requires(
    known: Catalogue, least: Callable[[Entry], dict[str, Any]]
) -> None:
    generic = routes().generic
    for entry in known.operations:
        method, path = place_of(entry)
        match = generic.match(method, f"/{path}")
        assert match is not None
        match.operation.params.check(as_form(least(entry)))


def as_form(value: Any) -> Any:
    """Parameters as a form carries them."""
    match value:
        case dict():
            return {name: as_form(one) for name, one in value.items()}
        case list():
            return [as_form(one) for one in value]
        case bool():
            return str(value).lower()
        case _:
            return str(value)
