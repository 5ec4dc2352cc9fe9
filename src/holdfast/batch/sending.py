"""One request of a batch -> the official SDK over Holdfast -> its result."""

import importlib.util
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from holdfast.batch.conclusion import (
    KEY_EXPIRED,
    WHY_REPLAYED,
    Status,
    conclude,
    key_expired,
    why_unsure,
)
from holdfast.batch.errors import UsageError
from holdfast.batch.reading import Request
from holdfast.batch.results import Result
from holdfast.batch.scheduling import Job
from holdfast.batch.target import Endpoint
from holdfast.drivers import last_receipt
from holdfast.drivers.queued import queued
from holdfast.engine import Receipt
from holdfast.policy import Policy

_MESSAGE_LIMIT = 1000


class Sender:
    """Sends requests; every thread may use it.

    Args:
        endpoint: where to.
        policy: the options of the calls. Their lanes are off: the run keeps the order itself.
        wall_clock: the time in unix seconds.
    """

    def __init__(
        self, endpoint: Endpoint, policy: Policy, *, wall_clock: Callable[[], float]
    ) -> None:
        import stripe

        from holdfast.integrations.stripe import StripeHTTPClient

        self._http = StripeHTTPClient(policy)
        self._client = stripe.StripeClient(
            endpoint.api_key, http_client=self._http, base_addresses={"api": endpoint.url}
        )
        self._error: type[Exception] = stripe.StripeError
        self._wall_clock = wall_clock

    def close(self) -> None:
        """Close the idle connections."""
        self._http.close()

    def send(self, job: Job) -> Result:
        """Send a request and wait for its end, unless its idempotency key is too old by now."""
        entry = job.entry
        now = self._wall_clock()
        began_at = now - job.lane_wait
        if key_expired(entry.request, entry.begun_at, now):
            return _expired(job, began_at)
        with queued(job.objects, job.lane_wait):
            answer, error = self._exchange(entry.request)
        receipt = last_receipt()
        if receipt is None:
            raise AssertionError("a call that was made has a receipt")
        return _result(job, began_at, receipt, answer, error)

    def _exchange(self, request: Request) -> tuple[object, dict[str, object] | None]:
        options: dict[str, Any] = {}
        if request.idempotency_key is not None:
            options["idempotency_key"] = request.idempotency_key
        if request.account is not None:
            options["stripe_account"] = request.account
        try:
            response = self._client.raw_request(
                request.method.lower(), request.path, **request.params, **options
            )
        except self._error as error:
            return None, _described(error)
        return response.data, None


def require_packages(names: Iterable[str] = ("stripe", "urllib3", "httpx2")) -> None:
    """Raise UsageError, which says what to install, if a package is missing."""
    for name in names:
        if importlib.util.find_spec(name) is None:
            raise UsageError(f"this needs the package {name!r}: pip install 'holdfast[cli]'")


def _result(
    job: Job,
    began_at: float,
    receipt: Receipt,
    answer: object,
    error: dict[str, object] | None,
) -> Result:
    entry = job.entry
    faults = receipt.fault_classes
    last = receipt.attempts[-1] if faults else None
    status = conclude(
        entry.request,
        faults,
        None if last is None else last.status,
        begun_before=entry.begun_at is not None,
    )
    reason = why_unsure(faults) if status is Status.UNSURE else None
    if status is Status.FAILED and entry.own_key and last is not None and last.replayed:
        reason = WHY_REPLAYED
    return Result(
        id=entry.request.id,
        method=entry.request.method,
        path=entry.request.shown_path,
        objects=job.objects,
        status=status,
        stop_reason="" if receipt.stop is None else receipt.stop.value,
        began_at=began_at,
        seconds=receipt.seconds,
        exchanges=receipt.attempts,
        waits={cause.value: seconds for cause, seconds in receipt.waits.items()},
        answer=answer,
        error=error,
        reason=reason,
    )


def _expired(job: Job, began_at: float) -> Result:
    request = job.entry.request
    return Result(
        id=request.id,
        method=request.method,
        path=request.shown_path,
        objects=job.objects,
        status=Status.UNSURE,
        stop_reason=KEY_EXPIRED,
        began_at=began_at,
        seconds=job.lane_wait,
        exchanges=(),
        waits={"lane": job.lane_wait},
        reason=(
            "it may have been sent before, and its idempotency key is now older than Stripe keeps "
            "it, so it was not sent again; look at the object in Stripe, and send it in another "
            "file if it was not executed"
        ),
    )


def _described(error: Exception) -> dict[str, object]:
    """The error as the server put it; failing that, in the SDK's words."""
    body = getattr(error, "json_body", None)
    inner = body.get("error") if isinstance(body, Mapping) else None
    if isinstance(inner, Mapping):
        return dict(inner)
    message = str(getattr(error, "user_message", None) or error)
    return {"type": type(error).__name__, "message": message[:_MESSAGE_LIMIT]}
