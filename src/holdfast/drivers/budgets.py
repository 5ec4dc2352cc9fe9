"""The retry budgets of this process, one for each account."""

import threading
from collections import OrderedDict
from collections.abc import Hashable

from holdfast.engine import Budget, RetryBudget
from holdfast.forks import in_each_child

# A platform may speak for more connected accounts than it is worth remembering; the budget of one
# that has not called for so long is full again anyway.
_LIMIT = 4096

_mutex = threading.Lock()
_budgets: OrderedDict[tuple[Hashable, Budget], RetryBudget] = OrderedDict()


def budget_of(account: Hashable, settings: Budget | None, now: float) -> RetryBudget | None:
    """The budget that all calls of an account share.

    Args:
        account: what tells accounts apart; nothing secret.
        settings: what the policy says; None means no budget.
        now: the clock that the calls go by, in seconds.
    """
    if settings is None:
        return None
    place = (account, settings)
    with _mutex:
        budget = _budgets.get(place)
        if budget is None:
            budget = _budgets[place] = RetryBudget(settings, now)
            if len(_budgets) > _LIMIT:
                _budgets.popitem(last=False)
        else:
            _budgets.move_to_end(place)
    return budget


def _after_fork() -> None:
    global _mutex
    _mutex = threading.Lock()
    _budgets.clear()


in_each_child(_after_fork)
