import asyncio
import contextvars
import io
import json
import logging
import logging.config
import time
from collections.abc import Iterator
from typing import Any

import pytest
import stripe

import holdfast
from holdfast import observe
from holdfast.observe import to_logging
from holdfast.ratelimit import LimitCut, LimitRecovered
from holdfast.sandbox import Sandbox
from holdfast.stream import publish

REQUEST: contextvars.ContextVar[str] = contextvars.ContextVar("request", default="")


class Kept(logging.Handler):
    """Keeps records, and what the context was when they came."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []
        self.contexts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)
        self.contexts.append(REQUEST.get())

    def events(self) -> list[str]:
        return [vars(record)["event"] for record in self.records]


@pytest.fixture
def kept() -> Iterator[Kept]:
    handler = Kept()
    logger = logging.getLogger("holdfast.test")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)
    logger.propagate = True


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(hold=0.0, lock_wait=0.01) as running:
        yield running


@pytest.fixture
def client(box: Sandbox) -> Any:
    return holdfast.stripe_client("sk_test_x", base_addresses={"api": box.url})


def test_each_step_is_a_record_with_its_time_and_fields(kept: Kept, client: Any) -> None:
    began = time.time()
    with to_logging("holdfast.test") as logs:
        made = client.v1.customers.create({"name": "Jenny"})
        assert logs.flush()
    ended = time.time()
    assert kept.events() == [
        "call_started",
        "attempt_started",
        "attempt_ended",
        "call_ended",
    ]
    times = [record.created for record in kept.records]
    # Of the events, not of their telling, which comes a while later.
    assert times == sorted(times)
    assert began - 0.001 <= times[0]
    assert times[-1] <= ended
    last = kept.records[-1]
    fields = vars(last)
    assert fields["api_path"] == "/v1/customers"
    assert fields["stop"] == "ok"
    assert fields["attempts"] == 1
    assert fields["api_request_id"] == made.last_response.request_id
    assert last.levelno == logging.INFO
    assert last.name == "holdfast.test"
    assert abs(last.msecs - (last.created % 1) * 1000) < 1
    assert last.getMessage().startswith("event=call_ended api_method=POST api_path=/v1/customers ")


def test_retry_shows_at_info_and_costs_no_steps(kept: Kept, client: Any, box: Sandbox) -> None:
    made = client.v1.customers.create()
    box.fault("POST", f"/v1/customers/{made.id}", "lock_timeout", count=1)
    with to_logging("holdfast.test", level="INFO") as logs:
        assert logs.wanted is observe.Wanted.ENDS
        client.v1.customers.update(made.id, {"name": "x"})
        assert logs.flush()
    assert kept.events() == ["lane_locked", "call_ended"]
    fields = vars(kept.records[-1])
    assert fields["faults"] == ["locked", "ok"]
    assert fields["lanes"] == [made.id]
    assert "faults=locked,ok" in kept.records[-1].getMessage()


def test_level_is_the_loggers_unless_it_is_given(kept: Kept) -> None:
    logger = logging.getLogger("holdfast.test")
    with to_logging(logger) as logs:
        assert logs.wanted is observe.Wanted.ALL
    logger.setLevel(logging.WARNING)
    with to_logging(logger) as logs:
        assert logs.wanted is observe.Wanted.ENDS
    with to_logging(logger, level=10) as logs:
        assert logs.wanted is observe.Wanted.ALL
        logger.setLevel(logging.ERROR)  # it is asked each time
        publish(LimitCut("a", "account", None, 1.0, 1.0, 5.0))
        assert logs.flush()
    assert kept.events() == []


def test_logging_may_be_configured_later(kept: Kept) -> None:
    logger = logging.getLogger("holdfast.test")
    logger.setLevel(logging.WARNING)
    with to_logging(logger) as logs:
        logger.setLevel(logging.INFO)
        publish(LimitRecovered("a", "account", 5.0))
        assert logs.flush()
    assert kept.events() == ["limit_recovered"]


def test_only_what_is_of_the_level_is_logged(kept: Kept, client: Any, box: Sandbox) -> None:
    box.fault("GET", "/v1/customers/*", "error_500", count=1)
    box.fault("POST", "/v1/customers/*", "close_before", count=1)
    client_once = holdfast.stripe_client(
        "sk_test_x", policy=holdfast.Policy(max_retries=0), base_addresses={"api": box.url}
    )
    with to_logging("holdfast.test", level=logging.WARNING) as logs:
        client.v1.customers.create()
        for call in (client_once.v1.customers.retrieve, client_once.v1.customers.update):
            with pytest.raises(stripe.StripeError) as raised:
                call("cus_1")
            assert "Holdfast: " in raised.value.__notes__[0]
        assert logs.flush()
    assert [record.levelname for record in kept.records] == ["WARNING", "ERROR"]
    assert "in_doubt=true" in kept.records[1].getMessage()


def test_context_of_the_caller_holds(kept: Kept, box: Sandbox) -> None:
    async def one(name: str) -> None:
        REQUEST.set(name)
        client = holdfast.stripe_client("sk_test_x", base_addresses={"api": box.url})
        await client.v1.customers.create_async({"metadata": {"a": name}})

    async def both() -> None:
        await asyncio.gather(one("first"), one("second"))

    with to_logging("holdfast.test", level=logging.INFO) as logs:
        asyncio.run(both())
        assert logs.flush()
    assert sorted(kept.contexts) == ["first", "second"]


def test_json_is_a_message_of_its_own(kept: Kept, client: Any) -> None:
    with to_logging("holdfast.test", form="json", level="info") as logs:
        client.v1.customers.create()
        assert logs.flush()
    (record,) = kept.records
    line = json.loads(record.getMessage())
    assert line["event"] == "call_ended"
    assert line["api_path"] == vars(record)["api_path"]


def test_percent_signs_are_no_format(kept: Kept) -> None:
    with to_logging("holdfast.test") as logs:
        publish(LimitCut("100%s", "account", "%d", 1.0, 1.0, 5.0))
        assert logs.flush()
    assert "account=100%s" in kept.records[0].getMessage()
    assert kept.records[0].created == 5.0


def test_bad_options_are_refused_with_a_sentence() -> None:
    with pytest.raises(ValueError, match="form is 'xml': it must be 'text' or 'json'"):
        to_logging(form="xml")
    with pytest.raises(ValueError, match="level is 'LOUD': it must be DEBUG, INFO"):
        to_logging(level="LOUD")


SETTINGS: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {
        "kept": {"class": "logging.StreamHandler", "formatter": "plain", "stream": None},
    },
    "loggers": {"holdfast.configured": {"handlers": ["kept"], "level": "INFO"}},
}


def test_settings_as_django_has_them(client: Any) -> None:
    written = io.StringIO()
    SETTINGS["handlers"]["kept"]["stream"] = written
    logging.config.dictConfig(SETTINGS)
    try:
        with to_logging("holdfast.configured") as logs:
            client.v1.customers.create()
            assert logs.flush()
    finally:
        logging.getLogger("holdfast.configured").handlers.clear()
    (line,) = written.getvalue().splitlines()
    assert " INFO holdfast.configured event=call_ended api_method=POST " in line
