"""For tests of code that uses Holdfast: no waiting, and every receipt at hand."""

from collections.abc import Iterator
from contextlib import contextmanager

from holdfast.drivers import last, pause
from holdfast.engine import Receipt


@contextmanager
def no_waiting() -> Iterator[list[Receipt]]:
    """Switch the waits between attempts off, for the whole process, and record receipts.

    `with holdfast.testing.no_waiting() as receipts: ...`. Attempts, order and stop reasons stay
    what they are; lanes and attempts themselves still take the time that they take.

    Returns:
        As the context's value, the receipts of the calls that end inside the block, in order.
    """
    receipts: list[Receipt] = []
    before = pause.waiting(real=False)
    last.record(receipts.append)
    try:
        yield receipts
    finally:
        last.forget(receipts.append)
        pause.waiting(real=before)
