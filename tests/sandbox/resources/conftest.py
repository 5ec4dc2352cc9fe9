"""Operations on the real state, without a server: requests go straight to them."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import pytest

from holdfast.sandbox.errors import ApiError, Declined
from holdfast.sandbox.lock_rules import default_rules
from holdfast.sandbox.resources import ROUTES, Request
from holdfast.sandbox.state import State

ACCOUNT = "acct_sandbox"
START = 1_750_000_000


def formed(value: Any) -> Any:
    """Turn numbers and truth values into the text that a form carries."""
    if isinstance(value, dict):
        return {name: formed(each) for name, each in value.items()}
    if isinstance(value, list):
        return [formed(each) for each in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


@dataclass
class Desk:
    """Takes requests one after the other, as the server does once their locks are held."""

    now: int = START
    rows: list[tuple[str, str, str]] = field(default_factory=list)
    account: str = ACCOUNT
    state: State = field(default_factory=lambda: State(lambda: 0, Random(20_26)))

    def __post_init__(self) -> None:
        if self.account == ACCOUNT:
            self.state = State(lambda: self.now, Random(20_26))

    def on(self, account: str) -> "Desk":
        """A desk for another account of the same state."""
        return replace(self, account=account, rows=[])

    def objects(self, kind: str) -> list[Any]:
        """The account's objects of a kind, as they are kept."""
        return self.state.objects(kind, self.account)

    def types(self) -> list[str]:
        """The types of the account's events, in order."""
        return [event["type"] for event in self.state.events.newest_first(self.account)][::-1]

    def request(self, method: str, path: str, /, **params: Any) -> Any:
        """Execute one request; a decline is kept and raised, any other error changes nothing."""
        match = ROUTES.match(method, path)
        assert match is not None, path
        form = formed(params)
        match.operation.params.check(form)
        tx = self.state.begin(self.account, livemode=False)
        try:
            answer = match.operation.execute(Request(tx, match.ids, form))
        except Declined:
            self._commit(tx)
            raise
        if not match.operation.writes:
            assert not tx.staged
            assert not tx.effects
        self._commit(tx)
        return answer

    def _commit(self, tx: Any) -> None:
        self.state.note(tx)
        self.state.apply(tx)
        new = [(effect.kind, effect.name, effect.object_id) for effect in tx.effects]
        ids = [row[2] for row in new]
        assert len(set(ids)) == len(ids), "an object has two rows of one request"
        assert set(tx.staged) == set(ids), "what was written and what was recorded differ"
        self.rows.extend(new)

    def post(self, path: str, /, **params: Any) -> Any:
        return self.request("POST", path, **params)

    def get(self, path: str, /, **params: Any) -> Any:
        return self.request("GET", path, **params)

    def delete(self, path: str, /, **params: Any) -> Any:
        return self.request("DELETE", path, **params)

    def refused(self, method: str, path: str, /, **params: Any) -> ApiError:
        """Execute a request that fails, and return its error; nothing may have changed."""
        rows = len(self.rows)
        with pytest.raises(ApiError) as raised:
            self.request(method, path, **params)
        assert not isinstance(raised.value, Declined)
        assert len(self.rows) == rows
        return raised.value

    def declined(self, path: str, /, **params: Any) -> Any:
        """Execute a POST that is declined, and return its error object."""
        with pytest.raises(Declined) as raised:
            self.post(path, **params)
        assert raised.value.status == 402
        return raised.value.body()["error"]

    def locks(self, method: str, path: str, /, **params: Any) -> list[str]:
        match = ROUTES.match(method, path)
        assert match is not None, path
        tx = self.state.begin(self.account, livemode=False)
        return default_rules().locked_objects(match, formed(params), tx)

    def effects(self, kind: str) -> list[str]:
        """The effects on one kind of object, in order."""
        return [effect for of, effect, _ in self.rows if of == kind]


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def new_desk() -> Callable[[], Desk]:
    """Make desks, for tests that need one for every example."""
    return Desk


@pytest.fixture
def customer(desk: Desk) -> Any:
    return desk.post("/v1/customers", email="jo@example.com")


@pytest.fixture
def paid_intent(desk: Desk) -> Any:
    """A payment of 1000, captured."""
    return desk.post(
        "/v1/payment_intents",
        amount=1000,
        currency="usd",
        payment_method="pm_card_visa",
        confirm=True,
    )


@pytest.fixture
def monthly(desk: Desk) -> Any:
    """A price of 1500 a month."""
    product = desk.post("/v1/products", name="Gold")
    return desk.post(
        "/v1/prices",
        product=product["id"],
        currency="usd",
        unit_amount=1500,
        recurring={"interval": "month"},
    )
