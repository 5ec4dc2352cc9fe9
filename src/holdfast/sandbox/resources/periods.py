"""Billing periods on the calendar, in UTC."""

from calendar import monthrange
from datetime import UTC, datetime, timedelta

_MONTHS = {"month": 1, "year": 12}
_DAYS = {"day": 1, "week": 7}
_LONGEST_DAYS = {**_DAYS, "month": 31, "year": 366}


def period_end(start: int, interval: str, count: int) -> int:
    """Return when a period ends.

    A month from the 31st ends on the last day of a shorter month
    (https://docs.stripe.com/billing/subscriptions/billing-cycle).

    Args:
        start: unix seconds.
        interval: `day`, `week`, `month` or `year`.
        count: how many intervals long it is.
    """
    begin = datetime.fromtimestamp(start, UTC)
    if interval in _DAYS:
        return int((begin + timedelta(days=_DAYS[interval] * count)).timestamp())
    months = begin.month - 1 + _MONTHS[interval] * count
    year, month = begin.year + months // 12, months % 12 + 1
    day = min(begin.day, monthrange(year, month)[1])
    return int(begin.replace(year=year, month=month, day=day).timestamp())


def next_boundary(anchor: int, after: int, interval: str, count: int) -> int:
    """Return when the period ends that lasts at an instant.

    Periods are counted from the anchor, so that one anchored to the 31st ends on the 28th of
    February and on the 31st of March (https://docs.stripe.com/billing/subscriptions/billing-cycle).

    Args:
        anchor: the start of the first period, in unix seconds.
        after: the instant; the result lies behind it.
        interval: `day`, `week`, `month` or `year`.
        count: how many intervals one period is long.
    """
    longest = 86_400 * _LONGEST_DAYS[interval] * count
    periods = max((after - anchor) // longest, 1)  # never beyond the period in question
    while (end := period_end(anchor, interval, count * periods)) <= after:
        periods += max((after - end) // longest, 1)
    return end
