"""Who is next: order on an object, no waiting behind somebody else's queue, bounds."""

import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable

from holdfast.batch.journal_format import Entry
from holdfast.batch.reading import Request
from holdfast.batch.scheduling import Job, Schedule


def job(line: int, *objects: str) -> Job:
    return Job(Entry(line, Request(str(line), "POST", "/v1/x", {}), False, None), objects)


class Drill:
    """A schedule whose jobs begin at once, with its steps counted."""

    def __init__(self, *, near: int = 100, window: int = 1000) -> None:
        self.begun: list[int] = []
        self.schedule = Schedule(self._begin, near=near, clock=time.monotonic, window=window)

    def _begin(self, job: Job) -> None:
        self.begun.append(job.entry.line)
        self.schedule.ready(job)

    def finish(self, job: Job) -> None:
        self.schedule.sent()
        self.schedule.leave(job)
        self.schedule.ended()


def in_thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_others_pass_by_a_busy_object() -> None:
    drill = Drill()
    for line, name in enumerate(["a", "a", "a", "b", "c"]):
        drill.schedule.add(job(line, name))
    assert drill.begun == [0, 3, 4]
    first = drill.schedule.take()
    assert first is not None
    drill.finish(first)
    assert drill.begun == [0, 3, 4, 1]


def test_a_job_of_two_objects_waits_for_both_and_holds_both() -> None:
    drill = Drill()
    jobs = [job(0, "a"), job(1, "a", "b"), job(2, "b"), job(3, "c")]
    for one in jobs:
        drill.schedule.add(one)
    assert drill.begun == [0, 3]
    drill.finish(jobs[0])
    assert drill.begun == [0, 3, 1]
    drill.finish(jobs[1])
    assert drill.begun == [0, 3, 1, 2]


def test_no_more_than_so_many_are_near() -> None:
    drill = Drill(near=2)
    for line in range(5):
        drill.schedule.add(job(line))
    assert drill.begun == [0, 1]
    drill.schedule.sent()
    assert drill.begun == [0, 1, 2]


def test_the_window_is_bounded() -> None:
    drill = Drill(window=2)
    jobs = [job(line, "a") for line in range(3)]
    added: list[bool] = []
    thread = in_thread(lambda: added.extend(drill.schedule.add(one) for one in jobs))
    assert drill.schedule.take() is jobs[0]
    thread.join(0.05)
    assert thread.is_alive()
    drill.finish(jobs[0])
    thread.join(10)
    assert added == [True, True, True]


def test_stopping_ends_every_wait() -> None:
    drill = Drill(window=1)
    drill.schedule.add(job(0, "a"))
    drill.schedule.take()
    ends: list[object] = []
    waits = [
        in_thread(lambda: ends.append(drill.schedule.add(job(1, "a")))),
        in_thread(lambda: ends.append(drill.schedule.take())),
    ]
    drill.schedule.stop()
    for thread in waits:
        thread.join(10)
        assert not thread.is_alive()
    assert sorted(ends, key=str) == [False, None]
    assert drill.begun == [0]


def test_the_end_is_when_all_have_ended() -> None:
    drill = Drill()
    one = job(0)
    drill.schedule.add(one)
    drill.schedule.complete()
    assert drill.schedule.take() is one
    ends: list[object] = []
    thread = in_thread(lambda: ends.append(drill.schedule.take()))
    thread.join(0.05)
    assert thread.is_alive()
    drill.finish(one)
    thread.join(10)
    assert ends == [None]


def test_order_holds_for_every_object_under_many_workers() -> None:
    drill = Drill(near=16, window=64)
    chance = random.Random(7)
    jobs = [
        job(line, *chance.sample(["a", "b", "c", "d", "e"], chance.randint(0, 3)))
        for line in range(2000)
    ]
    mutex = threading.Lock()
    holding: set[str] = set()
    seen: defaultdict[str, list[int]] = defaultdict(list)
    broken: list[int] = []

    def work() -> None:
        while (mine := drill.schedule.take()) is not None:
            with mutex:
                if holding.intersection(mine.objects):
                    broken.append(mine.entry.line)
                holding.update(mine.objects)
                for name in mine.objects:
                    seen[name].append(mine.entry.line)
            with mutex:
                holding.difference_update(mine.objects)
            drill.finish(mine)

    workers = [in_thread(work) for _ in range(8)]
    for one in jobs:
        assert drill.schedule.add(one)
    drill.schedule.complete()
    for worker in workers:
        worker.join(60)
        assert not worker.is_alive()
    assert broken == []
    assert all(lines == sorted(lines) for lines in seen.values())
    assert sum(map(len, seen.values())) == sum(len(one.objects) for one in jobs)
