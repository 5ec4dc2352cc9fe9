"""What requests do, executed one after the other: customers and payment intents, and the rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Any

Row = tuple[str, str, str, str, str]
"""Method, path, kind of the object, its id, effect."""


class Deed(StrEnum):
    """What a client asks for."""

    UPDATE_CUSTOMER = "update a customer"
    READ_CUSTOMER = "read a customer"
    CREATE_INTENT = "create an intent of a customer"
    UPDATE_INTENT = "update an intent"
    CANCEL_INTENT = "cancel an intent"


WEIGHTS = {
    Deed.UPDATE_CUSTOMER: 8,
    Deed.READ_CUSTOMER: 3,
    Deed.CREATE_INTENT: 4,
    Deed.UPDATE_INTENT: 8,
    Deed.CANCEL_INTENT: 1,
}


@dataclass(frozen=True)
class Order:
    """One request.

    Attributes:
        deed: what is asked for.
        target: the id of the customer or the intent.
        text: the description that is set; it tells the request apart.
    """

    deed: Deed
    target: str
    text: str

    @property
    def method(self) -> str:
        return "GET" if self.deed is Deed.READ_CUSTOMER else "POST"

    @property
    def path(self) -> str:
        match self.deed:
            case Deed.UPDATE_CUSTOMER | Deed.READ_CUSTOMER:
                return f"/v1/customers/{self.target}"
            case Deed.CREATE_INTENT:
                return "/v1/payment_intents"
            case Deed.UPDATE_INTENT:
                return f"/v1/payment_intents/{self.target}"
            case Deed.CANCEL_INTENT:
                return f"/v1/payment_intents/{self.target}/cancel"

    @property
    def params(self) -> Mapping[str, str]:
        match self.deed:
            case Deed.UPDATE_CUSTOMER | Deed.UPDATE_INTENT:
                return {"description": self.text}
            case Deed.CREATE_INTENT:
                amount = {"amount": "500", "currency": "usd"}
                return {**amount, "customer": self.target, "description": self.text}
            case _:
                return {}


@dataclass
class World:
    """The objects, as they are after the orders executed so far.

    Attributes:
        customers: description by id.
        intents: by id.
    """

    customers: dict[str, str | None] = field(default_factory=dict)
    intents: dict[str, dict[str, Any]] = field(default_factory=dict)

    def objects_locked(self, order: Order) -> list[str]:
        """Whose locks an order needs, in order: the object's and its customer's."""
        named = self.intents.get(order.target)
        return sorted([order.target] if named is None else [order.target, named["customer"]])

    def execute(self, order: Order, answer: Mapping[str, Any]) -> tuple[int, list[Row]]:
        """Execute an order.

        Args:
            order: what is asked for.
            answer: the body of the sandbox's answer; a new object's id is taken from it, and what
                is read is compared with it.

        Returns:
            The status that has to come of it, and the rows of the ledger.
        """
        if order.deed is Deed.READ_CUSTOMER:
            assert answer["description"] == self.customers[order.target]
            return 200, []
        if order.deed is Deed.UPDATE_CUSTOMER:
            self.customers[order.target] = order.text
            return 200, [self._row(order, "customer", order.target, "update")]
        if order.deed is Deed.CREATE_INTENT:
            new = answer["id"]
            assert new not in self.intents
            self.intents[new] = {
                "customer": order.target,
                "description": order.text,
                "canceled": False,
            }
            return 200, [self._row(order, "payment_intent", new, "create")]
        intent = self.intents[order.target]
        if order.deed is Deed.UPDATE_INTENT:
            intent["description"] = order.text
            return 200, [self._row(order, "payment_intent", order.target, "update")]
        if intent["canceled"]:
            return 400, []
        intent["canceled"] = True
        return 200, [self._row(order, "payment_intent", order.target, "cancel")]

    @staticmethod
    def _row(order: Order, kind: str, object_id: str, effect: str) -> Row:
        return (order.method, order.path, kind, object_id, effect)


def random_order(random: Random, customers: list[str], intents: list[str], text: str) -> Order:
    """Draw an order."""
    deed = random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
    on_intents = deed in {Deed.UPDATE_INTENT, Deed.CANCEL_INTENT}
    return Order(deed, random.choice(intents if on_intents else customers), text)
