import logging
import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from holdfast.observe.lines import Line
from holdfast.observe.records import Records

LINE = Line("call_ended", logging.WARNING, 1_700_000_000.25, {"api_path": "/v1/x", "attempts": 2})
TIMES = {"created", "msecs", "relativeCreated"}


@pytest.fixture
def logger() -> logging.Logger:
    return logging.getLogger("holdfast.records")


@pytest.fixture
def factory() -> Iterator[None]:
    usual = logging.getLogRecordFactory()
    yield
    logging.setLogRecordFactory(usual)


def test_a_record_is_what_logging_itself_would_make(logger: logging.Logger) -> None:
    records = Records(logger)
    records.make(Line("another", logging.INFO, 0.0, {"lanes": ["cus_1"]}), "before")
    made = vars(records.make(LINE, "what it says"))
    full = vars(
        logger.makeRecord(
            logger.name,
            logging.WARNING,
            made["pathname"],
            0,
            "what it says",
            (),
            None,
            extra={"event": "call_ended", **LINE.fields},
        )
    )
    assert made.keys() == full.keys()
    assert {name: made[name] for name in made.keys() - TIMES} == {
        name: full[name] for name in full.keys() - TIMES
    }
    assert (made["created"], made["msecs"]) == (1_700_000_000.25, 250.0)
    apart = made["relativeCreated"] / 1000 - full["relativeCreated"] / 1000
    assert apart == pytest.approx(made["created"] - full["created"], abs=0.001)


def test_a_line_without_a_time_is_of_now(logger: logging.Logger) -> None:
    records = Records(logger)
    first = records.make(Line("one", logging.INFO, 0.0, {}), "")
    second = records.make(Line("two", logging.INFO, 0.0, {}), "")
    assert 0 < first.created <= second.created
    assert first.relativeCreated <= second.relativeCreated


def test_what_a_handler_does_to_a_record_is_in_no_other(logger: logging.Logger) -> None:
    records = Records(logger)
    first = records.make(LINE, "first")
    logging.Formatter("%(asctime)s %(message)s").format(first)
    first.name = "changed"
    first.args = ("changed",)
    second = vars(records.make(Line("x", logging.INFO, 1.0, {}), "second"))
    assert (second["name"], second["args"]) == (logger.name, ())
    assert not second.keys() & {"asctime", "message", "api_path", "attempts"}


def test_a_record_says_which_thread_and_process_it_is_from(
    logger: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = Records(logger)
    made = [records.make(LINE, "here")]
    thread = threading.Thread(target=lambda: made.append(records.make(LINE, "there")), name="other")
    thread.start()
    thread.join()
    made.append(records.make(LINE, "here again"))
    here = threading.current_thread().name
    assert [record.threadName for record in made] == [here, "other", here]
    forked = os.getpid() + 1
    monkeypatch.setattr(os, "getpid", lambda: forked)
    assert records.make(LINE, "in a child").process == forked


@pytest.mark.usefixtures("factory")
def test_a_factory_of_ones_own_makes_each_record(logger: logging.Logger) -> None:
    numbers = iter(range(10))

    def make(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = logging.LogRecord(*args, **kwargs)
        vars(record)["number"] = next(numbers)
        return record

    records = Records(logger)
    records.make(LINE, "before")
    logging.setLogRecordFactory(make)
    made = [vars(records.make(LINE, "100%s")) for _ in range(2)]
    assert [values["number"] for values in made] == [0, 1]
    assert [values["created"] for values in made] == [LINE.at, LINE.at]
    assert {values["api_path"] for values in made} == {"/v1/x"}


def test_a_logger_of_ones_own_makes_each_record() -> None:
    class Own(logging.Logger):
        def makeRecord(self, *args: Any, **kwargs: Any) -> logging.LogRecord:  # noqa: N802
            record = super().makeRecord(*args, **kwargs)
            record.name = "own"
            return record

    records = Records(Own("holdfast.records.own"))
    assert {records.make(LINE, "").name for _ in range(2)} == {"own"}
