"""The board of a process that runs a batch itself."""

import json
import threading
from pathlib import Path
from typing import Any

from holdfast.batch import Options, Remote, Workspace, run
from holdfast.observe.board import Board
from holdfast.observe.journal_source import JournalBoard
from holdfast.sandbox import Sandbox

HOT = "cus_run1"
REQUESTS = 150


def test_a_run_within_the_process(tmp_path: Path) -> None:
    source = tmp_path / "requests.jsonl"
    lines = [
        {
            "id": f"r-{number}",
            "method": "POST",
            "path": f"/v1/customers/{HOT if number % 3 else 'cus_run2'}",
            "params": {"metadata": {"number": number}},
        }
        for number in range(REQUESTS)
    ]
    source.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    workspace = Workspace(tmp_path / "journal.sqlite", tmp_path / "results.jsonl")
    seed = {"objects": [{"id": name, "object": "customer"} for name in (HOT, "cus_run2")]}
    looks: list[Any] = []
    done = threading.Event()
    with Sandbox(hold=0.01, lock_wait=1.0, seed=seed) as box, Board() as board:

        def look() -> None:
            while not done.wait(0.05):
                looks.append(board.snapshot())

        watcher = threading.Thread(target=look)
        watcher.start()
        try:
            run(source, Remote("sk_test_run", box.url), workspace, Options(concurrency=8))
        finally:
            done.set()
            watcher.join()
        last: Any = board.snapshot()
        stats = box.stats()
    seen = json.loads(json.dumps(last))
    assert seen["totals"]["attempts"] == stats["requests"] >= REQUESTS
    assert seen["totals"]["stops"] == {"ok": REQUESTS}
    assert seen["totals"]["waiting"] == {"lane": 0, "limiter": 0, "backoff": 0}
    (row,) = seen["runs"]
    assert row["name"] == str(workspace.journal)
    assert (row["done"], row["ok"], row["finished"]) == (REQUESTS, REQUESTS, True)
    during = [one for one in looks if one["runs"] and 0 < one["runs"][0]["done"] < REQUESTS]
    assert any(one["totals"]["waiting"]["lane"] > 20 for one in during)
    hot = [one["hot"][0] for one in during if one["hot"] and one["hot"][0]["waiting"] > 5]
    assert hot
    assert all(row["object"] == HOT for row in hot)
    assert 0.0 < seen["hot"][0]["wait_p50"] <= seen["hot"][0]["wait_max"]

    # The journal tells the same of the same run.
    theirs: Any = JournalBoard(workspace.journal).snapshot()
    for name in ("calls", "attempts", "retries", "classes", "stops", "unsure"):
        assert theirs["totals"][name] == seen["totals"][name], name
    assert theirs["hot"][0]["object"] == HOT
