"""Requests that are not ok: grouped, all kept, within bounds."""

import json

from endings import exchange, line

from holdfast.batch import Status
from holdfast.report.ending import Ending, read_ending
from holdfast.report.failures import Failures


def _failed(id_: str, code: str = "card_declined", **changed: object) -> Ending:
    values = {
        "status": "failed",
        "stop_reason": "rejected",
        "exchanges": [exchange(0, 0.1, "rejected", 402)],
        "error": {"type": "card_error", "code": code, "message": f"declined for {id_}"},
    }
    ending = read_ending(json.dumps(line(id_, **(values | changed))))
    assert ending is not None
    return ending


def test_requests_of_one_reason_are_one_group_and_unsure_comes_first() -> None:
    failures = Failures()
    for number in range(3):
        failures.add(_failed(f"r-{number}"))
    failures.add(_failed("r-9", code="expired_card"))
    failures.add(_failed("r-10", status="unsure"))
    unsure, declined, expired = failures
    assert unsure.reason.status is Status.UNSURE
    assert (declined.count, declined.message) == (3, "declined for r-0")
    assert declined.reason.title == "rejected, HTTP 402, card_declined"
    assert [ending.id for ending in expired.whole] == ["r-9"]
    assert len(failures) == 5


def test_failed_ones_do_not_crowd_unsure_ones_out() -> None:
    failures = Failures(whole=2, most=3)
    for number in range(10):
        failures.add(_failed(f"r-{number}"))
    failures.add(_failed("r-10", status="unsure"))
    unsure, failed = failures
    assert [ending.id for ending in unsure.whole] == ["r-10"]
    assert [ending.id for ending in failed.whole] == ["r-0", "r-1"]
    assert [one.id for one in failed.listed] == ["r-2", "r-3", "r-4"]
    assert (failed.count, failed.unlisted) == (10, 5)


def test_a_server_that_makes_up_codes_does_not_make_up_groups() -> None:
    failures = Failures()
    for number in range(500):
        failures.add(_failed(f"r-{number}", code=f"made_up_{number}"))
    groups = list(failures)
    assert len(groups) <= 62
    assert sum(group.count for group in groups) == 500
    assert groups[0].reason.title == "other reasons"
