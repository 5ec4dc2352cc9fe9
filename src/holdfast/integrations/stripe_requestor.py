"""The part of the SDK between a service and its HTTP client, without the work that nobody needs.

`stripe._api_requestor._APIRequestor` writes five lines of log for each request, read or not, makes
up the headers that never change, and copies itself although nothing has changed. That is a third
of what the SDK costs. Everything else, the encoding and the objects, stays the SDK's own.
"""

import json
import logging
from collections import OrderedDict
from typing import Any, cast

import stripe
from stripe import _util
from stripe._api_mode import ApiMode
from stripe._api_requestor import (
    _APIRequestor,
    _generate_idempotency_key,
    _maybe_emit_stripe_notice,
    is_v2_delete_resp,
)
from stripe._request_options import PERSISTENT_OPTIONS_KEYS
from stripe._stripe_response import StripeResponse, StripeResponseBase

from holdfast.integrations.stripe_objects import build

# A platform may speak for many connected accounts; their headers are made anew now and then.
_REMEMBERED = 256

_KEY = "Idempotency-Key"
_read = json.JSONDecoder(object_pairs_hook=OrderedDict).decode  # the SDK makes one each time
_log = logging.getLogger("stripe")


class Requestor(_APIRequestor):
    """What a `stripe.StripeClient` of Holdfast's sends its requests by."""

    _remembered: "dict[tuple[object, ...], dict[str, str]]"

    @classmethod
    def take_over(cls, client: stripe.StripeClient) -> None:
        """Make a client's requestor one of these. Its services and objects keep hold of it."""
        requestor: Any = cast("Any", client)._requestor
        requestor.__class__ = cls
        requestor._remembered = {}

    def _new_requestor_with_options(self, options: Any) -> _APIRequestor:
        """The same requestor for the same options: it is never changed."""
        if not options or all(options.get(key) is None for key in PERSISTENT_OPTIONS_KEYS):
            return self
        other: Any = super()._new_requestor_with_options(options)
        other.__class__ = type(self)
        other._remembered = self._remembered
        return cast("_APIRequestor", other)

    def request(
        self,
        method: str,
        url: str,
        params: Any = None,
        options: Any = None,
        *,
        base_address: Any,
        usage: list[str] | None = None,
    ) -> Any:
        """Send a request and make the object of its answer."""
        mode = _util.get_api_mode(url)
        requestor = self._new_requestor_with_options(options)
        answer = requestor.request_raw(
            method.lower(),
            url,
            params,
            options,
            base_address=base_address,
            api_mode=mode,
            usage=usage,
        )
        return _object_of(answer, method, params, requestor, mode)

    async def request_async(
        self,
        method: str,
        url: str,
        params: Any = None,
        options: Any = None,
        *,
        base_address: Any,
        usage: list[str] | None = None,
    ) -> Any:
        """The same in a task."""
        mode = _util.get_api_mode(url)
        requestor = self._new_requestor_with_options(options)
        answer = await requestor.request_raw_async(
            method.lower(),
            url,
            params,
            options,
            base_address=base_address,
            api_mode=mode,
            usage=usage,
        )
        return _object_of(answer, method, params, requestor, mode)

    def request_raw(
        self,
        method: str,
        url: str,
        params: Any = None,
        options: Any = None,
        is_streaming: bool = False,
        **rest: Any,
    ) -> Any:
        """Send a request; in the SDK's own way if it is a stream, or somebody reads the log."""
        if is_streaming or _is_logged():
            return super().request_raw(method, url, params, options, is_streaming, **rest)
        prepared = self._args_for_request_with_retries(method, url, params, options, **rest)
        verb, target, headers, body, retries, usage = prepared[:6]
        return self._get_http_client().request_with_retries(
            verb, target, headers, body, max_network_retries=retries, _usage=usage
        )

    async def request_raw_async(
        self,
        method: str,
        url: str,
        params: Any = None,
        options: Any = None,
        is_streaming: bool = False,
        **rest: Any,
    ) -> Any:
        """The same in a task."""
        if is_streaming or _is_logged():
            return await super().request_raw_async(
                method, url, params, options, is_streaming, **rest
            )
        rest["usage"] = [*(rest.get("usage") or ()), "async"]
        prepared = self._args_for_request_with_retries(method, url, params, options, **rest)
        verb, target, headers, body, retries, usage = prepared[:6]
        return await self._get_http_client().request_with_retries_async(
            verb, target, headers, body, max_network_retries=retries, _usage=usage
        )

    def request_headers(self, method: Any, api_mode: Any, options: Any) -> dict[str, str]:
        """The headers that the SDK makes up, most of them once only."""
        app = stripe.app_info
        place = (
            method,
            api_mode,
            options.get("api_key"),
            options.get("stripe_account"),
            str(options.get("stripe_context")),
            options.get("stripe_version"),
            stripe.enable_telemetry,
            app and tuple(app.items()),
        )
        known = self._remembered.get(place)
        if known is None:
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.clear()
            plain: Any = {**options, "idempotency_key": None}
            known = self._remembered[place] = super().request_headers(method, api_mode, plain)
        headers = dict(known)
        given = options.get("idempotency_key")
        if given:
            headers[_KEY] = given
        elif _KEY in headers:
            headers[_KEY] = _generate_idempotency_key()
        return headers

    def _interpret_response(self, rbody: Any, rcode: int, rheaders: Any, api_mode: ApiMode) -> Any:
        """Read an answer; in the SDK's own way if it is an error, or no JSON."""
        if not 200 <= rcode < 300 or not isinstance(rbody, bytes):
            return super()._interpret_response(rbody, rcode, rheaders, api_mode)
        try:
            body = rbody.decode()
            data = _read(body)
        except (ValueError, RecursionError):
            return super()._interpret_response(rbody, rcode, rheaders, api_mode)
        response = StripeResponse.__new__(StripeResponse)
        StripeResponseBase.__init__(response, rcode, rheaders)
        response.body, response.data = body, data
        return response


def _object_of(answer: Any, method: str, params: Any, requestor: Any, mode: ApiMode) -> Any:
    _maybe_emit_stripe_notice(answer[2])
    response = requestor._interpret_response(*answer, mode)
    deleted = is_v2_delete_resp(method, mode)
    return build(response, params, requestor, mode, v2_deleted=deleted)


def _is_logged() -> bool:
    return _util._console_log_level() is not None or _log.isEnabledFor(logging.INFO)
