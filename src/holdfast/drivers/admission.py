"""How drivers ask a limiter for tokens, unless tests have switched the waiting off."""

from holdfast.drivers import pause
from holdfast.engine import Admit


def admit(command: Admit) -> float | None:
    """Wait for a token on this thread; gives the seconds waited, or None if it is too late."""
    if pause.is_real():
        return command.tokens.admit(
            command.timeout, command.max_waiting, again=command.again, on_wait=command.on_wait
        )
    command.tokens.take()
    return 0.0


async def admit_async(command: Admit) -> float | None:
    """Wait for a token in this task."""
    tokens = command.tokens
    if pause.is_real():
        return await tokens.admit_async(
            command.timeout, command.max_waiting, again=command.again, on_wait=command.on_wait
        )
    tokens.take()
    return 0.0
