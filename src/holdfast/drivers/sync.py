"""Carries out a call's commands on this thread."""

import time
from collections.abc import Callable

from holdfast.drivers.admission import admit
from holdfast.drivers.last import remember
from holdfast.drivers.pause import pause
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

# The heir of a lane has its request to send, and all who wait behind it wait for that. Meanwhile
# this thread keeps off the interpreter, which the two would otherwise share.
_HEAD_START = 0.001


def run(
    call: Call,
    send: Callable[[Send], Outcome],
    *,
    lanes: MemoryLanes,
    sleep: Callable[[float], object] = pause,
) -> Outcome:
    """Run a call to its end.

    Args:
        call: the call; it can be run once.
        send: sends the request within `Send.timeout` seconds and returns what came back. It turns
            transport errors into a `Failure`; whatever it raises ends the call.
        lanes: where the call waits its turn.
        sleep: waits so many seconds.

    Returns:
        The last outcome.

    Raises:
        NotSent: the call ended before its first attempt.
    """
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
                            reply = send(command)
                        finally:
                            if tokens is not None:
                                tokens.end()
                    case Admit():
                        reply = admit(command)
                    case Sleep():
                        sleep(command.seconds)
                    case Enter():
                        ticket = lanes.enter(
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
            time.sleep(_HEAD_START)
        return outcome
    finally:
        steps.close()
        if tokens is not None:
            tokens.end()
        if ticket is not None:
            ticket.leave()
        remember(call.receipt)
