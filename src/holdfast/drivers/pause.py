"""How drivers wait, unless they are told otherwise; tests can switch the waiting off."""

import time

_real = True


def pause(seconds: float) -> None:
    """Wait on this thread."""
    if _real:
        time.sleep(seconds)


async def pause_async(seconds: float) -> None:
    """Wait in this task."""
    import asyncio

    await asyncio.sleep(seconds if _real else 0)


def is_real() -> bool:
    """Whether waits take their time."""
    return _real


def waiting(*, real: bool) -> bool:
    """Switch the waiting on or off. Returns what it was before."""
    global _real
    before, _real = _real, real
    return before
