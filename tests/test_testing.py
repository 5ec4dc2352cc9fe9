"""The helper for tests: no waiting, every receipt."""

import asyncio

import pytest

import holdfast.testing
from holdfast.drivers import pause


@holdfast.retrying(ValueError, wait=holdfast.Backoff(3600, 3600), deadline=80_000, attempts=3)
def fails() -> None:
    raise ValueError


@holdfast.retrying(ValueError, wait=holdfast.Backoff(3600, 3600), deadline=80_000, attempts=3)
async def fails_later() -> None:
    raise ValueError


def test_hours_of_waiting_take_no_time() -> None:
    with holdfast.testing.no_waiting() as receipts:
        with pytest.raises(ValueError):
            fails()
        with pytest.raises(ValueError):
            asyncio.run(fails_later())
    assert [len(receipt.attempts) for receipt in receipts] == [3, 3]


def test_blocks_may_stand_inside_each_other_and_end() -> None:
    with holdfast.testing.no_waiting() as outer:
        with holdfast.testing.no_waiting() as inner, pytest.raises(ValueError):
            fails()
        assert pause.waiting(real=False) is False
    assert pause.waiting(real=True) is True
    assert len(outer) == len(inner) == 1
    with holdfast.testing.no_waiting() as later:
        pass
    assert later == []
