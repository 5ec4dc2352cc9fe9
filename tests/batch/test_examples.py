"""The example files: what the documentation says of them is so."""

import json
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from holdfast.batch.loading import objects_of
from holdfast.batch.reading import Reader
from holdfast.batch.reading import Request as BatchRequest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def requests() -> list[BatchRequest]:
    """The example's requests."""
    with (EXAMPLES / "requests.jsonl").open("rb") as stream:
        lines = list(Reader(stream))
    assert [line.problems for line in lines if line.problems] == []
    return [line.request for line in lines if line.request is not None]


def test_two_thousand_requests_over_sixty_customers(requests: list[BatchRequest]) -> None:
    assert len(requests) == len({request.id for request in requests}) == 2000
    assert {request.method for request in requests} == {"GET", "POST"}
    kinds = Counter((request.method, request.path.split("/")[2]) for request in requests)
    assert min(kinds.values()) >= 50
    assert {kind for method, kind in kinds if method == "POST"} == {
        "customers",
        "invoiceitems",
        "payment_intents",
        "refunds",
        "subscriptions",
    }


def test_the_seed_has_what_the_requests_name(requests: list[BatchRequest]) -> None:
    objects: list[dict[str, Any]] = json.loads((EXAMPLES / "seed.json").read_text())["objects"]
    owners = {obj["id"]: obj.get("customer") or obj["id"] for obj in objects}
    assert len(owners) == len(objects)
    assert sum(1 for obj in objects if obj["object"] == "customer") == 60
    named = {name for request in requests for name in objects_of(request)}
    assert named <= owners.keys()
    # A third of all writes fall on one customer, whatever object of it they name.
    writes = [request for request in requests if request.writes]
    touched = Counter(
        owner for request in writes for owner in {owners[name] for name in objects_of(request)}
    )
    [(_, most), (_, second)] = touched.most_common(2)
    assert most == len(writes) // 3
    assert second < most / 10


def test_refunds_never_exceed_the_payment(requests: list[BatchRequest]) -> None:
    objects: list[dict[str, Any]] = json.loads((EXAMPLES / "seed.json").read_text())["objects"]
    paid = {obj["id"]: obj["amount"] for obj in objects if obj["object"] == "payment_intent"}
    for request in requests:
        if request.path == "/v1/refunds":
            paid[request.params["payment_intent"]] -= request.params["amount"]
    assert min(paid.values()) >= 0


def test_every_request_of_the_example_ends_well(
    completed: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    words = ["--sandbox", "--seed", EXAMPLES / "seed.json", "--hold", "1ms", "--lock-wait", "1s"]
    done = completed(EXAMPLES / "requests.jsonl", *words, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["ok"] == 2000
    assert figures["hottest"][0]["object"] == "cus_hold0000000001"
