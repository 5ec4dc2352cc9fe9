import asyncio
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import sentry_sdk
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

import holdfast
from holdfast import observe
from holdfast.observe import to_sentry
from holdfast.sandbox import Sandbox

KEY = "sk_test_SECRETsecret1234567890"


class Captured(Transport):
    """Keeps the events that would go to Sentry."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Any] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        event = envelope.get_event()
        if event is not None:
            self.events.append(event)

    @property
    def last(self) -> Any:
        return self.events[-1]

    @property
    def crumbs(self) -> list[Any]:
        return list(self.last["breadcrumbs"]["values"])


@pytest.fixture
def sent() -> Iterator[Captured]:
    transport = Captured()
    with sentry_sdk.isolation_scope(), sentry_sdk.new_scope():
        sentry_sdk.init(
            dsn="https://public@sentry.invalid/1",
            transport=transport,
            default_integrations=False,
            auto_enabling_integrations=False,
        )
        yield transport
        sentry_sdk.get_client().close()
        sentry_sdk.get_global_scope().set_client(None)


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(hold=0.0, lock_wait=0.01) as running:
        yield running


def client_of(box: Sandbox, **options: Any) -> Any:
    return holdfast.stripe_client(KEY, base_addresses={"api": box.url}, **options)


def capture(call: Any, *arguments: Any) -> BaseException:
    try:
        call(*arguments)
    except Exception as error:  # noqa: BLE001 - as an application's last resort does
        sentry_sdk.capture_exception(error)
        return error
    raise AssertionError("it did not fail")


def test_retries_and_ends_are_breadcrumbs_before_the_error(sent: Captured, box: Sandbox) -> None:
    client = client_of(box)
    made = client.v1.customers.create()
    box.fault("POST", f"/v1/customers/{made.id}", "lock_timeout", count=1)
    with to_sentry() as crumbs:
        client.v1.customers.update(made.id, {"name": "x"})
        capture(client.v1.customers.retrieve, "cus_none")
        assert crumbs.failed == 0
    assert [(crumb["category"], crumb["level"]) for crumb in sent.crumbs] == [
        ("holdfast", "info"),
        ("holdfast", "info"),
        ("holdfast", "warning"),
    ]
    retry, updated, failed = sent.crumbs
    assert retry["message"] == "retry_scheduled"
    assert retry["data"]["fault"] == "locked"
    assert updated["message"].startswith(f"POST /v1/customers/{made.id}: ok ")
    assert failed["data"]["stop"] == "rejected"
    assert retry["timestamp"] <= updated["timestamp"] <= failed["timestamp"]


def test_an_error_has_its_receipt_and_no_secret(sent: Captured, box: Sandbox) -> None:
    client = client_of(box)
    with to_sentry():
        error = capture(client.v1.customers.retrieve, "jenny@example.com")
    assert "jenny" in str(error)  # the program's own error is as it was
    assert sent.last["tags"] == {
        "holdfast.stop": "rejected",
        "holdfast.endpoint": "GET /v1/customers/{id}",
        "holdfast.in_doubt": "no",
    }
    assert sent.last["contexts"]["holdfast"]["stop"] == "rejected"
    everything = repr(sent.last)
    assert "SECRET" not in everything
    assert "jenny@" not in everything
    assert "jenny%40" not in everything
    assert "[redacted]" in everything


def test_without_it_the_key_would_be_in_the_event(sent: Captured, box: Sandbox) -> None:
    capture(client_of(box).v1.customers.retrieve, "cus_none")
    assert "SECRET" in repr(sent.last)


def test_a_call_in_doubt_is_tagged(sent: Captured, box: Sandbox) -> None:
    client = client_of(box, policy=holdfast.Policy(max_retries=0))
    box.fault("POST", "/v1/customers", "close_before", count=1)
    with to_sentry():
        capture(client.v1.customers.create)
    assert sent.last["tags"]["holdfast.in_doubt"] == "yes"
    assert sent.crumbs[-1]["level"] == "error"


def test_errors_of_others_are_left_alone(sent: Captured, box: Sandbox) -> None:
    def fail(password: str) -> None:
        raise ValueError(f"no {password}")

    with to_sentry():
        client_of(box).v1.customers.create()
        capture(fail, "jenny@example.com")
    assert "tags" not in sent.last
    assert "jenny@example.com" in repr(sent.last)


def test_error_of_another_task_keeps_to_itself(sent: Captured, box: Sandbox) -> None:
    async def failing() -> Any:
        return await client_of(box).v1.customers.retrieve_async("cus_none")

    async def both() -> None:
        client_of(box).v1.customers.create()
        raised = await asyncio.gather(failing(), return_exceptions=True)
        sentry_sdk.capture_exception(raised[0])

    with to_sentry():
        asyncio.run(both())
    assert "tags" not in sent.last
    assert "SECRET" not in repr(sent.last)


def test_nothing_is_added_once_it_is_closed(sent: Captured, box: Sandbox) -> None:
    to_sentry().close()
    capture(client_of(box).v1.customers.retrieve, "cus_none")
    assert "tags" not in sent.last
    assert not sent.last.get("breadcrumbs", {}).get("values")


def test_missing_package_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentry_sdk", None)
    monkeypatch.delitem(sys.modules, "holdfast.observe.sentry")
    monkeypatch.delitem(vars(observe), "to_sentry", raising=False)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'holdfast\[sentry\]'"):
        observe.to_sentry()
