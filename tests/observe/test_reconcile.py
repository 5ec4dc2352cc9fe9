"""What to do about a call that may have been executed."""

import importlib
import re
from pathlib import Path

import pytest
import stripe

from holdfast.engine import Attempt, FaultClass, Receipt, StopReason
from holdfast.observe.reconcile import (
    LISTS,
    NESTED,
    SEARCHABLE,
    how_to_reconcile,
    how_to_settle,
    why_unsure,
)

BEGAN = 1_764_000_000.0  # 2025-11-24 16:00:00 UTC
INTERRUPTED, FAILED = FaultClass.INTERRUPTED, FaultClass.SERVER_ERROR


def settle(
    method: str,
    path: str,
    *objects: str,
    keyed: bool = True,
    fault: FaultClass = INTERRUPTED,
    began_at: float | None = BEGAN,
    later: float = 60.0,
) -> str:
    return how_to_settle(
        method,
        path,
        keyed=keyed,
        faults=[fault],
        began_at=began_at,
        now=BEGAN + later,
        objects=objects,
    )


def test_a_refund_without_an_answer_is_sent_again_with_its_key_or_looked_up() -> None:
    assert settle("POST", "/v1/refunds", "pi_1", "cus_1") == (
        "Send it again with the same idempotency key and parameters before 2025-11-25 16:00 UTC: "
        "if it was executed, the answer is the stored one, and else it is executed now. Without "
        "the key: GET /v1/refunds?payment_intent=pi_1&created[gte]=1763999940 lists it if it was "
        "executed."
    )


def test_a_500_is_looked_up_first_because_it_is_stored() -> None:
    text = settle("POST", "/v1/payment_intents", "cus_1", fault=FAILED)
    assert text.startswith("Look first: GET /v1/payment_intents?customer=cus_1&created[gte]=")
    assert "GET /v1/payment_intents/search finds it by metadata" in text
    assert "may only give the stored error again" in text


def test_v2_does_again_what_failed_for_thirty_days() -> None:
    text = settle("POST", "/v2/core/accounts", fault=FAILED, later=20 * 86400)
    assert "before 2025-12-24 16:00 UTC" in text
    assert "what failed is done then" in text
    deleted = settle("DELETE", "/v2/core/event_destinations/ed_1")
    assert "with the same idempotency key" in deleted
    assert "GET /v2/core/event_destinations/ed_1 is gone if it was executed" in deleted


@pytest.mark.parametrize("later", [24 * 3600, 90 * 86400])
def test_a_key_that_may_be_forgotten_is_not_sent_again(later: float) -> None:
    text = settle("POST", "/v1/customers", later=later)
    assert text.startswith("Stripe may have forgotten its idempotency key by now")
    assert "Send it again" not in text


def test_without_a_key_it_is_looked_up() -> None:
    text = settle("POST", "/v1/customers/cus_1", keyed=False)
    assert text == (
        "Do not send it again before you have looked: GET /v1/customers/cus_1 shows what was "
        "asked for if it was executed."
    )


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ("/v1/payment_intents/pi_1/capture", "GET /v1/payment_intents/pi_1: it is captured"),
        ("/v1/invoices/in_1/pay", "GET /v1/invoices/in_1: its status is paid"),
        ("/v1/invoices/in_1/new_verb", "GET /v1/invoices/in_1: it shows what was asked for"),
        ("/v1/customers/cus_1/balance_transactions", "balance_transactions lists it, the newest"),
        ("/v1/subscriptions", "GET /v1/subscriptions?status=all&created[gte]=1763999940"),
        ("/v1/transfers", "GET /v1/transfers?destination=acct_1&created[gte]="),
        ("/v2/core/accounts", "GET /v2/core/accounts lists it"),
        ("/v2/billing/meter_events", "the Dashboard shows what was made"),
        ("/v1/tokens", "GET /v1/events?created[gte]=1763999940 names what was made"),
    ],
)
def test_each_kind_of_endpoint_has_its_place_to_look(path: str, where: str) -> None:
    assert where in settle("POST", path, "acct_1")


def test_a_list_is_narrowed_by_the_object_that_says_most() -> None:
    text = settle("POST", "/v1/invoiceitems", "cus_1", "in_1")
    assert "GET /v1/invoiceitems?invoice=in_1&created[gte]=" in text


def test_deleting_can_be_looked_at_and_done_again() -> None:
    text = settle("DELETE", "/v1/customers/cus_1", keyed=False)
    assert text == (
        "GET /v1/customers/cus_1: deleted, canceled or a 404 means that it was executed. If it was "
        "not, send it again: deleting twice does no more than once."
    )
    discount = settle("DELETE", "/v1/customers/cus_1/discount", keyed=False)
    assert discount.startswith("GET /v1/customers/cus_1: it has no discount any more")


def test_other_servers_have_rules_of_their_own() -> None:
    assert settle("PUT", "/things/7", keyed=False).startswith("Send it again: PUT twice")
    assert "if the server minds keys" in settle("POST", "/things")
    assert settle("POST", "/things", keyed=False).startswith("Ask the server")


def test_without_a_time_there_is_none_in_the_sentences() -> None:
    text = settle("POST", "/v1/refunds", "ch_1", began_at=None)
    assert "within 24 hours of its first attempt" in text
    assert "GET /v1/refunds?charge=ch_1 lists it" in text


def receipt(*faults: FaultClass, unanswered: bool = False) -> Receipt:
    attempts = [
        Attempt(number, fault, None, None, None, False, 0.0, 0.1)
        for number, fault in enumerate(faults, 1)
    ]
    made = Receipt("POST", "/v1/refunds", attempts, {}, StopReason.DEADLINE, idempotency_key="key")
    made.lanes, made.began_at, made.unanswered = ("ch_1",), BEGAN, unanswered
    return made


def test_a_receipt_says_why_and_how() -> None:
    assert why_unsure(receipt(INTERRUPTED)) == (
        "No whole answer came, so it may or may not have been executed."
    )
    assert why_unsure(receipt(FaultClass.LOCKED, unanswered=True)).startswith("It was broken off")
    assert why_unsure(receipt(unanswered=True)).startswith("It was broken off")
    assert "earlier attempt may have" in why_unsure(receipt(INTERRUPTED, FaultClass.LOCKED))
    text = how_to_reconcile(receipt(INTERRUPTED), BEGAN)
    assert "GET /v1/refunds?charge=ch_1&created[gte]=1763999940" in text
    assert "same idempotency key" in text


def lists_of_the_sdk() -> dict[str, set[str]]:
    """Path of each list in the official package -> its parameters."""
    found = {}
    for file in Path(stripe.__file__).parent.rglob("_*_service.py"):
        text = file.read_text()
        for body in re.findall(
            r"    def list\(\s*self,(.*?)(?=\n    (?:async )?def |\Z)", text, re.DOTALL
        ):
            path = re.search(r'"(/v[12]/[^"]*)"', body)
            name = re.search(r'params: (?:Optional\[)?"(\w+ListParams)"', body)
            if path is None or name is None:
                continue
            place = re.search(rf"from (stripe\.params[\w.]*) import \(?\s*{name[1]}", text)
            params = set[str]()
            if place is not None:
                params = set(getattr(importlib.import_module(place[1]), name[1]).__annotations__)
            found[path[1]] = params
    return found


def test_the_lists_are_those_of_the_official_package() -> None:
    known = lists_of_the_sdk()
    assert len(known) > 80
    for path, filters in LISTS.items():
        assert set(filters) <= known[path], path
    assert "status" in known["/v1/subscriptions"]
    assert "created" in known["/v1/events"]
    nested = {path.rpartition("/")[2] for path in known if "}/" in path}
    assert nested >= NESTED
    sources = "".join(
        file.read_text() for file in Path(stripe.__file__).parent.glob("_*_service.py")
    )
    searches = set(re.findall(r'"(/v1/[a-z_]+)/search"', sources))
    assert searches == SEARCHABLE
