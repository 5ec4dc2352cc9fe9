import logging
import sys
from typing import Any

import pytest
import structlog
from structlog.testing import CapturingLogger

import holdfast
from holdfast import observe
from holdfast.observe import to_structlog
from holdfast.sandbox import Sandbox


def logger(written: CapturingLogger, lowest: int = logging.DEBUG) -> Any:
    return structlog.wrap_logger(
        written,
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(lowest),
    )


def test_bound_values_of_the_caller_appear_and_stay_theirs() -> None:
    written = CapturingLogger()
    with Sandbox(hold=0.0) as box, to_structlog(logger(written, logging.INFO)) as logs:
        assert logs.wanted is observe.Wanted.ENDS
        client = holdfast.stripe_client("sk_test_x", base_addresses={"api": box.url})
        with structlog.contextvars.bound_contextvars(request_id="web-7", path="/checkout"):
            client.v1.customers.create()
        client.v1.customers.create()
        assert logs.flush()
    first, second = [call.kwargs for call in written.calls]
    assert first["event"] == "call_ended"
    assert first["level"] == "info"
    assert (first["request_id"], first["path"]) == ("web-7", "/checkout")
    assert first["api_path"] == "/v1/customers"
    assert first["api_request_id"].startswith("req_")
    assert first["at"] <= first["timestamp"]
    assert "request_id" not in second


def test_steps_are_there_at_debug() -> None:
    written = CapturingLogger()
    with Sandbox(hold=0.0) as box, to_structlog(logger(written)) as logs:
        client = holdfast.stripe_client("sk_test_x", base_addresses={"api": box.url})
        client.v1.customers.create()
        assert logs.flush()
    calls = [(call.kwargs["event"], call.kwargs["level"]) for call in written.calls]
    assert calls == [
        ("call_started", "debug"),
        ("attempt_started", "debug"),
        ("attempt_ended", "debug"),
        ("call_ended", "info"),
    ]


def test_it_goes_through_the_standard_library_too(caplog: pytest.LogCaptureFixture) -> None:
    through = structlog.wrap_logger(
        logging.getLogger("through"),
        processors=[structlog.stdlib.render_to_log_kwargs],
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    logging.getLogger("through").setLevel(logging.INFO)
    with Sandbox(hold=0.0) as box, to_structlog(through) as logs:
        assert logs.wanted is observe.Wanted.ENDS
        holdfast.stripe_client("sk_test_x", base_addresses={"api": box.url}).v1.customers.create()
        assert logs.flush()
    (record,) = [record for record in caplog.records if record.name == "through"]
    assert record.getMessage() == "call_ended"
    assert vars(record)["api_method"] == "POST"


def test_default_logger_is_structlogs_own(capsys: pytest.CaptureFixture[str]) -> None:
    with Sandbox(hold=0.0) as box, to_structlog(level="info") as logs:
        holdfast.stripe_client("sk_test_x", base_addresses={"api": box.url}).v1.customers.create()
        assert logs.flush()
        assert logs.failed == 0
    assert "call_ended" in capsys.readouterr().out


def test_bad_level_is_refused() -> None:
    with pytest.raises(ValueError, match="level is 'LOUD'"):
        to_structlog(level="LOUD")


def test_missing_package_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "structlog", None)
    monkeypatch.delitem(sys.modules, "holdfast.observe.structlog")
    monkeypatch.delitem(vars(observe), "to_structlog", raising=False)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'holdfast\[structlog\]'"):
        observe.to_structlog()
