"""Billing periods on the calendar, in UTC."""

from calendar import monthrange
from datetime import UTC, datetime, timedelta

_MONTHS = {"month": 1, "year": 12}
_DAYS = {"day": 1, "week": 7}


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
