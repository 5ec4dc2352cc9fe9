"""How clients are made: without retries, with too many, without TLS, without a timeout."""

import ast
from collections.abc import Iterator

from holdfast.doctor import rules
from holdfast.doctor.catalogue import CHECKS
from holdfast.doctor.code.clients import STRIPE_CLIENTS, policy_call, stripe_client
from holdfast.doctor.code.facts import Client, Maker
from holdfast.doctor.code.names import argument, keyword
from holdfast.doctor.code.reader import Source
from holdfast.doctor.code.scopes import Scope
from holdfast.doctor.code.values import UNKNOWN
from holdfast.doctor.finding import Finding

_TRANSPORTS = frozenset(
    f"holdfast.integrations.{place}"
    for place in (
        "httpx.HoldfastTransport",
        "httpx.AsyncHoldfastTransport",
        "httpx2.HoldfastTransport",
        "httpx2.AsyncHoldfastTransport",
        "requests.HoldfastAdapter",
    )
)
_UNBOUNDED = frozenset({"stripe.UrllibClient"})


def check(source: Source) -> Iterator[Finding]:
    """Check how a module makes its clients."""
    names = source.reading.names
    for call, scope in source.calls:
        name = names.dotted(call.func)
        place = source.reading.place(call)
        if name in STRIPE_CLIENTS:
            yield from _stripe_client(call, scope, source)
        elif name in _TRANSPORTS:
            yield from _transport(call, scope, source)
        elif name in _UNBOUNDED:
            yield rules.no_timeout(place, f"{name}(...)")
        if name and name.startswith(("stripe.", "holdfast.")):
            verified = keyword(call, "verify_ssl_certs")
            if verified is not None and source.reading.values.of(verified) is False:
                yield rules.unverified_tls(source.reading.place(verified))
    yield from _settings(source)
    yield from _numbers(source)


def _stripe_client(call: ast.Call, scope: Scope, source: Source) -> Iterator[Finding]:
    made = stripe_client(call, scope, source.reading)
    given = keyword(call, "max_network_retries")
    written = given is not None and source.reading.values.of(given) is not None
    if not isinstance(made, Client) or made.maker is not Maker.SDK or written:
        return
    if made.attempts == 1:
        yield rules.no_retries(source.reading.place(call), "stripe.StripeClient(...)")


def _transport(call: ast.Call, scope: Scope, source: Source) -> Iterator[Finding]:
    given = argument(call, 0, "policy")
    policy = policy_call(given, scope, source.reading)
    if given is not None and policy is None:
        return
    keys = None if policy is None else keyword(policy, "idempotency_keys")
    if keys is None or source.reading.values.of(keys) == "none":
        name = (source.reading.names.dotted(call.func) or "").rpartition(".")[2]
        yield rules.keys_off(source.reading.place(call), f"{name}(...)")


def _settings(source: Source) -> Iterator[Finding]:
    reading = source.reading
    for node in source.nodes:
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            name = reading.names.dotted(target)
            if name == "stripe.verify_ssl_certs" and reading.values.of(node.value) is False:
                yield rules.unverified_tls(reading.place(node))


def _numbers(source: Source) -> Iterator[Finding]:
    """Every `max_network_retries`, wherever it is given."""
    reading = source.reading
    for value in _retries_given(source):
        number = reading.values.of(value)
        if isinstance(number, int) and not isinstance(number, bool):
            found = rules.sdk_retries(reading.place(value), number)
            if found is not None:
                yield found
        elif number is not UNKNOWN and number is not None:
            yield CHECKS["many-retries"].at(
                reading.place(value),
                f"max_network_retries={number!r} is no whole number.",
                "Give a whole number, such as max_network_retries=2.",
                why="The SDK compares it with the number of the retry, and fails or never stops.",
            )


def _retries_given(source: Source) -> Iterator[ast.expr]:
    names = source.reading.names
    if not names.imports("stripe"):
        return
    for node in source.nodes:
        if isinstance(node, ast.Call):
            value = keyword(node, "max_network_retries")
            if value is not None:
                yield value
        elif isinstance(node, ast.Assign):
            if any(names.dotted(one) == "stripe.max_network_retries" for one in node.targets):
                yield node.value
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "max_network_retries":
                    yield value
