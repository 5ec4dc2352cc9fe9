"""Pages of generic lists, turned by the real package."""

from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

import pytest
import stripe

from holdfast.sandbox.catalogue.pages import page_v2

Client = Callable[..., stripe.StripeClient]


def test_every_object_of_a_v1_list_comes_once(client: Client) -> None:
    rates = client().v1.tax_rates
    made = [
        rates.create({"display_name": str(n), "inclusive": False, "percentage": n}).id
        for n in range(7)
    ]
    first = rates.list({"limit": 3})
    assert (len(first.data), first.has_more, first.url) == (3, True, "/v1/tax_rates")
    assert [one.id for one in first.auto_paging_iter()] == made[::-1]
    back = rates.list({"limit": 3, "ending_before": made[0]})
    assert ([one.id for one in back.data], back.has_more) == ([made[3], made[2], made[1]], True)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        rates.list({"starting_after": "txr_none"})
    assert caught.value.code == "resource_missing"


def test_every_object_of_a_v2_list_comes_once_in_both_directions(client: Client) -> None:
    api = client()
    accounts = api.v2.core.accounts
    made = [accounts.create({"display_name": str(number)}).id for number in range(7)]
    first = accounts.list({"limit": 3})
    assert [one.id for one in first.auto_paging_iter()] == made[::-1]

    def turned(url: str | None) -> dict[str, object]:
        assert url is not None
        answer: dict[str, object] = api.raw_request("get", url).data
        return answer

    def names(page: dict[str, object]) -> list[str]:
        data = page["data"]
        assert isinstance(data, list)
        return [one["id"] for one in data]

    second = turned(first.next_page_url)
    third = turned(str(second["next_page_url"]))
    assert (names(second), names(third)) == (made[3:0:-1], made[:1])
    assert third["next_page_url"] is None
    again = turned(str(third["previous_page_url"]))
    assert names(again) == names(second)
    begin = turned(str(again["previous_page_url"]))
    assert names(begin) == made[:3:-1]
    assert begin["previous_page_url"] is None
    assert turned(str(begin["next_page_url"])) == second


def test_a_v2_list_without_more_names_no_page(client: Client) -> None:
    found = client().v2.core.accounts.list()
    assert (found.data, found.next_page_url) == ([], None)


def test_a_token_of_no_page_is_refused(client: Client) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client().raw_request("get", "/v2/core/accounts?page=nonsense")
    assert caught.value.http_status == 400


def test_filters_stay_in_the_address_of_the_next_page(client: Client) -> None:
    accounts = client().v2.core.accounts
    made = [accounts.create({}).id for _ in range(5)]
    for one in made[::2]:
        accounts.close(one)
    found = accounts.list({"limit": 1, "closed": True})
    assert "closed=True" in str(found.next_page_url) or "closed=true" in str(found.next_page_url)
    assert [one.id for one in found.auto_paging_iter()] == made[::-2]


def test_nested_filters_stay_in_the_address_too() -> None:
    rows = [{"id": "a", "object": "x"}, {"id": "b", "object": "x"}]
    asked = {"limit": "1", "types": ["one", "two"], "created": {"gt": "5"}}
    found = page_v2("x", rows, asked, "/v2/x", lambda _: True)
    pairs = dict(parse_qsl(urlsplit(found["next_page_url"]).query))
    assert pairs.pop("page")
    assert pairs == {"limit": "1", "types[0]": "one", "types[1]": "two", "created[gt]": "5"}
    assert found["previous_page_url"] is None
