"""`@retrying(...)`: the loop of attempts around a function or a coroutine function."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

from holdfast.application.loop import Attempts, attempts
from holdfast.application.matching import On

P = ParamSpec("P")
R = TypeVar("R")


def retrying(on: On, **options: Any) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Try a function again when it raises: `@retrying("lock_timeout", attempts=3)`.

    Args:
        on: what is retried; see `holdfast.attempts`.
        **options: the options of `holdfast.attempts`; `name` is the function's own by default.

    Returns:
        The decorator, for functions and for coroutine functions.

    Raises:
        TypeError: it is put on something else, such as a generator function.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        loop = attempts(on, **{"name": function.__qualname__, **options})
        if inspect.iscoroutinefunction(function):
            return cast("Callable[P, R]", _around_coroutine(function, loop))
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(
                f"{function.__qualname__} is a generator function: what it has yielded cannot be "
                "taken back; loop over holdfast.attempts inside it"
            )
        return _around_function(function, loop)

    return decorate


def _around_function(function: Callable[P, R], loop: Attempts) -> Callable[P, R]:
    @wraps(function)
    def retried(*args: P.args, **kwargs: P.kwargs) -> R:
        result: Any = None
        for attempt in loop:
            with attempt:
                result = attempt.result = function(*args, **kwargs)
        return cast("R", result)

    return retried


def _around_coroutine(function: Callable[..., Any], loop: Attempts) -> Callable[..., Any]:
    @wraps(function)
    async def retried(*args: Any, **kwargs: Any) -> Any:
        result: Any = None
        async for attempt in loop:
            with attempt:
                result = attempt.result = await function(*args, **kwargs)
        return result

    return retried
