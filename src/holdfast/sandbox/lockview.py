"""The locks as people look at them: which are held and waited for, by whom and for how long."""

from itertools import islice
from typing import Any

from holdfast.sandbox.locks import LockKey, LockTable
from holdfast.sandbox.recent import redact


def locks_as_dict(locks: LockTable, now: float, most: int | None = None) -> dict[str, Any]:
    """The locks that are held and the claims that wait, as `GET /_sandbox/locks` answers them.

    Args:
        locks: the locks.
        now: the event loop's time.
        most: how many of each at most; None for all.
    """
    held = islice(locks.held(), most)
    waiting = islice(locks.waiting(), most)
    return {
        "held": [_shown(key, claim.owner, since, now) for key, claim, since in held],
        "waiting": [_shown(key, claim.owner, claim.waiting_since, now) for key, claim in waiting],
    }


def _shown(key: LockKey, owner: str, since: float | None, now: float) -> dict[str, Any]:
    account, object_id = key
    return {
        "object": object_id,
        "account": account,
        "by": redact(owner),
        "seconds": 0.0 if since is None else round(max(now - since, 0.0), 6),
    }
