"""An adapter that makes the requests of a `requests` session hold fast.

`session.mount("https://api.example.com/", HoldfastAdapter())`.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, cast

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import rewind_body

from holdfast.drivers import sync
from holdfast.drivers.telling import own_teller
from holdfast.engine import Call, Event, Failure, Outcome, Phase, Response, Send
from holdfast.errors import NotSent
from holdfast.integrations.calls import make_plain_call
from holdfast.lanes import MemoryLanes, process_lanes
from holdfast.policy import Policy
from holdfast.stream.outgoing import given_headers
from holdfast.transports.phases import failure_of

_CHUNK = 65_536
Timeout = float | tuple[float | None, float | None] | urllib3.Timeout | None


class HoldfastAdapter(HTTPAdapter):
    """Sends the requests of a session as the engine decides.

    An answer is read whole, and asked for again if it breaks off, unless the request was made with
    `stream=True` and the answer is a success. A body that can be read only once, such as a
    generator's, is never sent twice. The request's timeouts are cut to the attempt's time.

    Args:
        policy: the options of its calls; `Policy(idempotency_keys="unsafe")` gives each POST and
            PATCH a key.
        lanes: where calls wait their turn; by default the lanes of this process.
        on_event: is told of each event of each call.
        **options: those of `requests.adapters.HTTPAdapter`, but for `max_retries`.

    Raises:
        TypeError: `max_retries` is among the options: that is the policy's.
    """

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        lanes: MemoryLanes | None = None,
        on_event: Callable[[Event], object] | None = None,
        **options: Any,
    ) -> None:
        if "max_retries" in options:
            raise TypeError("max_retries is the policy's: use HoldfastAdapter(Policy(...))")
        super().__init__(**options)
        self._policy = Policy() if policy is None else policy
        self._lanes = process_lanes() if lanes is None else lanes
        self._tell = own_teller(on_event)

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Timeout = None,
        verify: bool | str = True,
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send a request, again where that is right, and give the last answer.

        Raises:
            requests.RequestException: no answer came, or (`ConnectTimeout`) the call was never
                sent; with the receipt as a note.
        """
        call = self._call(request)
        plain = super().send
        headers = request.headers

        def attempt(command: Send) -> Outcome:
            ends = time.monotonic() + command.timeout
            given = given_headers()
            if given:
                request.headers = headers.copy()
                request.headers.update(given)
            try:
                if command.attempt > 1 and _can_be_rewound(request):
                    rewind_body(request)
                answer = plain(
                    request,
                    stream=True,
                    timeout=cast("Any", _cut(timeout, command.timeout)),
                    verify=verify,
                    cert=cert,
                    proxies=proxies,
                )
            except requests.RequestException as error:
                return failure_of(error, wrong=isinstance(error, ValueError))
            return _read(answer, ends, unread=stream)

        try:
            outcome = sync.run(call, attempt, lanes=self._lanes)
        except NotSent as reason:
            _raise_not_sent(reason, request, call)
        finally:
            request.headers = headers
        if isinstance(outcome, Failure):
            outcome.error.add_note(f"Holdfast: {call.receipt.sentence()}")
            raise outcome.error
        return cast("requests.Response", outcome.value)

    def _call(self, request: requests.PreparedRequest) -> Call:
        body = request.body
        known = body is None or isinstance(body, bytes | str)
        return make_plain_call(
            request.method or "GET",
            request.url or "",
            request.headers,
            body if isinstance(body, bytes | str) else None,
            self._policy,
            lanes=self._lanes,
            tell=self._tell,
            repeatable=known or _can_be_rewound(request),
        )


def _can_be_rewound(request: requests.PreparedRequest) -> bool:
    """Whether the body is a file; then requests has noted where it stood, or that it will not."""
    return isinstance(getattr(request, "_body_position", None), int)


def _read(answer: requests.Response, ends: float, *, unread: bool) -> Outcome:
    if unread and 200 <= answer.status_code < 300:
        return Response(answer.status_code, answer.headers, value=answer)
    chunks = []
    try:
        for chunk in answer.iter_content(_CHUNK):
            chunks.append(chunk)
            if time.monotonic() >= ends:
                _raise_too_long(answer)
    except requests.RequestException as error:
        head = Response(answer.status_code, answer.headers)
        return Failure(Phase.BODY, error, head=head)
    finally:
        answer.close()
    body = answer._content = b"".join(chunks)
    return Response.read(answer.status_code, answer.headers, body, answer)


def _cut(timeout: Timeout, seconds: float) -> tuple[float, float] | urllib3.Timeout:
    """The time to connect and the time between two bytes, neither longer than `seconds`."""
    if isinstance(timeout, urllib3.Timeout):
        total = timeout.total
        cut = timeout.clone()
        cut.total = min(total, seconds) if isinstance(total, int | float) else seconds
        return cut
    connect, read = timeout if isinstance(timeout, tuple) else (timeout, timeout)
    return (
        seconds if connect is None else min(connect, seconds),
        seconds if read is None else min(read, seconds),
    )


def _raise_too_long(answer: requests.Response) -> NoReturn:
    error = requests.ReadTimeout("the attempt took longer than it may", request=answer.request)
    raise error from TimeoutError()


def _raise_not_sent(reason: NotSent, request: requests.PreparedRequest, call: Call) -> NoReturn:
    error = requests.ConnectTimeout(str(reason), request=request)
    error.add_note(f"Holdfast: {call.receipt.sentence()}")
    raise error from reason
