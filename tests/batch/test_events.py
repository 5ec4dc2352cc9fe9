"""Subscribers of events are told how far a run is, and what its requests waited for."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from batches import update

from holdfast.batch import RunProgressed, Summary, Workspace
from holdfast.engine import CallEnded, Cause, LanesEntered, Receipt, Waiting
from holdfast.lanes import MemoryLanes
from holdfast.observe import Wanted, flush, subscribe
from holdfast.sandbox import Sandbox

Batch = Callable[..., Summary]
WriteFile = Callable[..., Path]
ById = Callable[[], dict[str, dict[str, Any]]]


@pytest.fixture
def told() -> Iterator[list[Any]]:
    """Everything that is told while the test runs."""
    found: list[Any] = []
    with subscribe(found.append):
        yield found


def test_how_far_a_run_is(
    write_file: WriteFile, batch: Batch, box: Sandbox, told: list[Any]
) -> None:
    box.fault("POST", "/v1/customers/**", "latency", count=40, seconds=0.02)
    box.fault("POST", "/v1/customers/cus_batch1", "lock_timeout", count=1)
    summary = batch(write_file([update(f"{n}", n % 2 + 1) for n in range(40)]), concurrency=2)
    assert flush()
    progress = [event for event in told if isinstance(event, RunProgressed)]
    assert len(progress) >= 3
    assert {event.name for event in progress} == {str(Workspace().journal)}
    done = [event.snapshot.done for event in progress]
    assert done == sorted(done)
    assert any(0 < number < 40 for number in done)
    assert [event.running for event in progress] == [True] * (len(progress) - 1) + [False]
    assert progress[-1].snapshot == summary.figures
    # Two objects, so two at once are past their queues.
    assert all(event.waiting <= 40 - event.snapshot.done for event in progress)
    assert max(event.waiting for event in progress) > 20
    assert progress[-1].waiting == 0
    assert [event.at for event in progress] == sorted(event.at for event in progress)


def test_the_end_is_told_also_of_a_run_that_broke_off(
    write_file: WriteFile, batch: Batch, box: Sandbox, told: list[Any]
) -> None:
    box.fault("POST", "/v1/customers/**", "latency", count=40, seconds=0.02)

    def give_up(now: Any) -> None:
        if now.done:
            raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        batch(write_file([update(f"{n}") for n in range(40)]), watch=give_up)
    assert flush()
    last = [event for event in told if isinstance(event, RunProgressed)][-1]
    assert not last.running
    assert last.snapshot.done < last.snapshot.total


def test_the_ends_alone_have_it_too(write_file: WriteFile, batch: Batch) -> None:
    told: list[Any] = []
    with subscribe(told.append, only=Wanted.ENDS) as subscription:
        batch(write_file([update("a")]))
        assert subscription.flush()
    assert {type(event) for event in told} == {CallEnded, RunProgressed}


def test_receipts_results_and_events_agree_on_the_waits(
    write_file: WriteFile, batch: Batch, box: Sandbox, by_id: ById, told: list[Any]
) -> None:
    box.fault("POST", "/v1/customers/**", "latency", count=12, seconds=0.01)
    batch(write_file([update(f"{n}", params={"name": f"{n}"}) for n in range(12)]))
    assert flush()
    results = by_id()
    receipts = {event.receipt.attempts[-1].request_id: event.receipt for event in _ends(told)}
    assert len(receipts) == 12
    waited: dict[int, list[Any]] = defaultdict(list)
    for event in told:
        if isinstance(event, Waiting | LanesEntered):
            waited[id(event.receipt)].append(event)
    for result in results.values():
        receipt = receipts[result["request_id"]]
        assert receipt.lanes == ("cus_batch1",)
        assert result["waits"]["lane"] == pytest.approx(receipt.waits[Cause.LANE], abs=1e-5)
        assert result["seconds"] == pytest.approx(receipt.seconds, abs=1e-5)
        assert result["began_at"] == pytest.approx(receipt.began_at, abs=5.0)
        kinds = [type(event) for event in waited[id(receipt)]]
        has_waited = receipt.waits[Cause.LANE] > 0
        assert kinds == ([Waiting, LanesEntered] if has_waited else [LanesEntered])
    # The first one did not wait; the last one did, behind others.
    waits = [results[f"{n}"]["waits"]["lane"] for n in range(12)]
    assert waits[0] == 0.0
    assert max(waits[1:]) > 0.01


def _ends(told: list[Any]) -> list[CallEnded]:
    return [event for event in told if isinstance(event, CallEnded)]


def test_a_key_of_the_files_own_is_not_the_name_of_a_lane(
    write_file: WriteFile, batch: Batch, box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: set[str] = set()
    enqueue: Callable[..., Any] = MemoryLanes.enqueue

    def watched(self: MemoryLanes, keys: Any, *args: Any, **options: Any) -> Any:
        names.update(keys)
        return enqueue(self, keys, *args, **options)

    monkeypatch.setattr(MemoryLanes, "enqueue", watched)
    secret = "mine-0f3a9c"
    batch(write_file([update(f"{n}", idempotency_key=f"{secret}{n}") for n in range(3)]))
    assert len(names) == 4
    assert not [name for name in names if secret in name]


def test_nobody_is_told_what_nobody_wants_to_know(
    write_file: WriteFile, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []
    monkeypatch.setattr("holdfast.batch.events.RunProgressed", lambda *args: made.append(args))
    batch(write_file([update("a")]))
    assert made == []


def test_the_receipts_of_a_run_add_up_to_its_ledger(
    write_file: WriteFile, batch: Batch, box: Sandbox, told: list[Any]
) -> None:
    box.fault("POST", "/v1/customers/cus_batch1", "lock_timeout", count=2)
    batch(write_file([update(f"{n}", n % 2 + 1) for n in range(20)]))
    assert flush()
    receipts: list[Receipt] = [event.receipt for event in _ends(told)]
    assert len(receipts) == len(box.ledger()) == 20
    assert sum(len(receipt.attempts) for receipt in receipts) == 22
