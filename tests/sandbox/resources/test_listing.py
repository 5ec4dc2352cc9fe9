"""Pages, cursors and filters of lists."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def ids(answer: Any) -> list[str]:
    return [obj["id"] for obj in answer["data"]]


@pytest.fixture
def three(desk: Any) -> list[str]:
    """Customers, the newest first, a second apart."""
    made = []
    for name in ("a", "b", "c"):
        made.append(desk.post("/v1/customers", email=f"{name}@example.com")["id"])
        desk.now += 1
    return made[::-1]


def test_a_list_has_its_shape(desk: Any) -> None:
    assert desk.get("/v1/customers") == {
        "object": "list",
        "data": [],
        "has_more": False,
        "url": "/v1/customers",
    }


def test_ten_are_shown_by_default(desk: Any) -> None:
    for _ in range(11):
        desk.post("/v1/customers")
    first = desk.get("/v1/customers")
    assert (len(first["data"]), first["has_more"]) == (10, True)
    assert len(desk.get("/v1/customers", limit=100)["data"]) == 11


def test_the_newest_come_first(desk: Any, three: list[str]) -> None:
    assert ids(desk.get("/v1/customers")) == three


def test_starting_after(desk: Any, three: list[str]) -> None:
    page = desk.get("/v1/customers", starting_after=three[0], limit=1)
    assert (ids(page), page["has_more"]) == ([three[1]], True)
    page = desk.get("/v1/customers", starting_after=three[1], limit=1)
    assert (ids(page), page["has_more"]) == ([three[2]], False)


def test_ending_before(desk: Any, three: list[str]) -> None:
    page = desk.get("/v1/customers", ending_before=three[2], limit=1)
    assert (ids(page), page["has_more"]) == ([three[1]], True)
    page = desk.get("/v1/customers", ending_before=three[1])
    assert (ids(page), page["has_more"]) == ([three[0]], False)


def test_a_deleted_object_is_left_out_and_is_a_cursor_still(desk: Any, three: list[str]) -> None:
    desk.delete(f"/v1/customers/{three[1]}")
    assert ids(desk.get("/v1/customers")) == [three[0], three[2]]
    assert ids(desk.get("/v1/customers", starting_after=three[1])) == [three[2]]


@pytest.mark.parametrize(
    ("params", "param", "code"),
    [
        ({"limit": 0}, "limit", "parameter_invalid_integer"),
        ({"limit": 101}, "limit", "parameter_invalid_integer"),
        ({"limit": "x"}, "limit", "parameter_invalid_integer"),
        ({"starting_after": "cus_0"}, "starting_after", "resource_missing"),
        ({"ending_before": "cus_0"}, "ending_before", "resource_missing"),
        ({"starting_after": "a", "ending_before": "b"}, "ending_before", None),
        ({"created": "soon"}, "created", "parameter_invalid_integer"),
        ({"created": {"gte": "soon"}}, "created[gte]", "parameter_invalid_integer"),
        ({"created": {"after": 1}}, "created[after]", "parameter_unknown"),
        ({"created": ["1"]}, "created", None),
    ],
)
def test_refused(desk: Any, params: dict[str, Any], param: str, code: str | None) -> None:
    error = desk.refused("GET", "/v1/customers", **params)
    assert (error.status, error.param, error.code) == (400, param, code)


@pytest.mark.parametrize(
    ("bounds", "kept"),
    [
        ({"gt": 1}, [2]),
        ({"gte": 1}, [1, 2]),
        ({"lt": 1}, [0]),
        ({"lte": 1}, [0, 1]),
        ({"gte": 1, "lt": 2}, [1]),
        (1, [1]),
    ],
)
def test_created(desk: Any, three: list[str], bounds: Any, kept: list[int]) -> None:
    start = desk.now - 3
    times = (
        {name: start + at for name, at in bounds.items()}
        if isinstance(bounds, dict)
        else start + bounds
    )
    oldest_first = three[::-1]
    found = ids(desk.get("/v1/customers", created=times))
    assert found == [oldest_first[at] for at in reversed(kept)]


def test_filters_of_text_reference_flag_and_choice(desk: Any, three: list[str]) -> None:
    assert ids(desk.get("/v1/customers", email="b@example.com")) == [three[1]]
    intent = desk.post("/v1/payment_intents", amount=5, currency="usd", customer=three[0])
    assert ids(desk.get("/v1/payment_intents", customer=three[0])) == [intent["id"]]
    assert ids(desk.get("/v1/payment_intents", customer=three[1])) == []
    shown = desk.post("/v1/products", name="A")
    hidden = desk.post("/v1/products", name="B", active=False)
    assert ids(desk.get("/v1/products", active=True)) == [shown["id"]]
    assert ids(desk.get("/v1/products", active=False)) == [hidden["id"]]
    assert ids(desk.get("/v1/products", ids=[hidden["id"], "prod_0"])) == [hidden["id"]]


@pytest.mark.parametrize(
    ("path", "params", "param"),
    [
        ("/v1/payment_intents", {"customer": "cus_0"}, "customer"),
        ("/v1/products", {"active": "maybe"}, "active"),
        ("/v1/products", {"ids": "prod_0"}, "ids"),
        ("/v1/invoices", {"status": "lost"}, "status"),
    ],
)
def test_filters_refuse_what_they_cannot_read(
    desk: Any, path: str, params: dict[str, Any], param: str
) -> None:
    error = desk.refused("GET", path, **params)
    assert (error.status, error.param) == (400, param)


def test_a_page_reads_its_filter_before_it_is_cut(desk: Any) -> None:
    wanted = [desk.post("/v1/customers", email="x@example.com")["id"] for _ in range(3)]
    for _ in range(5):
        desk.post("/v1/customers", email="y@example.com")
    page = desk.get("/v1/customers", email="x@example.com", limit=2)
    assert (ids(page), page["has_more"]) == (wanted[:0:-1], True)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    data=st.data(),
    total=st.integers(0, 25),
    limit=st.integers(1, 12),
    wanted=st.sets(st.integers(0, 24)),
    deleted=st.sets(st.integers(0, 24)),
)
def test_walking_the_pages_gives_every_object_once(
    new_desk: Callable[[], Any],
    data: st.DataObject,
    total: int,
    limit: int,
    wanted: set[int],
    deleted: set[int],
) -> None:
    """Forwards and backwards, whatever is filtered out or deleted in between."""
    desk = new_desk()
    made = []
    for number in range(total):
        email = "in@example.com" if number in wanted else "out@example.com"
        made.append(desk.post("/v1/customers", email=email)["id"])
        desk.now += data.draw(st.integers(0, 1))
    for number in deleted:
        if number < total:
            desk.delete(f"/v1/customers/{made[number]}")
    expected = [made[number] for number in range(total - 1, -1, -1) if number in wanted - deleted]
    params = {"email": "in@example.com", "limit": limit}
    assert walked(desk, params, "starting_after", -1) == expected
    if total:
        # Backwards from the oldest customer, which the walk itself does not show.
        backwards = walked(desk, {**params, "ending_before": made[0]}, "ending_before", 0)
        assert sorted(backwards) == sorted(set(expected) - {made[0]})


def walked(desk: Any, params: dict[str, Any], cursor: str, edge: int) -> list[str]:
    """Follow the pages to the end; `edge` is which object of a page is the next cursor."""
    found: list[str] = []
    while True:
        page = desk.get("/v1/customers", **params)
        assert len(page["data"]) <= params["limit"]
        found += ids(page)
        if not page["has_more"]:
            return found
        assert len(page["data"]) == params["limit"]
        params = {**params, cursor: page["data"][edge]["id"]}
