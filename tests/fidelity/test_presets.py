"""The presets do what the official packages do: same attempts, same keys, same waits."""

import re

import pytest
from sidebyside.cases import Case, Fault, Seen
from sidebyside.runs import SideBySide

PACKAGES = ("node", "python")
MODES = ("sync", "async")
GROUPS = (
    "answers",
    "successes",
    "other methods",
    "faults",
    "broken bodies",
    "html",
    "sequences",
)

# What the packages document of their waits before retry 1, 2, 3 and 4, in seconds.
INTERVALS = {
    "node": ((0.5, 0.5), (0.5, 0.5), (0.5, 1.0), (1.0, 2.0)),
    "python": ((0.5, 0.5), (0.5, 1.0), (1.0, 2.0), (2.0, 4.0)),
}
KEYS = {
    "node": re.compile(r"stripe-node-retry-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "python": re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
}


def told_to_repeat_a_success(case: Case) -> bool:
    """The one difference, named in docs/reference/presets.md."""
    first = case.steps[0]
    return first.status == 200 and first.word == "true" and first.fault is None


def comparable(seen: Seen) -> tuple[object, ...]:
    """What must be equal; of the keys, where there is one, and where it is another."""
    known = list(dict.fromkeys(seen.keys))
    keys = [None if key is None else known.index(key) for key in seen.keys]
    return seen.attempts, keys, seen.waits, seen.succeeded


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("package", PACKAGES)
def test_a_preset_does_what_its_package_does(
    side_by_side: SideBySide, package: str, mode: str, group: str
) -> None:
    real, preset = side_by_side.seen(package), side_by_side.seen(f"{package} {mode}")
    different = [
        f"{case}\n  the package: {real[case.name]}\n  the preset:  {preset[case.name]}"
        for case in side_by_side.groups[group]
        if not told_to_repeat_a_success(case)
        and comparable(real[case.name]) != comparable(preset[case.name])
    ]
    assert not different, f"{len(different)} differ, such as:\n" + "\n".join(different[:5])


@pytest.mark.parametrize("package", PACKAGES)
def test_the_named_difference_is_one(side_by_side: SideBySide, package: str) -> None:
    cases = [case for case in side_by_side.groups["successes"] if told_to_repeat_a_success(case)]
    assert cases
    for case in cases:
        assert side_by_side.seen(package)[case.name].attempts == case.retries + 1
        assert side_by_side.seen(f"{package} sync")[case.name].attempts == 1


@pytest.mark.parametrize("package", PACKAGES)
def test_the_packages_wait_within_what_they_document(
    side_by_side: SideBySide, package: str
) -> None:
    seen = side_by_side.seen(package).values()
    for number, (low, high) in enumerate(INTERVALS[package]):
        waits = [one.waits[number] for one in seen if len(one.waits) > number]
        assert len(waits) > 50
        assert all(low <= wait <= high for wait in waits)
        # The draws are spread, so the whole of the interval is used.
        assert max(waits) - min(waits) >= 0.9 * (high - low)


@pytest.mark.parametrize("package", PACKAGES)
def test_the_packages_send_one_key_with_every_attempt_of_a_post(
    side_by_side: SideBySide, package: str
) -> None:
    seen = side_by_side.seen(package)
    for case in side_by_side.cases:
        keys = set(seen[case.name].keys)
        if case.method == "POST" and case.door is None:
            (key,) = keys
            assert key is not None
            assert KEYS[package].fullmatch(key)
        else:
            assert keys <= {None}


@pytest.mark.parametrize("client", [*PACKAGES, *(f"{p} {m}" for p in PACKAGES for m in MODES)])
def test_every_attempt_reached_the_server_except_at_its_door(
    side_by_side: SideBySide, client: str
) -> None:
    seen = side_by_side.seen(client)
    for case in side_by_side.cases:
        one = seen[case.name]
        assert len(one.keys) == (one.attempts if case.door is None else 0), case


def test_the_cases_are_every_combination(side_by_side: SideBySide) -> None:
    steps = {
        (case.method, case.retries, case.steps[0].status, case.steps[0].word, case.steps[0].code)
        for case in side_by_side.groups["answers"] + side_by_side.groups["successes"]
    }
    for status in (400, 402, 404, 409, 424, 429, 500, 503):
        for code in (None, "lock_timeout", "rate_limit", "idempotency_key_in_use"):
            for word in (None, "true", "false", "True", "FALSE"):
                for retries in range(5):
                    assert ("POST", retries, status, word, code) in steps
    faults = {case.steps[0].fault for case in side_by_side.groups["faults"]}
    faults |= {case.steps[0].fault for case in side_by_side.groups["broken bodies"]}
    assert faults == set(Fault)
