"""What the page shows, in one answer that it asks for again and again while somebody looks.

It is asked for rather than streamed: a browser opens six connections to a server, so the seventh
page of a stream would stay empty; and an answer that nobody asks for costs nothing. Every part of
it is bounded.
"""

from secrets import token_hex
from typing import Any

from holdfast.sandbox.core import Core
from holdfast.sandbox.faults import FaultKind
from holdfast.sandbox.lockview import locks_as_dict

MOST_LOCKS = 100
MOST_REQUESTS = 200
MOST_ROWS = 100


class Feed:
    """The live view of a sandbox.

    Args:
        core: the sandbox's parts.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        # Tells a page that the sandbox was started anew, with other requests under old numbers.
        self._run = token_hex(8)

    def since(self, change: int, row: int) -> dict[str, Any]:
        """What is there, and which requests and rows of the ledger have come.

        Args:
            change: the `cursor` of the answer before; 0 at first.
            row: the `seq` of the last row of the ledger that was shown; 0 at first.
        """
        core = self._core
        recent = core.recent
        return {
            "run": self._run,
            "cursor": recent.changes,
            "now": core.clock(),
            "requests": recent.after(change)[-MOST_REQUESTS:],
            "ledger": list(core.ledger.after(max(row, len(core.ledger) - MOST_ROWS))),
            "locks": locks_as_dict(core.locks, core.timers.time(), MOST_LOCKS),
            "kinds": [
                {"account": account, "kind": kind, "count": count}
                for account, kind, count in core.state.kinds()
            ],
            "faults": core.faults.as_list()[:MOST_ROWS],
            "fault_kinds": list(FaultKind),
            "stats": core.stats_as_dict(),
        }
