"""The drop-in for the official `stripe` package: an HTTP client for it that holds fast.

Works with `stripe` 16.x (tested with 16.0.0, 16.0.1 and 16.1.0). It takes the place of the SDK's
whole retry loop (`request_with_retries` and its three twins in `stripe/_http_client.py`), so the
two never multiply; everything above it, types and exceptions included, stays the SDK's.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NoReturn, cast
from urllib.parse import urlsplit

import stripe
from stripe import _util
from stripe._api_requestor import _APIRequestor, _maybe_emit_stripe_notice

from holdfast.drivers import aio, sync
from holdfast.drivers.telling import own_teller
from holdfast.engine import (
    Call,
    Event,
    Failure,
    Outcome,
    Receipt,
    Response,
    Send,
    StopReason,
)
from holdfast.errors import NotSent
from holdfast.integrations.calls import make_call
from holdfast.integrations.stripe_clients import AsyncSdkTransport, SdkTransport
from holdfast.integrations.stripe_requestor import Requestor
from holdfast.lanes import MemoryLanes, process_lanes
from holdfast.policy import Policy
from holdfast.transports.chosen import (
    AsyncTransport,
    ChosenAsyncTransport,
    ChosenTransport,
    Transport,
)
from holdfast.transports.exchange import Exchange, Network

Answer = tuple[Any, int, Mapping[str, str]]


class StripeHTTPClient(stripe.HTTPClient):
    """The HTTP client to give to the SDK.

    `stripe.StripeClient(key, http_client=StripeHTTPClient())`, or for the module-wide style
    `stripe.default_http_client = StripeHTTPClient()`.

    Args:
        policy: the options of its calls. A `max_network_retries` that reaches it from the SDK
            takes the place of `max_retries` for that call. (The module-wide style always sends
            one: `stripe.max_network_retries`, 2 unless changed; None leaves it to the policy.)
        verify_ssl_certs: whether to check certificates, against `stripe.ca_bundle_path`.
        proxy: a proxy URL, or one by scheme, as the SDK takes it. None goes by the environment.
        lanes: where calls wait their turn; by default the lanes of this process.
        on_event: is told of each event of each call, on a thread of its own; see
            `holdfast.observe.subscribe` for what all clients do.
        http_client: a client of the SDK's own kind to send the attempts with, such as
            `stripe.RequestsClient(session=...)`, instead of Holdfast's. Its own proxy, TLS and
            timeout count; on threads its timeout is not cut to the deadline.

    Raises:
        TypeError: `http_client` is none, or is Holdfast's own already.
        ValueError: `proxy` or `verify_ssl_certs` is given beside an `http_client`.
    """

    name = "holdfast"

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        verify_ssl_certs: bool = True,
        proxy: Any = None,
        lanes: MemoryLanes | None = None,
        on_event: Callable[[Event], object] | None = None,
        http_client: stripe.HTTPClient | None = None,
    ) -> None:
        super().__init__(verify_ssl_certs=verify_ssl_certs, proxy=proxy)
        self._policy = Policy() if policy is None else policy
        self._policies: dict[int | None, Policy] = {None: self._policy}
        self._lanes = process_lanes() if lanes is None else lanes
        self._tell = own_teller(on_event)
        # A function of the user's own knows what belongs to what.
        self._learns = isinstance(self._policy.lanes, str) and self._policy.lanes != "off"
        self._sync: Transport
        self._async: AsyncTransport
        if http_client is None:
            proxies = cast("Mapping[str, str | None] | None", self._proxy)
            network = Network(stripe.ca_bundle_path, verify_ssl_certs, proxies)
            self._sync = ChosenTransport(network)
            self._async = ChosenAsyncTransport(network)
            return
        _check_given(http_client, plain=verify_ssl_certs and proxy is None)
        self._sync = SdkTransport(http_client)
        self._async = AsyncSdkTransport(http_client)

    def request_with_retries(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        post_data: Any = None,
        max_network_retries: int | None = None,
        *,
        _usage: list[str] | None = None,
    ) -> Answer:
        """Send a request as the engine decides, and wait for its end on this thread."""
        exchange = self._exchange(method, url, headers, post_data)
        return self._run(exchange, max_network_retries, _usage)

    def request_stream_with_retries(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        post_data: Any = None,
        max_network_retries: int | None = None,
        *,
        _usage: list[str] | None = None,
    ) -> Answer:
        """The same, but the body of a success is handed on unread."""
        exchange = self._exchange(method, url, headers, post_data, streaming=True)
        return self._run(exchange, max_network_retries, _usage)

    async def request_with_retries_async(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        post_data: Any = None,
        max_network_retries: int | None = None,
        *,
        _usage: list[str] | None = None,
    ) -> Answer:
        """Send a request as the engine decides, and wait for its end in this task."""
        exchange = self._exchange(method, url, headers, post_data)
        return await self._run_async(exchange, max_network_retries, _usage)

    async def request_stream_with_retries_async(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        post_data: Any = None,
        max_network_retries: int | None = None,
        *,
        _usage: list[str] | None = None,
    ) -> Answer:
        """The same, but the body of a success is handed on unread."""
        exchange = self._exchange(method, url, headers, post_data, streaming=True)
        return await self._run_async(exchange, max_network_retries, _usage)

    def close(self) -> None:
        """Close the idle connections of the threads."""
        self._sync.close()

    async def close_async(self) -> None:
        """Close the connections of this event loop."""
        await self._async.close()

    def _exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Any,
        *,
        streaming: bool = False,
    ) -> Exchange:
        headers = self._add_telemetry_header(headers)
        return Exchange(method.upper(), url, headers, body, streaming)

    def _run(self, exchange: Exchange, retries: int | None, usage: list[str] | None) -> Answer:
        call = self._call(exchange, retries)
        send = self._sync.send

        def attempt(command: Send) -> Outcome:
            return send(exchange.outgoing(), command.timeout)

        try:
            outcome = sync.run(call, attempt, lanes=self._lanes)
        except NotSent as error:
            _raise_not_sent(error, call.receipt)
        return self._finish(exchange, outcome, call.receipt, usage)

    async def _run_async(
        self, exchange: Exchange, retries: int | None, usage: list[str] | None
    ) -> Answer:
        call = self._call(exchange, retries)
        send = self._async.send

        async def attempt(command: Send) -> Outcome:
            return await send(exchange.outgoing(), command.timeout)

        try:
            outcome = await aio.run(call, attempt, lanes=self._lanes)
        except NotSent as error:
            _raise_not_sent(error, call.receipt)
        return self._finish(exchange, outcome, call.receipt, usage)

    def _call(self, exchange: Exchange, retries: int | None) -> Call:
        return make_call(
            exchange.method,
            exchange.url,
            exchange.headers,
            exchange.body,
            self._policy_with(retries),
            lanes=self._lanes,
            tell=self._tell,
        )

    def _policy_with(self, retries: int | None) -> Policy:
        policy = self._policies.get(retries)
        if policy is None:
            # The SDK takes any number; below 0 means none to it, and nobody waits for over 100.
            bounded = min(max(int(retries or 0), 0), 100)
            policy = replace(self._policy, max_retries=bounded)
            if retries == bounded:
                self._policies[retries] = policy
        return policy

    def _finish(
        self, exchange: Exchange, outcome: Outcome, receipt: Receipt, usage: list[str] | None
    ) -> Answer:
        if isinstance(outcome, Failure):
            _raise_unanswered(outcome, receipt)
        answer = cast("Answer", outcome.value)
        # The telemetry header of the next request tells Stripe how long this one took.
        sent_at = int(time.time() * 1000) - round(receipt.attempts[-1].seconds * 1000)
        cast("Any", self)._record_request_metrics(answer, sent_at, usage)
        if receipt.stop is not StopReason.OK:
            _raise_answered(exchange, outcome, answer, receipt, usage)
        if self._learns:
            self._lanes.relations.learn(answer[0])
        return answer


def stripe_client(
    api_key: str,
    policy: Policy | None = None,
    *,
    verify_ssl_certs: bool = True,
    proxy: Any = None,
    lanes: MemoryLanes | None = None,
    on_event: Callable[[Event], object] | None = None,
    http_client: stripe.HTTPClient | None = None,
    **options: Any,
) -> stripe.StripeClient:
    """Make a `stripe.StripeClient` whose requests hold fast.

    Args:
        api_key: the account's secret key.
        policy: the options of its calls; see `Policy`.
        verify_ssl_certs: as for `StripeHTTPClient`, like the next four.
        proxy: a proxy URL, or one by scheme.
        lanes: where calls wait their turn.
        on_event: is told of each event of each call.
        http_client: a client of the SDK's own kind to send the attempts with.
        **options: the other options of `stripe.StripeClient`, such as `stripe_account`,
            `base_addresses` or `max_network_retries` (which, given, sets `max_retries`).

    Returns:
        The SDK's own client, for sync, async and streaming requests.

    Raises:
        TypeError: as for `StripeHTTPClient`.
        ValueError: as for `StripeHTTPClient`.
    """
    client = StripeHTTPClient(
        policy,
        verify_ssl_certs=verify_ssl_certs,
        proxy=proxy,
        lanes=lanes,
        on_event=on_event,
        http_client=http_client,
    )
    made = stripe.StripeClient(api_key, http_client=client, **options)
    Requestor.take_over(made)
    return made


def _check_given(http_client: object, *, plain: bool) -> None:
    if isinstance(http_client, StripeHTTPClient):
        raise TypeError(
            "http_client is Holdfast's own already: give it to stripe.StripeClient as it is"
        )
    if not isinstance(http_client, stripe.HTTPClient):
        kind = type(http_client).__name__
        raise TypeError(f"http_client is a {kind}: it must be a stripe.HTTPClient")
    if not plain:
        raise ValueError(
            "proxy and verify_ssl_certs belong to the http_client that is given: set them there"
        )


def _note(error: BaseException, receipt: Receipt) -> None:
    error.add_note(f"Holdfast: {receipt.sentence()}")


def _raise_answered(
    exchange: Exchange,
    outcome: Response,
    answer: Answer,
    receipt: Receipt,
    usage: list[str] | None,
) -> NoReturn:
    """Raise just what the SDK raises for this answer, with the receipt as its note.

    The SDK makes the exception after its HTTP client has returned, where no note could be added;
    so its own interpretation is asked for here.
    """
    body, status, headers = answer
    _util.log_info("Stripe API response", path=exchange.url, response_code=status)
    # Like the exception, it would otherwise come after the HTTP client's return.
    if not exchange.streaming and "raw_request" not in (usage or ()):
        _maybe_emit_stripe_notice(headers)
    mode = _util.get_api_mode(urlsplit(exchange.url).path)
    try:
        _APIRequestor._global_instance()._interpret_response(body, status, headers, mode)
    except stripe.StripeError as error:
        _note(error, receipt)
        raise
    raise AssertionError(f"the SDK took status {outcome.status} for a success")


def _raise_unanswered(failure: Failure, receipt: Receipt) -> NoReturn:
    message = f"No answer from Stripe.\n\n(Network error: {_describe(failure.error)})"
    # What an outer layer may do: the failure was of a kind that goes away, only not in time.
    again = receipt.stop in (StopReason.ATTEMPTS, StopReason.DEADLINE)
    error = stripe.APIConnectionError(message, should_retry=again)
    _note(error, receipt)
    raise error from failure.error


def _raise_not_sent(reason: NotSent, receipt: Receipt) -> NoReturn:
    error = stripe.APIConnectionError(str(reason), should_retry=True)
    _note(error, receipt)
    raise error from reason


def _describe(error: Exception) -> str:
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
