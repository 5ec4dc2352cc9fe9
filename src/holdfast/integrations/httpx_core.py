"""What the transports for httpx and httpx2 have in common: all but the classes they are made of.

The two libraries have the same interface, but neither takes the other's objects.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any, NoReturn

from holdfast.drivers import aio, sync
from holdfast.drivers.telling import own_teller
from holdfast.engine import Call, Event, Failure, Outcome, Phase, Response, Send
from holdfast.errors import NotSent
from holdfast.integrations.calls import make_plain_call
from holdfast.lanes import MemoryLanes, process_lanes
from holdfast.policy import Policy
from holdfast.stream.outgoing import given_headers
from holdfast.transports.phases import failure_of

# Set for a request, `extensions={"holdfast_stream": True}` has its answer handed on unread.
STREAM = "holdfast_stream"

# The longest answer, in bytes, that is read whole for its length alone.
_SHORT = 1_048_576


class HttpxCore:
    """Runs the requests of a client through the engine.

    Args:
        library: `httpx` or `httpx2`.
        policy: the options of the calls.
        lanes: where calls wait their turn; None for the lanes of this process.
        on_event: is told of each event of each call.
    """

    def __init__(
        self,
        library: ModuleType,
        policy: Policy | None,
        lanes: MemoryLanes | None,
        on_event: Callable[[Event], object] | None,
    ) -> None:
        self._library: Any = library
        self._policy = Policy() if policy is None else policy
        self._lanes = process_lanes() if lanes is None else lanes
        self._tell = own_teller(on_event)

    def handle(self, request: Any, send: Callable[[Any], Any]) -> Any:
        """Send a request as the engine decides; `send` makes one attempt, up to the headers."""
        call = self._call(request)
        extensions, headers = request.extensions, request.headers

        def attempt(command: Send) -> Outcome:
            request.extensions = _with_timeout(extensions, command.timeout)
            request.headers = self._outgoing(headers)
            return self._attempt(request, send, command.timeout)

        try:
            outcome = sync.run(call, attempt, lanes=self._lanes)
        except NotSent as reason:
            self._raise_not_sent(reason, request, call)
        finally:
            request.extensions, request.headers = extensions, headers
        return _result(outcome, call)

    async def handle_async(self, request: Any, send: Callable[[Any], Awaitable[Any]]) -> Any:
        """The same in an asyncio task."""
        call = self._call(request)
        extensions, headers = request.extensions, request.headers

        async def attempt(command: Send) -> Outcome:
            request.extensions = _with_timeout(extensions, command.timeout)
            request.headers = self._outgoing(headers)
            return await self._attempt_async(request, send, command.timeout)

        try:
            outcome = await aio.run(call, attempt, lanes=self._lanes)
        except NotSent as reason:
            self._raise_not_sent(reason, request, call)
        finally:
            request.extensions, request.headers = extensions, headers
        return _result(outcome, call)

    def _call(self, request: Any) -> Call:
        known = isinstance(request.stream, self._library.ByteStream)
        return make_plain_call(
            request.method,
            str(request.url),
            request.headers,
            b"".join(request.stream) if known else None,
            self._policy,
            lanes=self._lanes,
            tell=self._tell,
            repeatable=known or _starts_again(request.stream),
        )

    def _outgoing(self, headers: Any) -> Any:
        """The headers of the attempt that begins now."""
        given = given_headers()
        if not given:
            return headers
        headers = self._library.Headers(headers)
        headers.update(given)
        return headers

    def _attempt(self, request: Any, send: Callable[[Any], Any], seconds: float) -> Outcome:
        ends = time.monotonic() + seconds
        library = self._library
        try:
            answer = send(request)
        except (library.TransportError, library.InvalidURL) as error:
            return failure_of(error)
        if _is_handed_on(request, answer):
            return Response(answer.status_code, answer.headers, value=answer)
        chunks = []
        try:
            for chunk in answer.stream:
                chunks.append(chunk)
                if time.monotonic() >= ends:
                    self._raise_too_long(request)
            return self._whole(answer, b"".join(chunks))
        except (library.TransportError, library.DecodingError) as error:
            return _broken_off(answer, error)
        finally:
            answer.close()

    async def _attempt_async(
        self, request: Any, send: Callable[[Any], Awaitable[Any]], seconds: float
    ) -> Outcome:
        library = self._library
        answer: Any = None
        try:
            async with asyncio.timeout(seconds):
                answer = await send(request)
                if _is_handed_on(request, answer):
                    return Response(answer.status_code, answer.headers, value=answer)
                try:
                    body = b"".join([chunk async for chunk in answer.stream])
                finally:
                    await answer.aclose()
            return self._whole(answer, body)
        except (
            library.TransportError,
            library.InvalidURL,
            library.DecodingError,
            TimeoutError,
        ) as error:
            if isinstance(error, TimeoutError):
                error = self._too_long(request)
            return failure_of(error) if answer is None else _broken_off(answer, error)

    def _whole(self, answer: Any, body: bytes) -> Response:
        """The outcome of an answer that was read, with one like it to hand on."""
        library = self._library

        def again() -> Any:
            return library.Response(
                answer.status_code,
                headers=answer.headers,
                stream=library.ByteStream(body),
                extensions=answer.extensions,
            )

        # Taken apart here, so that what cannot be is asked for again; the client does it once more.
        decoded = again().read()
        return Response.read(answer.status_code, answer.headers, decoded, again())

    def _too_long(self, request: Any) -> Exception:
        error: Exception = self._library.ReadTimeout(
            "the attempt took longer than it may", request=request
        )
        error.__cause__ = TimeoutError()
        return error

    def _raise_too_long(self, request: Any) -> NoReturn:
        raise self._too_long(request)

    def _raise_not_sent(self, reason: NotSent, request: Any, call: Call) -> NoReturn:
        error = self._library.PoolTimeout(str(reason), request=request)
        error.add_note(f"Holdfast: {call.receipt.sentence()}")
        raise error from reason


def _result(outcome: Outcome, call: Call) -> Any:
    if isinstance(outcome, Response):
        return outcome.value
    outcome.error.add_note(f"Holdfast: {call.receipt.sentence()}")
    raise outcome.error


def _broken_off(answer: Any, error: Exception) -> Failure:
    return Failure(Phase.BODY, error, head=Response(answer.status_code, answer.headers))


def _with_timeout(extensions: Any, seconds: float) -> dict[str, Any]:
    """The extensions, with no single timeout longer than the attempt may take."""
    asked = extensions.get("timeout", {})
    phases = ("connect", "read", "write", "pool")
    cut = {phase: _shorter(asked.get(phase), seconds) for phase in phases}
    return {**extensions, "timeout": cut}


def _shorter(asked: float | None, seconds: float) -> float:
    return seconds if asked is None else min(asked, seconds)


def _starts_again(stream: Any) -> bool:
    """Whether a multipart body can be made again: its files must be ones that can be rewound."""
    fields = getattr(stream, "fields", None)
    return fields is not None and all(_rewinds(getattr(field, "file", b"")) for field in fields)


def _rewinds(file: Any) -> bool:
    if isinstance(file, bytes | str):
        return True
    seekable = getattr(file, "seekable", None)
    return seekable is not None and bool(seekable())


def _is_handed_on(request: Any, answer: Any) -> bool:
    """Whether an answer goes on unread: a success that may be long, or may never end."""
    if not 200 <= answer.status_code < 300:
        return False
    if request.extensions.get(STREAM):
        return True
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json" or kind.endswith("+json"):
        return False
    length = answer.headers.get("content-length", "")
    return not (length.isdigit() and int(length) <= _SHORT) and answer.status_code != 204
