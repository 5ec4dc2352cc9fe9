"""When money may be in doubt, and why: each line of the table once."""

import pytest

from holdfast.engine import FaultClass
from holdfast.engine.doubt import is_in_doubt, key_lifetime, why_in_doubt

OK, REJECTED = FaultClass.OK, FaultClass.REJECTED
BROKEN, LOCKED = FaultClass.INTERRUPTED, FaultClass.LOCKED


@pytest.mark.parametrize("fault", FaultClass)
def test_a_single_attempt_leaves_a_doubt_if_nobody_knows_what_became_of_it(
    fault: FaultClass,
) -> None:
    doubtful = {FaultClass.INTERRUPTED, FaultClass.SERVER_ERROR, FaultClass.KEY_IN_USE}
    assert is_in_doubt([fault], None, keyed=True) is (fault in doubtful)
    # What was sent earlier, by a run that was killed, stays in doubt unless an answer settles it.
    settled = fault in (OK, REJECTED)
    assert is_in_doubt([fault], 402, keyed=True, begun_before=True) is not settled


@pytest.mark.parametrize(
    ("status", "keyed", "doubt"),
    [
        (402, True, False),
        (402, False, False),
        (404, True, False),
        (404, False, True),  # it may have been deleted the first time
        (401, True, True),
        (403, True, True),
        (None, True, False),
    ],
)
def test_which_rejections_settle_what_came_before(
    status: int | None, keyed: bool, doubt: bool
) -> None:
    assert is_in_doubt([BROKEN, REJECTED], status, keyed=keyed) is doubt
    assert is_in_doubt([LOCKED, REJECTED], status, keyed=keyed) is False


def test_success_settles_everything() -> None:
    assert not is_in_doubt([BROKEN, OK], 200, keyed=False, begun_before=True)


@pytest.mark.parametrize(
    ("faults", "why"),
    [
        ([], "no whole answer came"),
        ([LOCKED, BROKEN], "no whole answer came"),
        ([FaultClass.SERVER_ERROR], "the server failed while it worked on it"),
        ([FaultClass.KEY_IN_USE], "an earlier attempt of it was still being executed"),
        ([BROKEN, LOCKED], "an earlier attempt may have been executed, and the last answer"),
    ],
)
def test_the_doubt_has_a_reason(faults: list[FaultClass], why: str) -> None:
    assert why_in_doubt(faults).startswith(why)


@pytest.mark.parametrize(
    ("method", "path", "hours"),
    [
        ("POST", "/v1/refunds", 24),
        ("POST", "/v2/core/accounts", 720),
        ("DELETE", "/v2/core/accounts/acct_1", 720),
        ("DELETE", "/v1/customers/cus_1", None),
        ("GET", "/v1/balance", None),
        ("POST", "/v3/refunds", None),
    ],
)
def test_for_how_long_a_key_is_kept(method: str, path: str, hours: int | None) -> None:
    assert key_lifetime(method, path) == (None if hours is None else hours * 3600.0)
