"""Time limits of web servers and job queues against how long a request to Stripe may take."""

from collections.abc import Iterator
from math import inf

from holdfast.doctor import rules
from holdfast.doctor.code.facts import Maker, TimeLimit
from holdfast.doctor.code.tree import Path, Tree
from holdfast.doctor.finding import Finding, Place


def check(tree: Tree) -> Iterator[Finding]:
    """Find limits that end before a request has to."""
    told: set[Place] = set()
    for limit, longest in _pairs(tree):
        if limit.place in told:
            continue
        found = rules.time_limit(limit.place, limit.what, limit.seconds, longest, jobs=limit.jobs)
        if found is not None:
            told.add(limit.place)
            yield found


def _pairs(tree: Tree) -> Iterator[tuple[TimeLimit, float]]:
    """Each limit with the longest request that it may cut off."""
    of_jobs = of_web = 0.0
    for path in tree.paths():
        longest = _longest(path)
        if path.time_limit is not None:
            yield path.time_limit, longest
        elif any(layer.is_job for layer in path.layers):
            of_jobs = max(of_jobs, longest)
        else:
            of_web = max(of_web, longest)
    for limit in tree.limits:
        longest = of_jobs if limit.jobs else of_web
        if longest:
            yield limit, longest


def _longest(path: Path) -> float:
    """How long one attempt may take, or with a deadline the whole call; 0 if nobody can see."""
    if path.client is None or any(block.name == "holdfast.deadline" for block in path.blocks):
        return 0.0
    longest = path.client.longest
    if path.client.maker is Maker.HTTP and longest is None:
        return 0.0
    return 0.0 if longest is None or longest == inf else longest
