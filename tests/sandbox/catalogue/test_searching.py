"""Search, of written kinds and by the query alone."""

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from holdfast.sandbox.catalogue.searching import matching
from holdfast.sandbox.errors import ApiError

OBJECT = {
    "object": "charge",
    "status": "succeeded",
    "amount": 500,
    "active": True,
    "email": None,
    "name": "O'Neil & Sons",
    "metadata": {"order": "7"},
    "items": {"object": "list", "data": [{"sku": "a1"}, {"sku": "b2"}]},
}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status:'succeeded'", True),
        ('status:"SUCCEEDED"', True),
        ("status:'failed'", False),
        ("-status:'failed'", True),
        ("amount>499 AND amount<=500", True),
        ("amount>500 OR status:'succeeded'", True),
        ("amount>500 AND status:'succeeded'", False),
        ("amount:500", True),
        ("active:'true'", True),
        ("email:null", True),
        ("-email:null", False),
        ("phone:null", True),
        ("metadata['order']:'7'", True),
        ('metadata["order"]:"8"', False),
        ("name~'neil'", True),
        (r"name:'O\'Neil & Sons'", True),
        ("items.sku:'b2'", True),
        ("items.sku:'c3'", False),
        ("name>5", False),
    ],
)
def test_a_query_finds(query: str, found: bool) -> None:
    assert matching(query)(OBJECT) is found


@pytest.mark.parametrize(
    "query",
    ["", "status", "status:", "status:'a' status:'b'", "a:'1' AND b:'2' OR c:'3'", "a:'1' AND",
     "name~'ab'", "amount>'many'", "status:'open"],
)  # fmt: skip
def test_what_is_no_query_is_refused(query: str) -> None:
    with pytest.raises(ApiError) as caught:
        matching(query)
    assert (caught.value.status, caught.value.param) == (400, "query")


def test_the_package_searches_page_by_page(client: Callable[..., stripe.StripeClient]) -> None:
    customers = client().v1.customers
    made = [customers.create({"name": f"Ada {number % 2}"}).id for number in range(8)]
    params: Any = {"query": "name:'Ada 1'", "limit": 3, "expand": ["total_count"]}
    page: Any = customers.search(params)
    assert (page.object, page.has_more, page.total_count) == ("search_result", True, 4)
    assert [one.id for one in page.auto_paging_iter()] == made[::-2]
    assert not hasattr(customers.search({"query": "name:'Bob'"}), "total_count")
