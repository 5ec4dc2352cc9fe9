"""Running functions with retries around them, and the clients that they use."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType, ModuleType
from typing import Any

from holdfast.application.loop import Attempts
from holdfast.doctor import rules
from holdfast.doctor.finding import Finding
from holdfast.doctor.rules import Factor
from holdfast.policy import Policy

_DEEPEST = 10


@dataclass(frozen=True, slots=True)
class Loop:
    """The retries around a function.

    Attributes:
        what: whose they are.
        attempts: how often it is called at most; None if that cannot be told.
        endless: whether there is no end to it.
        shares: whether they are Holdfast's, and shared with its clients.
    """

    what: str
    attempts: int | None
    endless: bool = False
    shares: bool = False


@dataclass(frozen=True, slots=True)
class Used:
    """A client that a function uses.

    Attributes:
        what: whose it is, and its name there.
        attempts: how often it sends a request at most.
        longest: how long an attempt may take, or with Holdfast the whole call, in seconds.
        holdfast: whether it is Holdfast's.
    """

    what: str
    attempts: int
    longest: float
    holdfast: bool = False


def loop_of(function: Any) -> Loop | None:
    """The retries that a decorator put around a function: Holdfast's or tenacity's."""
    if not callable(function):
        return None
    retry = getattr(function, "retry", None)
    if type(retry).__module__.startswith("tenacity"):
        return _tenacity(retry)
    plain = getattr(function, "__func__", function)
    if inspect.isfunction(plain) and plain.__module__ is not None:
        held = inspect.getclosurevars(plain).nonlocals.get("loop")
        if isinstance(held, Attempts):
            return Loop("@holdfast.retrying", held._policy.max_retries + 1, shares=True)
    return None


def loops_of(function: Any) -> list[Loop]:
    """All retries around a function, the innermost first."""
    found: list[Loop] = []
    for _ in range(_DEEPEST):
        loop = loop_of(function)
        if loop is not None:
            found.append(loop)
        inner = getattr(function, "__wrapped__", None)
        if inner is None:
            break
        function = inner
    return found[::-1]


def _tenacity(retrying: Any) -> Loop:
    stop = retrying.stop
    attempts = getattr(stop, "max_attempt_number", None)
    endless = type(stop).__name__ == "_stop_never"
    return Loop("tenacity.retry", attempts if isinstance(attempts, int) else None, endless)


def factors_of(clients: list[Used], layers: list[Loop]) -> list[Factor]:
    """The factors of a function's requests, the innermost first.

    Args:
        clients: the clients that it uses.
        layers: the retries around it that have an end, the innermost first.
    """
    shared = any(layer.shares for layer in layers)
    own = [client for client in clients if not (client.holdfast and shared)]
    most = max(own, key=lambda client: client.attempts, default=None)
    first = [] if most is None else [Factor(most.what, most.attempts)]
    return [*first, *(Factor(layer.what, layer.attempts) for layer in layers)]


def examine_function(function: Callable[..., Any], subject: str) -> Iterator[Finding]:
    """Find layers around a function that multiply, and ones without an end."""
    layers = loops_of(function)
    for layer in layers:
        if layer.endless:
            yield rules.endless(subject, layer.what)
    bounded = [layer for layer in layers if not layer.endless]
    clients = clients_of(function)
    if clients:
        found = rules.product(subject, "A request", factors_of(clients, bounded))
        if found is not None:
            yield found


def clients_of(function: Any) -> list[Used]:
    """The clients of the SDK's kind that a function names."""
    plain = inspect.unwrap(getattr(function, "__func__", function))
    if not inspect.isfunction(plain):
        return []
    captured = inspect.getclosurevars(plain).nonlocals
    found = []
    for name in sorted(_names_in(plain.__code__)):
        value = captured.get(name, plain.__globals__.get(name))
        if isinstance(value, ModuleType) and value.__name__ == "stripe":
            found.append(_used(value.max_network_retries, value.default_http_client, "stripe"))
        elif type(value).__name__ == "StripeClient" and hasattr(value, "_requestor"):
            options, http = value._requestor._options, value._requestor._get_http_client()
            found.append(_used(options.max_network_retries, http, name))
    return found


def _used(retries: int | None, http: Any, name: str) -> Used:
    policy = getattr(http, "_policy", None)
    if isinstance(policy, Policy):
        own = policy.max_retries if retries is None else retries
        return Used(f"Holdfast's client `{name}`", own + 1, policy.deadline, holdfast=True)
    timeout = getattr(http, "_timeout", None)
    longest = rules.ATTEMPT if timeout is None else float(timeout)
    return Used(f"the SDK's own retries of `{name}`", (retries or 0) + 1, longest)


def _names_in(code: CodeType) -> set[str]:
    """The names that a function uses, with those of the functions inside it."""
    names = {*code.co_names, *code.co_freevars}
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _names_in(constant)
    return names
