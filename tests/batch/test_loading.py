"""A file goes into the journal as a whole, or not at all."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from holdfast.batch import BadRequests, UsageError
from holdfast.batch.journal import Journal
from holdfast.batch.loading import load

WriteFile = Callable[..., Path]


def request(id_: str, **changes: Any) -> dict[str, Any]:
    return {"id": id_, "method": "POST", "path": "/v1/customers", "params": {}, **changes}


def try_to_load(source: Path) -> tuple[list[str], BadRequests]:
    told: list[str] = []
    with Journal(source.with_name("journal")) as journal:
        with pytest.raises(BadRequests) as caught:
            load(source, journal, "target", report=told.append)
        assert journal.about is None
        assert list(journal.pending()) == []
    return told, caught.value


def test_every_problem_is_reported_with_its_line(write_file: WriteFile) -> None:
    source = write_file(
        [
            request("a"),
            "nonsense",
            request("b", method="PATCH", path="nowhere"),
            request("a"),
            request("b"),
            request("c", idempotency_key="k", params={"x": 1}),
            request("d", idempotency_key="k", params={"x": 2}),
            request("e", idempotency_key="k", params={"x": 1}, path="/v1/charges"),
            request("f", idempotency_key="k", params={"x": 1}),
            request("g", idempotency_key="k", params={"x": 2}, account="acct_1"),
        ]
    )
    told, error = try_to_load(source)
    places = [text.removeprefix(f"{source}:").split(":")[0] for text in told]
    assert places == ["2", "3", "3", "4", "5", "7", "8"]
    assert told[3].endswith('the id "a" is already used in line 1')
    assert told[4].endswith('the id "b" is already used in line 3')
    assert told[5].endswith(
        "its idempotency_key is already used in line 6 for another request: give each request its "
        "own key, or none"
    )
    assert "line 6" in told[6]
    assert error.count == len(told)
    assert list(error.first) == told


def test_a_key_of_a_doubled_id_is_looked_at_too(write_file: WriteFile) -> None:
    source = write_file(
        [
            request("a"),
            request("a", idempotency_key="k", params={"x": 1}),
            request("b", idempotency_key="k", params={"x": 2}),
        ]
    )
    told, _ = try_to_load(source)
    assert [text.split(":")[1] for text in told] == ["2", "3"]


def test_the_memory_for_problems_is_bounded(write_file: WriteFile) -> None:
    told, error = try_to_load(write_file(["nonsense"] * 250))
    assert len(told) == error.count == 250
    assert len(error.first) == BadRequests.KEPT


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with (
        Journal(tmp_path / "journal") as journal,
        pytest.raises(UsageError, match="cannot be read"),
    ):
        load(tmp_path / "nothing", journal, "target", report=print)


def test_requests_come_back_in_order_with_their_keys(write_file: WriteFile) -> None:
    source = write_file(
        [
            request("a", params={"metadata": {"n": 1}}),
            request("b", method="GET"),
            "",
            request("c", method="DELETE", path="/v1/customers/cus_1"),
            request("d", method="DELETE", path="/v2/core/things/1"),
            request("e", idempotency_key="mine", account="acct_1"),
        ]
    )
    keys = iter(["key-1", "key-2"])
    with Journal(source.with_name("journal")) as journal:
        about = load(source, journal, "target", report=print, make_key=lambda: next(keys))
    assert about.total == 5
    with Journal(source.with_name("journal")) as journal:
        assert journal.about == about
        pending = list(journal.pending())
    assert [entry.line for entry in pending] == [1, 2, 4, 5, 6]
    assert [entry.request.id for entry in pending] == ["a", "b", "c", "d", "e"]
    found = [entry.request.idempotency_key for entry in pending]
    assert found == ["key-1", None, None, "key-2", "mine"]
    assert [entry.own_key for entry in pending] == [False, False, False, False, True]
    assert pending[0].request.params == {"metadata": {"n": 1}}
    assert pending[4].request.account == "acct_1"
    assert all(entry.begun_at is None for entry in pending)


def test_keys_differ(write_file: WriteFile) -> None:
    source = write_file([request(str(n)) for n in range(1000)])
    with Journal(source.with_name("journal")) as journal:
        load(source, journal, "target", report=print)
        keys = {entry.request.idempotency_key for entry in journal.pending()}
    assert len(keys) == 1000


def test_the_hottest_objects_are_counted(write_file: WriteFile) -> None:
    names = (
        ["cus_a"] * 5 + ["cus_b"] * 4 + ["cus_c"] * 3 + ["cus_d"] * 2 + ["cus_e"] * 2 + ["cus_f"]
    )
    source = write_file(
        request(str(n), path=f"/v1/customers/{name}") for n, name in enumerate(names)
    )
    with Journal(source.with_name("journal")) as journal:
        about = load(source, journal, "target", report=print)
    assert about.hottest[:3] == (("cus_a", 5), ("cus_b", 4), ("cus_c", 3))
    assert len(about.hottest) == 5
