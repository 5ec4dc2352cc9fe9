"""What did not end well is sent again: with the right key, in order, and never twice."""

import json
import random
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import stripe
from batches import lines_in, update

from holdfast import Policy
from holdfast.batch import (
    JournalBusy,
    JournalMismatch,
    Options,
    Remote,
    Stopped,
    Summary,
    UsageError,
    Workspace,
    open_journal,
    retry,
)
from holdfast.batch.journal import Journal
from holdfast.sandbox import Sandbox

Batch = Callable[..., Summary]
WriteFile = Callable[..., Path]
Again = Callable[..., Summary]
Ends = dict[str, dict[str, Any]]

KEY = "sk_test_planted4eC39HqLyjWDarj"
JOURNAL = Workspace().journal
DAY = 24 * 3600.0


def journal(name: str) -> Path:
    return JOURNAL.with_name(f"{name}.sqlite")


def ends(path: Path) -> Ends:
    """How the requests of a journal ended, by id, in the order in which they did."""
    with open_journal(path) as view:
        return {result["id"]: result for _, result in view.results()}


def statuses(path: Path) -> dict[str, str]:
    return {id_: result["status"] for id_, result in ends(path).items()}


def keys_of(path: Path) -> dict[str, str | None]:
    with open_journal(path) as view:
        entries = [view.entry(line) for line in view.lines()]
    return {
        entry.request.id: entry.request.idempotency_key for entry in entries if entry is not None
    }


def effects(box: Sandbox) -> Counter[tuple[str, str]]:
    return Counter((row["object_id"], row["effect"]) for row in box.ledger())


@pytest.fixture
def again(box: Sandbox, quick: Policy) -> Again:
    """Retry a journal against the sandbox, within this process."""

    def go(path: Path = JOURNAL, *, only: tuple[str, ...] = (), **options: Any) -> Summary:
        given = {"policy": quick, "concurrency": 4, **options}
        return retry(path, Remote(KEY, box.url), only=only, options=Options(**given))

    return go


@pytest.fixture
def intent(box: Sandbox) -> str:
    """A payment intent that is yet to be confirmed, so that its capture is rejected."""
    made = client(box).v1.payment_intents.create(
        {
            "amount": 100,
            "currency": "eur",
            "payment_method": "pm_card_visa",
            "capture_method": "manual",
        }
    )
    return str(made.id)


def client(box: Sandbox) -> stripe.StripeClient:
    return stripe.StripeClient(KEY, base_addresses={"api": box.url})


def capture(intent: str, **changes: Any) -> dict[str, Any]:
    path = f"/v1/payment_intents/{intent}/capture"
    return {"id": "capture", "method": "POST", "path": path, **changes}


@pytest.fixture
def trouble(box: Sandbox, batch: Batch, write_file: WriteFile, intent: str) -> Iterator[Path]:
    """A run in which one was failed by locks, one unsure by resets, one rejected, and two are ok.

    The journal at the test's end is as it was at its beginning.
    """
    box.fault("POST", "/v1/customers/cus_batch1", "lock_timeout", count=3)
    box.fault("POST", "/v1/customers/cus_batch2", "reset_after", count=3)
    lines = [update("locked"), update("unsure", 2), capture(intent), update("a"), update("b", 2)]
    batch(write_file(lines))
    assert statuses(JOURNAL) == {
        "locked": "failed",
        "unsure": "unsure",
        "capture": "failed",
        "a": "ok",
        "b": "ok",
    }
    before = (JOURNAL.read_bytes(), Workspace().results.read_bytes())
    yield JOURNAL
    assert (JOURNAL.read_bytes(), Workspace().results.read_bytes()) == before


def test_each_is_sent_again_with_the_right_key_and_nothing_is_doubled(
    trouble: Path, box: Sandbox, again: Again, intent: str
) -> None:
    client(box).v1.payment_intents.confirm(intent)
    before = effects(box)
    assert before["cus_batch2", "update"] == 2  # the one in doubt had been executed
    summary = again(trouble)
    assert summary.all_ok
    assert (summary.figures.total, summary.journal) == (3, str(journal("retry-1")))
    assert Path(summary.results) == journal("retry-1").with_suffix(".jsonl")
    told = ends(journal("retry-1"))
    assert told.keys() == {"locked", "unsure", "capture"}
    assert told["unsure"]["exchanges"][-1]["replayed"]
    assert not told["capture"]["exchanges"][-1]["replayed"]
    old, new = keys_of(trouble), keys_of(journal("retry-1"))
    assert new["locked"] == old["locked"]
    assert new["unsure"] == old["unsure"]
    assert new["capture"] != old["capture"]
    now = effects(box)
    assert now["cus_batch1", "update"] == before["cus_batch1", "update"] + 1
    assert now["cus_batch2", "update"] == before["cus_batch2", "update"]
    assert now[intent, "capture"] == 1


def test_what_still_fails_is_retried_by_the_same_command(
    trouble: Path, box: Sandbox, again: Again, intent: str
) -> None:
    assert not again(trouble).all_ok
    assert statuses(journal("retry-1")) == {"locked": "ok", "unsure": "ok", "capture": "failed"}
    client(box).v1.payment_intents.confirm(intent)
    summary = again(trouble)
    assert summary.all_ok
    assert statuses(journal("retry-2")) == {"capture": "ok"}
    assert (
        len(
            {keys_of(path)["capture"] for path in (trouble, journal("retry-1"), journal("retry-2"))}
        )
        == 3
    )
    requests = box.stats()["requests"]
    assert again(trouble).figures.total == 0
    assert not journal("retry-3").exists()
    assert box.stats()["requests"] == requests
    assert effects(box)[intent, "capture"] == 1


def test_only_some(trouble: Path, again: Again) -> None:
    assert again(trouble, only=("locked",)).all_ok
    assert again(trouble, only=("unsure",)).all_ok
    assert statuses(journal("retry-1")) == {"locked": "ok"}
    assert statuses(journal("retry-2")) == {"unsure": "ok"}
    again(trouble)
    assert statuses(journal("retry-3")) == {"capture": "failed"}


@pytest.mark.parametrize(
    ("only", "sentence"),
    [
        ("nobody", 'there is no request "nobody" in the journal'),
        ("a", 'the request "a" needs no retry: it is ok in the journal .*journal.sqlite'),
        ("locked", 'the request "locked" needs no retry: it is ok in the journal .*retry-1'),
    ],
)
def test_an_id_that_is_not_to_be_retried(
    trouble: Path, box: Sandbox, again: Again, only: str, sentence: str
) -> None:
    again(trouble, only=("locked",))
    requests = box.stats()["requests"]
    with pytest.raises(UsageError, match=sentence):
        again(trouble, only=("unsure", only))
    assert box.stats()["requests"] == requests
    assert not journal("retry-2").exists()


def test_a_retry_of_a_retry_is_about_its_requests(
    trouble: Path, box: Sandbox, again: Again, intent: str
) -> None:
    again(trouble, only=("capture", "locked"))
    assert again(journal("retry-1")).figures.total == 1
    assert statuses(journal("retry-2")) == {"capture": "failed"}
    with pytest.raises(UsageError, match=r'no request "unsure" in the journal .*retry-1'):
        again(journal("retry-1"), only=("unsure",))


def test_requests_without_a_result_are_left_to_their_run(
    box: Sandbox, batch: Batch, again: Again, write_file: WriteFile
) -> None:
    box.fault("POST", "/v1/customers/cus_batch1", "lock_timeout", count=3)
    stop = threading.Event()
    source = write_file([update(f"{n}") for n in range(40)])
    batch(source, stop=stop, watch=lambda now: stop.set() if now.done else None, concurrency=1)
    left = open_journal(JOURNAL).totals()["left"]
    assert left > 0
    with pytest.raises(UsageError, match=r'"39" has no result yet: give the command of its run'):
        again(only=("39",))
    assert again().figures.total == 1
    assert batch(source).figures.ok == 39
    assert len(box.ledger()) == 40


def test_a_key_that_is_too_old_is_not_used(trouble: Path, box: Sandbox, again: Again) -> None:
    before = len(box.ledger())
    summary = again(trouble, only=("unsure", "locked"), wall_clock=lambda: time.time() + DAY)
    told = ends(journal("retry-1"))
    assert (summary.figures.ok, summary.figures.unsure) == (1, 1)
    assert told["unsure"]["stop_reason"] == "key_expired"
    assert "not sent again; look at the object in Stripe" in told["unsure"]["reason"]
    assert told["unsure"]["exchanges"] == []
    assert len(box.ledger()) == before + 1
    # Nor is it by the retry of that.
    again(trouble, wall_clock=lambda: time.time() + DAY)
    assert ends(journal("retry-2"))["unsure"]["stop_reason"] == "key_expired"


def test_a_key_of_the_files_own_stays_and_it_is_said(
    box: Sandbox, batch: Batch, again: Again, write_file: WriteFile, intent: str
) -> None:
    batch(write_file([capture(intent, idempotency_key="mine")]))
    client(box).v1.payment_intents.confirm(intent)
    told: list[str] = []
    assert again(report=told.append).figures.failed == 1
    assert keys_of(journal("retry-1")) == {"capture": "mine"}
    result = ends(journal("retry-1"))["capture"]
    assert result["exchanges"][-1]["replayed"]
    assert "with another key it would be" in result["reason"]
    (sentence,) = told
    assert sentence.startswith("1 rejected request (capture) keeps the idempotency key that the")
    assert sentence.endswith("send it in another file with another key")
    told.clear()
    box.clock.advance("25h")
    assert again(report=told.append, wall_clock=lambda: time.time() + 25 * 3600).all_ok
    assert told == []
    assert effects(box)[intent, "capture"] == 1


def test_what_is_still_locked_is_failed_and_not_in_doubt(
    trouble: Path, box: Sandbox, again: Again
) -> None:
    box.fault("POST", "/v1/customers/cus_batch1", "lock_timeout", count=3)
    again(trouble, only=("locked",))
    assert statuses(journal("retry-1")) == {"locked": "failed"}


def test_the_order_on_an_object_is_the_files(
    box: Sandbox, batch: Batch, again: Again, write_file: WriteFile
) -> None:
    box.fault("POST", "/v1/customers/**", "lock_timeout", count=60)
    chance = random.Random(5)
    ids = [f"{n}" for n in range(20)]
    batch(write_file([update(id_, chance.choice([1, 1, 2])) for id_ in ids]))
    assert set(statuses(JOURNAL).values()) == {"failed"}
    assert again(concurrency=8).all_ok
    names = {row["request_id"]: id_ for id_, row in ends(journal("retry-1")).items()}
    order: dict[str, list[int]] = {row["object_id"]: [] for row in box.ledger()}
    for row in box.ledger():
        order[row["object_id"]].append(int(names[row["request_id"]]))
    assert sum(map(len, order.values())) == 20
    assert all(numbers == sorted(numbers) for numbers in order.values())


def test_another_target_or_key_is_refused(trouble: Path, box: Sandbox, quick: Policy) -> None:
    options = Options(policy=quick)
    for other in (Remote("sk_test_another", box.url), Remote(KEY, "http://127.0.0.1:1")):
        with pytest.raises(JournalMismatch, match="a retry goes where the run went"):
            retry(trouble, other, options=options)
    with pytest.raises(UsageError, match="a retry cannot start anew"):
        retry(trouble, Remote(KEY, box.url), options=Options(fresh=True))
    assert not journal("retry-1").exists()


def test_nobody_else_may_be_at_work(trouble: Path, again: Again) -> None:
    with Workspace().locked(), pytest.raises(JournalBusy, match="another run is at work"):
        again(trouble)


def test_what_is_in_the_way_is_left_alone(trouble: Path, again: Again) -> None:
    journal("retry-1").write_text("remember\n" * 100)
    Journal(journal("retry-2")).close()  # a retry that was killed before it had loaded anything
    summary = again(trouble, only=("locked",))
    assert summary.journal == str(journal("retry-2"))
    assert journal("retry-1").read_text() == "remember\n" * 100


def test_a_stop_while_it_is_loaded_leaves_nothing(trouble: Path, again: Again) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped, match="nothing was sent"):
        again(trouble, stop=stop)
    assert not journal("retry-1").exists()


def test_the_retry_of_a_journal_with_another_name(
    box: Sandbox, batch: Batch, again: Again, write_file: WriteFile, tmp_path: Path
) -> None:
    box.fault("POST", "/v1/customers/cus_batch1", "lock_timeout", count=3)
    workspace = Workspace(tmp_path / "night.db", tmp_path / "night.jsonl")
    batch(write_file([update("a")]), workspace=workspace)
    assert again(workspace.journal).all_ok
    assert statuses(tmp_path / "night-retry-1.db") == {"a": "ok"}
    assert (tmp_path / "night-retry-1.jsonl").exists()


def test_a_run_does_not_go_on_with_the_journal_of_a_retry(
    trouble: Path, batch: Batch, again: Again, write_file: WriteFile
) -> None:
    again(trouble)
    source = Path("requests.jsonl")
    with pytest.raises(JournalMismatch, match="of another file"):
        batch(source, workspace=Workspace(journal("retry-1"), Path("other.jsonl")))


def test_the_retries_of_an_earlier_run_of_the_same_name_are_not_ours(
    box: Sandbox, batch: Batch, again: Again, write_file: WriteFile
) -> None:
    source = write_file([update("a"), update("b", 2)])
    box.fault("POST", "/v1/customers/**", "lock_timeout", count=6)
    batch(source)
    again(only=("a",))
    box.fault("POST", "/v1/customers/**", "lock_timeout", count=6)
    batch(source, fresh=True)
    assert set(statuses(JOURNAL).values()) == {"failed"}
    with pytest.raises(UsageError, match=r"journal.sqlite is another one by now"):
        again(journal("retry-1"))
    assert again().all_ok
    assert statuses(journal("retry-2")) == {"a": "ok", "b": "ok"}
    assert again(journal("retry-2")).figures.total == 0


def test_a_journal_of_an_earlier_version_is_retried(
    box: Sandbox, batch: Batch, again: Again, write_file: WriteFile
) -> None:
    box.fault("POST", "/v1/customers/**", "lock_timeout", count=6)
    batch(write_file([update("a"), update("b", 2)]))
    with closing(sqlite3.connect(JOURNAL)) as database:
        database.execute("DELETE FROM meta WHERE name = 'run'")
        database.execute(
            "UPDATE results SET text = json_remove(text, '$.method', '$.exchanges', '$.objects')"
        )
        database.commit()
    assert again(only=("a",)).all_ok
    assert again().all_ok
    assert statuses(journal("retry-2")) == {"b": "ok"}


def test_an_interrupted_retry_goes_on_first(
    box: Sandbox, batch: Batch, again: Again, write_file: WriteFile
) -> None:
    box.fault("POST", "/v1/customers/**", "lock_timeout", count=3 * 30)
    batch(write_file([update(f"{n}") for n in range(30)]))
    box.fault("POST", "/v1/customers/**", "latency", count=30, seconds=0.03)
    stop = threading.Event()
    first = again(stop=stop, watch=lambda now: stop.set() if now.done else None, concurrency=1)
    assert first.interrupted
    with pytest.raises(UsageError, match=r"retry-1.sqlite was interrupted: go on with it first"):
        again(only=("3",))
    assert again().all_ok
    assert len(statuses(journal("retry-1"))) == 30
    assert set(effects(box).values()) == {30}


def test_a_retry_that_is_killed_goes_on(
    write_file: WriteFile,
    command: Callable[..., subprocess.Popen[str]],
    completed: Callable[..., subprocess.CompletedProcess[str]],
    batch: Batch,
    box: Sandbox,
) -> None:
    count = 60
    box.fault("POST", "/v1/customers", "lock_timeout", count=3 * count // 2)
    box.fault("POST", "/v1/customers", "reset_after", count=3 * count // 2)
    lines = [update(f"{n}", path="/v1/customers") for n in range(count)]
    batch(write_file(lines), concurrency=1)
    assert set(statuses(JOURNAL).values()) == {"failed", "unsure"}
    made = len(box.ledger())
    words = ["--retry", JOURNAL, "--api-base", box.url, "--concurrency", 2]
    chance = random.Random(7)
    results = journal("retry-1").with_suffix(".jsonl")
    kills = 0
    for _ in range(4):
        process = command(*words, env={"STRIPE_API_KEY": KEY})
        before = lines_in(results)
        while lines_in(results) <= before + 3 and process.poll() is None:
            time.sleep(0.002)
        time.sleep(chance.uniform(0, 0.02))
        process.kill()
        process.wait()
        kills += lines_in(results) < count
    assert kills >= 3
    done = completed(*words, "--json", env={"STRIPE_API_KEY": KEY})
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["ok"] == count
    assert statuses(journal("retry-1")) == {f"{n}": "ok" for n in range(count)}
    assert len(box.ledger()) == count > made
    assert set(Counter(row["idempotency_key"] for row in box.ledger()).values()) == {1}
