"""Carries out a call's commands in this asyncio task."""

import asyncio
from collections.abc import Awaitable, Callable

from holdfast.drivers.admission import admit_async
from holdfast.drivers.last import remember
from holdfast.drivers.pause import pause_async
from holdfast.engine import (
    Admit,
    Call,
    Enter,
    Outcome,
    Refused,
    Send,
    Sleep,
    StopReason,
)
from holdfast.lanes import MemoryLanes, Ticket

_OK = StopReason.OK


async def run(
    call: Call,
    send: Callable[[Send], Awaitable[Outcome]],
    *,
    lanes: MemoryLanes,
    sleep: Callable[[float], Awaitable[object]] = pause_async,
) -> Outcome:
    """Run a call to its end. The twin of `holdfast.drivers.sync.run`; `send` and `sleep` wait."""
    ticket: Ticket | None = None
    tokens = call.tokens
    steps = call.steps()
    try:
        command = next(steps)
        while True:
            try:
                reply: object = None
                match command:
                    case Send():
                        try:
                            reply = await send(command)
                        finally:
                            if tokens is not None:
                                tokens.end()
                    case Admit():
                        reply = await admit_async(command)
                    case Sleep():
                        await sleep(command.seconds)
                    case Enter():
                        ticket = await lanes.enter_async(
                            command.lanes,
                            command.timeout,
                            max_waiting=command.max_waiting,
                            width=command.width,
                            on_wait=command.on_wait,
                        )
                        reply = ticket is not None
                    case Refused():
                        command.tokens.refused(command.reason, command.pause)
            except BaseException as error:  # noqa: BLE001 - the call records it and raises it again
                command = steps.throw(error)
            else:
                command = steps.send(reply)
    except StopIteration as stop:
        outcome: Outcome = stop.value
        if ticket is not None and ticket.leave(clean=call.receipt.stop is _OK):
            await asyncio.sleep(0)  # let the heir send its request first
        return outcome
    finally:
        steps.close()
        if tokens is not None:
            tokens.end()
        if ticket is not None:
            ticket.leave()
        remember(call.receipt)
