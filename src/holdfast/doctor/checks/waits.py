"""How retries around Stripe wait: at once, always equally long, or as they should."""

from collections.abc import Iterator

from holdfast.doctor.catalogue import CHECKS
from holdfast.doctor.checks.multiplied import effective
from holdfast.doctor.code.facts import RATE_LIMIT_ERRORS, Layer, Wait
from holdfast.doctor.code.tree import Tree
from holdfast.doctor.finding import Finding, Place, Severity


def check(tree: Tree) -> Iterator[Finding]:
    """Find retries that always wait equally long, and those of every 429."""
    told: set[Place] = set()
    for path in tree.paths():
        for layer in effective(path):
            if layer.place in told or layer.is_job:
                continue
            told.add(layer.place)
            yield from _fixed(layer)
            yield from _blind(layer)


def _fixed(layer: Layer) -> Iterator[Finding]:
    if layer.wait is Wait.FIXED:
        yield CHECKS["fixed-wait"].at(
            layer.wait_place or layer.place,
            f"{_named(layer)} always waits equally long before it sends again.",
            "Wait for a random part of a growing time: time.sleep(random.uniform(0, min(5, 0.25 * "
            '2**attempt))), or @holdfast.retrying(on="lock_timeout").',
        )


def _blind(layer: Layer) -> Iterator[Finding]:
    if layer.catches is None or not layer.catches & RATE_LIMIT_ERRORS or layer.reads_code:
        return
    if layer.wait is Wait.UNKNOWN:
        return
    patient = layer.wait is Wait.VARIED
    yield CHECKS["blind-429-retry"].at(
        layer.place,
        f"{_named(layer)} repeats every RateLimitError"
        + (", whether it was a rate limit or a lock timeout." if patient else " without backoff."),
        "Tell them apart by e.error.code: a lock timeout may be sent again soon, a rate limit has "
        "to wait for its turn; holdfast.stripe_client(key) does both.",
        severity=Severity.ADVICE if patient else Severity.WARNING,
    )


def _named(layer: Layer) -> str:
    return layer.what[0].upper() + layer.what[1:]
