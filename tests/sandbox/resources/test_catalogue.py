"""What holds for every operation, and how the tables agree with the official package."""

from importlib import import_module
from typing import Any

import pytest
import stripe
import stripe.params

from holdfast.sandbox.errors import ApiError
from holdfast.sandbox.resources import KINDS, ROUTES, Operation, Params, completed

# Names of the package's parameter types where they do not follow from the operation's.
PARAMETER_TYPES = {
    "charges.refunds.list": "ChargeListRefundsParams",
    "charges.refunds.retrieve": "ChargeRetrieveRefundParams",
    "customers.payment_methods.list": "CustomerListPaymentMethodsParams",
    "customers.payment_methods.retrieve": "CustomerRetrievePaymentMethodParams",
    "customers.sources.list": "CustomerListSourcesParams",
    "customers.sources.retrieve": "CustomerRetrieveSourceParams",
    "invoices.finalize": "InvoiceFinalizeInvoiceParams",
    "invoices.lines.list": "InvoiceListLinesParams",
    "invoices.void": "InvoiceVoidInvoiceParams",
    "transfers.update_reversal": "TransferReversalUpdateParams",
}
OBJECTS = {"invoiceitems": "InvoiceItem"}
# What the sandbox leaves out: another kind of customer, and what only fits other features.
LEFT_OUT = {
    "": {"customer_account"},
    "customers.sources.list": {"object"},
    "invoiceitems.create": {"quantity_decimal"},
    "invoiceitems.update": {"quantity_decimal"},
    "invoices.create": {"from_invoice"},
    "payment_methods.update": {"us_bank_account"},
    "subscriptions.list": {"automatic_tax"},
}
# Required here because the alternative is left out, or because nothing can be done without.
MORE_REQUIRED = {
    "invoiceitems.create": {"customer"},
    "payment_methods.attach": {"customer"},
    "payment_methods.create": {"type"},
    "subscriptions.create": {"customer", "items"},
}
NUMBERS = {"frozen_time": 1_800_000_000}
OPTIONS = set(stripe.RequestOptions.__annotations__)


def filled(operation: Operation) -> str:
    """The path of an operation with ids that name nothing."""
    return "/".join(
        f"nothing_{number}" if segment.startswith("{") else segment
        for number, segment in enumerate(operation.template.split("/"))
    )


def taken(operation: Operation) -> Params:
    """The parameters that an operation takes."""
    assert isinstance(operation.params, Params)
    return operation.params


def official(operation: Operation) -> Any:
    name = PARAMETER_TYPES.get(operation.name)
    if name is None:
        plural, verb = operation.name.rsplit(".", 1)
        group, _, plural = plural.rpartition("/")
        words = plural.removesuffix("s").split("_")
        kind = OBJECTS.get(plural, "".join(word.capitalize() for word in words))
        name = f"{kind}{''.join(word.capitalize() for word in verb.split('_'))}Params"
        if group:
            module = group.replace("/", ".")
            return getattr(import_module(f"stripe.params.{module}"), name)
    return getattr(stripe.params, name)


each_operation = pytest.mark.parametrize(
    "operation", ROUTES.operations, ids=[operation.name for operation in ROUTES.operations]
)
# Stripe has no operations for what happens outside of its API; those are the sandbox's own.
OFFICIAL = [each for each in ROUTES.operations if not each.name.startswith("test_helpers.")]
each_official_operation = pytest.mark.parametrize("operation", OFFICIAL, ids=lambda each: each.name)


@each_operation
def test_it_is_found_by_its_path(operation: Operation) -> None:
    match = ROUTES.match(operation.method, filled(operation))
    assert match is not None
    assert match.operation is operation
    assert len(match.ids) == operation.template.count("{")


@each_operation
def test_it_refuses_an_unknown_parameter(operation: Operation) -> None:
    with pytest.raises(ApiError) as raised:
        operation.params.check({"no_such_parameter": "x"})
    assert raised.value.code == "parameter_unknown"


# The package has a parameter for every type of payment method; the sandbox keeps cards only.
@pytest.mark.parametrize(
    "operation",
    [each for each in OFFICIAL if each.name != "payment_methods.create"],
    ids=lambda each: each.name,
)
def test_it_takes_the_parameters_of_the_official_package(operation: Operation) -> None:
    wanted = set(official(operation).__annotations__) - OPTIONS
    left_out = LEFT_OUT[""] | LEFT_OUT.get(operation.name, set())
    assert wanted - set(taken(operation).fields) <= left_out


@each_official_operation
def test_it_requires_what_the_official_package_requires(operation: Operation) -> None:
    required = set(official(operation).__required_keys__)
    assert set(taken(operation).required) == required | MORE_REQUIRED.get(operation.name, set())


@pytest.mark.parametrize(
    "operation",
    [each for each in ROUTES.operations if "{" in each.template],
    ids=lambda each: each.name,
)
def test_an_unknown_id_in_the_path_is_404(operation: Operation, desk: Any, customer: Any) -> None:
    required = taken(operation).required
    params = {**dict.fromkeys(required, customer["id"]), **NUMBERS}
    params = {name: params[name] for name in required}
    error = desk.refused(operation.method, filled(operation), **params)
    assert (error.status, error.code) == (404, "resource_missing")
    assert "nothing_" in error.message


def test_every_kind_can_be_completed() -> None:
    for kind in KINDS:
        assert completed({"object": kind, "id": "x_1", "metadata": {"a": "b"}})["metadata"] == {
            "a": "b"
        }


def test_completing_keeps_what_is_there_and_adds_what_operations_need(desk: Any) -> None:
    bare = {"object": "customer", "id": "cus_1", "email": "jo@example.com", "created": 1}
    whole = completed({**bare, "livemode": False})
    assert whole.items() >= bare.items()
    desk.state.load("acct_sandbox", [whole])
    assert desk.post("/v1/customers/cus_1", name="Jo")["email"] == "jo@example.com"


def test_an_unknown_kind_cannot_be_completed() -> None:
    with pytest.raises(KeyError):
        completed({"object": "unicorn", "id": "uni_1"})
