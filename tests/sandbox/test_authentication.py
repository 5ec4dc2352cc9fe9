"""API keys: which are let in."""

from base64 import b64encode

import pytest

from holdfast.sandbox.authentication import LONGEST_ACCOUNT, authenticate, read_account
from holdfast.sandbox.errors import ApiError


@pytest.mark.parametrize(
    ("header", "live"),
    [
        ("Bearer sk_test_1", False),
        ("BEARER  rk_live_1", True),
        ("Basic " + b64encode(b"sk_live_1:").decode(), True),
        ("Basic " + b64encode(b"rk_test_1").decode(), False),
    ],
)
def test_the_kind_of_key_says_the_mode(header: str, live: bool) -> None:
    assert authenticate(header) is live


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer pk_test_1", "Basic !", "sk_test_1"])
def test_what_is_no_secret_key_is_a_401(header: str | None) -> None:
    with pytest.raises(ApiError) as refused:
        authenticate(header)
    assert refused.value.status == 401


def test_an_account_is_read_and_bounded() -> None:
    assert read_account(None, "acct_usual") == "acct_usual"
    assert read_account("acct_1", "acct_usual") == "acct_1"
    with pytest.raises(ApiError) as refused:
        read_account("a" * (LONGEST_ACCOUNT + 1), "acct_usual")
    assert refused.value.status == 400
