"""Killed at any moment and started again, a run ends with the effects of one that was not."""

import random
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from batches import lines_in

from holdfast.batch import Workspace
from holdfast.sandbox import Sandbox

Command = Callable[..., subprocess.Popen[str]]
Completed = Callable[..., subprocess.CompletedProcess[str]]
WriteFile = Callable[..., Path]

Effects = dict[str, Counter[tuple[str, str, str, str]]]

EXAMPLES = Path(__file__).parents[2] / "examples"
KILLS = 20


def payments(count: int, chance: random.Random) -> Iterable[dict[str, Any]]:
    """Writes of every kind, more than half of them on one customer."""
    for n in range(count):
        name = "cus_batch0" if chance.random() < 0.6 else f"cus_batch{chance.randint(1, 9)}"
        kind = chance.choice(["update", "pay", "pay", "create", "read"])
        request: dict[str, Any] = {"id": f"r-{n}", "method": "POST"}
        match kind:
            case "update":
                request |= {"path": f"/v1/customers/{name}", "params": {"metadata": {"n": n}}}
            case "pay":
                params = {"amount": 100 + n, "currency": "eur", "customer": name}
                params |= {"payment_method": "pm_card_visa", "confirm": True}
                request |= {"path": "/v1/payment_intents", "params": params}
            case "create":
                request |= {"path": "/v1/customers", "params": {"description": f"made {n}"}}
            case _:
                request |= {"method": "GET", "path": f"/v1/customers/{name}"}
        yield request


def effects(workspace: Workspace) -> Effects:
    """What each request of a run did, by the request's id."""
    database = sqlite3.connect(workspace.journal)
    ids = dict(database.execute("SELECT key, id FROM requests WHERE key IS NOT NULL"))
    database.close()
    found: Effects = {}
    with Sandbox(store=workspace.store) as box:
        for row in box.ledger():
            effect = (row["method"], row["path"], row["object"], row["effect"])
            found.setdefault(ids[row["idempotency_key"]], Counter())[effect] += 1
    return found


def state(workspace: Workspace) -> Counter[tuple[object, ...]]:
    """What the objects of a run look like in the end, whatever their ids."""
    with Sandbox(store=workspace.store) as box:
        customers = Counter[tuple[object, ...]](
            (obj.get("description"), str(obj.get("metadata"))) for obj in box.objects("customer")
        )
        paid = Counter[tuple[object, ...]](
            (obj["customer"], obj["amount"], obj["status"]) for obj in box.objects("payment_intent")
        )
    return customers + paid


def kill_at_random(
    begin: Callable[[], subprocess.Popen[str]], workspace: Workspace, chance: random.Random
) -> int:
    """Start a run and kill it: while it starts, or after so many more results. Its results then."""
    before = lines_in(workspace.results)
    more = chance.choice([None, 0, 0, 1, 3, 8])
    process = begin()
    if more is not None:
        while lines_in(workspace.results) <= before + more and process.poll() is None:
            time.sleep(0.002)
    time.sleep(chance.uniform(0, 0.3 if more is None else 0.03))
    process.kill()
    process.wait()
    return lines_in(workspace.results) - before


def go_through(
    words: list[object],
    tmp_path: Path,
    command: Command,
    completed: Completed,
    chance: random.Random,
) -> tuple[Workspace, Workspace]:
    """Run once undisturbed and once with kills; the two workspaces."""
    calm, rough = (
        Workspace(tmp_path / name / "journal", tmp_path / name / "results.jsonl")
        for name in ("calm", "rough")
    )
    done = completed(*words, "--journal", calm.journal, "--results", calm.results)
    assert done.returncode == 0, done.stdout + done.stderr
    words = [*words, "--journal", rough.journal, "--results", rough.results]
    progress = [kill_at_random(lambda: command(*words), rough, chance) for _ in range(KILLS)]
    # Some of the kills fell while it was sending, and it had not done everything before the last.
    assert sum(1 for more in progress if more > 0) >= 5
    assert lines_in(rough.results) < lines_in(calm.results)
    done = completed(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    return calm, rough


def assert_same(calm: Workspace, rough: Workspace, writes: int) -> None:
    """The same effects, each exactly once, and one result a request."""
    expected = effects(calm)
    assert len(expected) == writes
    assert effects(rough) == expected
    assert state(rough) == state(calm)
    for workspace in (calm, rough):
        assert len(set(ids_in(workspace.results))) == len(ids_in(workspace.results))
    assert sorted(ids_in(rough.results)) == sorted(ids_in(calm.results))


def ids_in(results: Path) -> list[str]:
    return [line.split('"')[3] for line in results.read_text().splitlines()]


def test_twenty_kills_lose_and_double_nothing(
    write_file: WriteFile, command: Command, completed: Completed, seed: Path, tmp_path: Path
) -> None:
    chance = random.Random(20)
    requests = list(payments(400, chance))
    words: list[object] = [write_file(requests), "--sandbox", "--seed", seed]
    words += ["--hold", "15ms", "--lock-wait", "2s", "--concurrency", "8"]
    calm, rough = go_through(words, tmp_path, command, completed, chance)
    assert_same(calm, rough, sum(1 for request in requests if request["method"] == "POST"))


@pytest.mark.soak
def test_twenty_kills_of_the_example(
    command: Command, completed: Completed, tmp_path: Path
) -> None:
    source = EXAMPLES / "requests.jsonl"
    words: list[object] = [source, "--sandbox", "--seed", EXAMPLES / "seed.json"]
    calm, rough = go_through(words, tmp_path, command, completed, random.Random(7))
    assert_same(calm, rough, source.read_text().count('"method": "POST"'))
