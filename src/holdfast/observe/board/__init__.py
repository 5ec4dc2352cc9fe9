"""The data behind the live page: what happens in this process, as one snapshot of plain values.

`Board` listens to the stream of events. Its parts are the ideas of the snapshot: `totals`,
`series`, `limits`, `hot` objects, the `slowest` calls, those in doubt (`rows`) and `runs`.
`holdfast.observe.journal_source` makes the same snapshot of a batch that another process runs.
"""

from holdfast.observe.board.board import Board

__all__ = ["Board"]
