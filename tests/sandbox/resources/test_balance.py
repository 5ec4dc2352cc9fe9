"""Balances: what payments, refunds, payouts and transfers move, and that it all adds up."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.sandbox.errors import ApiError
from holdfast.sandbox.resources.balance_transactions import REPORTING, fee_of

TRANSACTIONS = "/v1/balance_transactions"
DAY = 86_400


def pay(desk: Any, amount: int, method: str = "pm_card_visa", **params: Any) -> Any:
    return desk.post(
        "/v1/payment_intents",
        amount=amount,
        currency="usd",
        payment_method=method,
        confirm=True,
        **params,
    )


def sums(desk: Any) -> tuple[int, int]:
    """What is available and what is pending, in usd."""
    balance = desk.get("/v1/balance")
    found = []
    for part in ("available", "pending"):
        (amount,) = [each["amount"] for each in balance[part] if each["currency"] == "usd"]
        found.append(amount)
    return found[0], found[1]


def test_a_payment_is_pending_first(desk: Any) -> None:
    assert sums(desk) == (0, 0)
    intent = pay(desk, 10_000)
    charge = desk.get(f"/v1/charges/{intent['latest_charge']}", expand=["balance_transaction"])
    moved = charge["balance_transaction"]
    assert (moved["amount"], moved["fee"], moved["net"]) == (10_000, 320, 9_680)
    assert (moved["type"], moved["source"], moved["status"]) == ("charge", charge["id"], "pending")
    assert [each["amount"] for each in moved["fee_details"]] == [320]
    assert desk.get(f"{TRANSACTIONS}/{moved['id']}") == moved
    assert sums(desk) == (0, 9_680)
    desk.now = moved["available_on"]
    assert sums(desk) == (9_680, 0)
    assert desk.get(f"{TRANSACTIONS}/{moved['id']}")["status"] == "available"
    assert desk.get(TRANSACTIONS)["data"][0]["status"] == "available"


def test_a_card_that_bypasses_it_and_a_refund(desk: Any) -> None:
    intent = pay(desk, 1000, "pm_card_bypassPending")
    assert sums(desk) == (1000 - 59, 0)
    refund = desk.post("/v1/refunds", payment_intent=intent["id"], amount=400)
    (moved,) = desk.get(TRANSACTIONS, source=refund["id"])["data"]
    assert (moved["id"], moved["net"], moved["type"]) == (
        refund["balance_transaction"],
        -400,
        "refund",
    )
    assert sums(desk) == (1000 - 59 - 400, 0)
    assert len(desk.get(TRANSACTIONS, type="charge")["data"]) == 1


def test_only_what_is_captured_counts(desk: Any) -> None:
    held = pay(desk, 1000, capture_method="manual")
    canceled = pay(desk, 1000, capture_method="manual")
    desk.post(f"/v1/payment_intents/{canceled['id']}/cancel")
    assert desk.get(TRANSACTIONS)["data"] == []
    desk.post(f"/v1/payment_intents/{held['id']}/capture", amount_to_capture=600)
    (moved,) = desk.get(TRANSACTIONS)["data"]
    assert (moved["amount"], moved["fee"]) == (600, fee_of(600))


def test_a_refund_that_is_canceled_comes_back(desk: Any) -> None:
    intent = pay(desk, 1000, "pm_card_pendingRefund")
    refund = desk.post("/v1/refunds", payment_intent=intent["id"])
    desk.post(f"/v1/refunds/{refund['id']}/cancel")
    assert sum(sums(desk)) == 1000 - 59


def test_payouts(desk: Any) -> None:
    path = "/v1/payouts"
    error = desk.refused("POST", path, amount=1, currency="usd")
    assert error.code == "balance_insufficient"
    pay(desk, 10_000, "pm_card_bypassPending")
    made = desk.post(path, amount=5000, currency="usd", description="rent")
    assert (made["status"], made["amount"], made["method"]) == ("pending", 5000, "standard")
    assert made["arrival_date"] > desk.now
    assert sums(desk) == (4680, 0)
    canceled = desk.post(f"{path}/{made['id']}/cancel")
    assert (canceled["status"], sums(desk)) == ("canceled", (9680, 0))
    assert desk.refused("POST", f"{path}/{made['id']}/cancel").status == 400
    instant = desk.post(path, amount=1000, currency="usd", method="instant")
    assert instant["status"] == "paid"
    reversal = desk.post(f"{path}/{instant['id']}/reverse", metadata={"why": "wrong"})
    assert (reversal["amount"], reversal["original_payout"]) == (-1000, instant["id"])
    assert desk.get(f"{path}/{instant['id']}")["reversed_by"] == reversal["id"]
    assert sums(desk) == (9680, 0)
    assert desk.refused("POST", f"{path}/{instant['id']}/reverse").status == 400
    assert desk.refused("POST", f"{path}/{reversal['id']}/reverse").status == 400
    assert [each["id"] for each in desk.get(path, status="canceled")["data"]] == [made["id"]]


def test_what_a_bank_does_with_payouts(desk: Any) -> None:
    pay(desk, 10_000, "pm_card_bypassPending")
    ids = [desk.post("/v1/payouts", amount=1000, currency="usd")["id"] for _ in range(2)]
    paid = desk.post(f"/v1/test_helpers/payouts/{ids[0]}/pay")
    failed = desk.post(f"/v1/test_helpers/payouts/{ids[1]}/fail")
    assert (paid["status"], failed["status"]) == ("paid", "failed")
    assert failed["failure_code"] == "account_closed"
    assert failed["failure_balance_transaction"].startswith("txn_")
    assert sums(desk) == (8680, 0)
    assert desk.refused("POST", f"/v1/test_helpers/payouts/{ids[0]}/fail").status == 400


@pytest.fixture
def connected(desk: Any) -> Any:
    return desk.post(
        "/v1/accounts", type="express", capabilities={"transfers": {"requested": True}}
    )


def test_transfers(desk: Any, connected: Any) -> None:
    pay(desk, 10_000, "pm_card_bypassPending")
    path, account = "/v1/transfers", connected["id"]
    made = desk.post(path, amount=3000, currency="usd", destination=account, description="May")
    assert (made["amount"], made["reversed"], made["destination"]) == (3000, False, account)
    assert sums(desk) == (6680, 0)
    there = desk.on(account)
    assert sums(there) == (3000, 0)
    payment = there.get(f"/v1/charges/{made['destination_payment']}")
    assert (payment["amount"], payment["source_transfer"]) == (3000, made["id"])
    assert payment["id"].startswith("py_")
    reversal = desk.post(f"{path}/{made['id']}/reversals", amount=1000)
    assert (reversal["object"], reversal["transfer"]) == ("transfer_reversal", made["id"])
    assert (sums(desk), sums(there)) == ((7680, 0), (2000, 0))
    shown = desk.get(f"{path}/{made['id']}")
    assert (shown["amount_reversed"], shown["reversed"]) == (1000, False)
    assert shown["reversals"]["data"] == [reversal]
    error = desk.refused("POST", f"{path}/{made['id']}/reversals", amount=2001)
    assert error.code == "amount_too_large"
    rest = desk.post(f"{path}/{made['id']}/reversals")
    assert rest["amount"] == 2000
    assert desk.get(f"{path}/{made['id']}")["reversed"] is True
    error = desk.refused("POST", f"{path}/{made['id']}/reversals")
    assert error.code == "transfer_already_reversed"
    one = f"{path}/{made['id']}/reversals/{rest['id']}"
    assert desk.post(one, metadata={"a": "b"})["metadata"] == {"a": "b"}
    assert desk.get(one)["metadata"] == {"a": "b"}
    assert len(desk.get(f"{path}/{made['id']}/reversals")["data"]) == 2
    assert (sums(desk), sums(there)) == ((9680, 0), (0, 0))
    assert there.get("/v1/transfers")["data"] == []


def test_a_transfer_from_a_charge_needs_no_available_money(desk: Any, connected: Any) -> None:
    charge = pay(desk, 1000, transfer_group="order")["latest_charge"]
    params = {"currency": "usd", "destination": connected["id"], "source_transaction": charge}
    made = desk.post("/v1/transfers", amount=900, **params)
    assert made["transfer_group"] == "order"
    assert sums(desk.on(connected["id"])) == (0, 900)
    assert desk.refused("POST", "/v1/transfers", amount=101, **params).code == "amount_too_large"


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({}, "balance_insufficient", None),
        ({"destination": "acct_0"}, "resource_missing", "destination"),
        ({"amount": 0}, "amount_too_small", "amount"),
        ({"source_transaction": "ch_0"}, "resource_missing", "source_transaction"),
    ],
)
def test_transfers_that_are_refused(
    desk: Any, connected: Any, params: dict[str, Any], code: str, param: str | None
) -> None:
    usual = {"amount": 5, "currency": "usd", "destination": connected["id"]}
    error = desk.refused("POST", "/v1/transfers", **{**usual, **params})
    assert (error.status, error.code, error.param) == (400, code, param)


def test_accounts(desk: Any, connected: Any) -> None:
    path = f"/v1/accounts/{connected['id']}"
    assert (connected["type"], connected["capabilities"]) == ("express", {"transfers": "active"})
    assert (connected["payouts_enabled"], connected["charges_enabled"]) == (True, False)
    assert len(connected["id"]) == len("acct_") + 16
    changed = desk.post(
        path,
        email="jo@example.com",
        business_profile={"name": "Jo's"},
        capabilities={"card_payments": {"requested": True}},
    )
    assert changed["business_profile"]["name"] == "Jo's"
    assert changed["business_profile"]["url"] is None
    assert changed["charges_enabled"] is True
    assert desk.get("/v1/account")["id"] == "acct_sandbox"
    assert [each["id"] for each in desk.get("/v1/accounts")["data"]] == [connected["id"]]
    assert desk.delete(path)["deleted"] is True
    assert desk.refused("GET", path).status == 404
    assert desk.refused("POST", "/v1/accounts", type="giant").param == "type"


def test_accounts_do_not_see_each_other(desk: Any, connected: Any, customer: Any) -> None:
    there = desk.on(connected["id"])
    assert there.get("/v1/customers")["data"] == []
    made = there.post("/v1/customers")
    assert desk.refused("GET", f"/v1/customers/{made['id']}").status == 404
    assert there.refused("GET", f"/v1/customers/{customer['id']}").status == 404


OPERATION = st.tuples(
    st.sampled_from(["pay", "hold", "capture", "refund", "payout", "cancel", "fail", "transfer",
                     "reverse", "wait"]),
    st.integers(1, 5_000),
    st.integers(0, 5),
)  # fmt: skip


def step(desk: Any, made: dict[str, list[str]], what: str, amount: int, which: int) -> None:
    """Take one step, with an object made before if the step needs one."""

    def one(kind: str) -> str:
        return made[kind][which % len(made[kind])] if made[kind] else f"{kind}_none"

    match what:
        case "pay" | "hold":
            card = "pm_card_bypassPending" if which % 2 else "pm_card_visa"
            capture = "manual" if what == "hold" else "automatic"
            made["pi"].append(pay(desk, amount, card, capture_method=capture)["id"])
        case "capture":
            desk.post(f"/v1/payment_intents/{one('pi')}/capture")
        case "refund":
            desk.post("/v1/refunds", payment_intent=one("pi"), amount=amount)
        case "payout":
            made["po"].append(desk.post("/v1/payouts", amount=amount, currency="usd")["id"])
        case "cancel":
            desk.post(f"/v1/payouts/{one('po')}/cancel")
        case "fail":
            desk.post(f"/v1/test_helpers/payouts/{one('po')}/fail")
        case "transfer":
            params = {"amount": amount, "currency": "usd", "destination": made["acct"][0]}
            made["tr"].append(desk.post("/v1/transfers", **params)["id"])
        case "reverse":
            desk.post(f"/v1/transfers/{one('tr')}/reversals", amount=amount)
        case _:
            desk.now += DAY


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(OPERATION, max_size=30))
def test_the_balance_is_the_sum_of_its_transactions(
    new_desk: Callable[[], Any], steps: list[tuple[str, int, int]]
) -> None:
    desk = new_desk()
    made: dict[str, list[str]] = {"pi": [], "po": [], "tr": []}
    made["acct"] = [desk.post("/v1/accounts", type="custom")["id"]]
    for what, amount, which in steps:
        rows = len(desk.rows)
        try:
            step(desk, made, what, amount, which)
        except ApiError:
            assert len(desk.rows) == rows, "a refusal left something behind"
    for place in (desk, desk.on(made["acct"][0])):
        moved = place.objects("balance_transaction")
        assert sum(sums(place)) == sum(each["net"] for each in moved)
        assert all(each["net"] == each["amount"] - each["fee"] for each in moved)
        assert all(REPORTING[each["type"]] == each["reporting_category"] for each in moved)
    charged = desk.objects("charge")
    refunded = sum(each["amount_refunded"] for each in charged if each["captured"])
    taken = sum(
        each["amount_captured"] - fee_of(each["amount_captured"])
        for each in charged
        if each["captured"]
    )
    out = sum(
        each["amount"] for each in desk.objects("payout") if each["status"] in {"pending", "paid"}
    )
    away = sum(each["amount"] - each["amount_reversed"] for each in desk.objects("transfer"))
    assert sum(sums(desk)) == taken - refunded - out - away
    assert sum(sums(desk.on(made["acct"][0]))) == away
    for charge in charged:
        assert charge["amount_refunded"] <= charge["amount"]
        if charge["captured"]:
            assert charge["amount_refunded"] <= charge["amount_captured"]
