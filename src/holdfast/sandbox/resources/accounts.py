"""Connect: the connected accounts of a platform, and the account itself.

A request with the header `Stripe-Account` works on that account's objects alone. What this sandbox
leaves out is the onboarding: a capability that is asked for is active at once.
"""

from collections.abc import Mapping
from typing import Any

from holdfast.sandbox.resources.listing import CREATED
from holdfast.sandbox.resources.money import CURRENCY
from holdfast.sandbox.resources.objects import bury, embedded_list, save
from holdfast.sandbox.resources.operations import Resource, crud, delete_operation, reading
from holdfast.sandbox.resources.params import (
    ANYTHING,
    MERGED_TREE,
    TEXT,
    TREE,
    Params,
    boolean,
    fields_of,
    invalid,
    one_of,
    subtree,
)
from holdfast.sandbox.resources.routing import Operation, Request
from holdfast.sandbox.state import JsonObject

_PAYMENTS = "card_payments"
_TRANSFERS = "transfers"
_NOTHING_DUE: Mapping[str, Any] = {
    "alternatives": [],
    "current_deadline": None,
    "currently_due": [],
    "disabled_reason": None,
    "errors": [],
    "eventually_due": [],
    "past_due": [],
    "pending_verification": [],
}
_INITIAL: Mapping[str, Any] = {
    "business_profile": {
        "mcc": None,
        "name": None,
        "product_description": None,
        "support_email": None,
        "support_phone": None,
        "support_url": None,
        "url": None,
    },
    "business_type": None,
    "capabilities": {},
    "charges_enabled": False,
    "country": "US",
    "default_currency": "usd",
    "details_submitted": False,
    "email": None,
    "external_accounts": embedded_list("/v1/accounts/external_accounts", []),
    "future_requirements": _NOTHING_DUE,
    "payouts_enabled": False,
    "requirements": _NOTHING_DUE,
    "settings": {
        "payouts": {
            "debit_negative_balances": True,
            "schedule": {"delay_days": 2, "interval": "manual"},
            "statement_descriptor": None,
        }
    },
    "tos_acceptance": {"date": None, "ip": None, "user_agent": None},
    "type": "standard",
}


def _create(request: Request, draft: JsonObject) -> JsonObject:
    if "controller" in request.params and "type" in request.params:
        raise invalid("Send type or controller, not both.", "type")
    url = f"/v1/accounts/{draft['id']}/external_accounts"
    new = {**draft, "external_accounts": embedded_list(url, [])}
    del new["livemode"]
    return save(request.tx, "create", _with_capabilities(new, request.params))


def _update(request: Request, _old: JsonObject, new: JsonObject) -> JsonObject:
    return save(request.tx, "update", _with_capabilities(new, request.params))


def _with_capabilities(account: JsonObject, params: Mapping[str, Any]) -> JsonObject:
    """Take over which capabilities were asked for, and what the account may do with them."""
    capabilities = dict(account["capabilities"])
    for name, asked in subtree(params.get("capabilities", ""), "capabilities").items():
        param = f"capabilities[{name}]"
        given = subtree(asked, param)
        if "requested" in given:
            wanted = boolean(given["requested"], f"{param}[requested]")
            capabilities[name] = "active" if wanted else "inactive"
    enabled = {name for name, status in capabilities.items() if status == "active"}
    return {
        **account,
        "capabilities": capabilities,
        "charges_enabled": _PAYMENTS in enabled,
        "details_submitted": bool(enabled),
        "payouts_enabled": bool({_PAYMENTS, _TRANSFERS} & enabled),
    }


def _delete(request: Request) -> JsonObject:
    return bury(request.tx, RESOURCE.of(request))


def _own(request: Request) -> JsonObject:
    """Return the account that the request works on."""
    initial = {"metadata": {}, **_INITIAL, "country": "US", "created": 0}
    enabled = {"charges_enabled": True, "details_submitted": True, "payouts_enabled": True}
    capabilities = {_PAYMENTS: "active", _TRANSFERS: "active"}
    return {
        "id": request.tx.account,
        "object": "account",
        **initial,
        **enabled,
        "capabilities": capabilities,
    }


RESOURCE = Resource(
    kind="account",
    plural="accounts",
    prefix="acct",
    id_length=16,
    initial=_INITIAL,
    fields={
        **fields_of(MERGED_TREE, "business_profile", "company", "individual", "settings"),
        **fields_of(MERGED_TREE, "groups", "tos_acceptance"),
        "business_type": one_of(
            "company", "government_entity", "individual", "non_profit", unset=True
        ),
        "default_currency": CURRENCY,
        "email": TEXT,
    },
    at_creation={
        "controller": TREE,
        "country": TEXT,
        "type": one_of("custom", "express", "standard"),
    },
    create_extra={
        **fields_of(ANYTHING, "documents", "external_account"),
        "account_token": TEXT,
        "capabilities": TREE,
    },
    update_extra={
        **fields_of(ANYTHING, "documents", "external_account"),
        "account_token": TEXT,
        "capabilities": TREE,
    },
    filters={"created": CREATED},
    create=_create,
    update=_update,
)

OPERATIONS: tuple[Operation, ...] = (
    *crud(RESOURCE),
    delete_operation(RESOURCE, _delete),
    reading("account.retrieve_current", "/v1/account", Params(), _own),
)
