"""How many calls of a lane may be under way at once, learned from the server's lock timeouts.

One at a time leaves the object idle while the answer travels back and the next request out. A
second call under way fills that gap: the server's own lock has the next request waiting. More than
that only makes requests wait there, where the lock's bound (unknown to us) ends their wait. So a
lane grows by one call after a number of clean ones, is halved by a lock timeout, and after that
grows more slowly than before: additive increase, multiplicative decrease, as TCP does it
(RFC 5681).
"""

from collections import OrderedDict

WIDEST = 4
"""The widest that a lane grows by itself, in calls."""

# The first step costs nothing if it is wrong: it is taken soon. The others wait for proof.
_FIRST_STEP = 4
_STEP = 100
_SLOWEST_STEP = 6400


class _Width:
    __slots__ = ("clean", "step", "width")

    def __init__(self) -> None:
        self.width = 1
        self.clean = 0
        self.step = _FIRST_STEP


class Widths:
    """The learned widths of lanes; those that learned nothing have width 1 and take no room.

    It has no mutex of its own: whoever changes it holds the lanes'.

    Args:
        limit: how many lanes are remembered; the one that learned longest ago goes first.
    """

    __slots__ = ("_known", "_limit")

    def __init__(self, limit: int = 10_000) -> None:
        self._limit = limit
        self._known: OrderedDict[str, _Width] = OrderedDict()

    def __len__(self) -> int:
        """How many lanes are remembered."""
        return len(self._known)

    def of(self, key: str) -> int:
        """The width of a lane, in calls."""
        known = self._known.get(key)
        return 1 if known is None else known.width

    def clean(self, key: str) -> bool:
        """A call of a lane with others waiting ended well. Returns whether the width changed."""
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = _Width()
            if len(self._known) > self._limit:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(key)
        known.clean += 1
        if known.clean >= known.step and known.width < WIDEST:
            known.width += 1
            known.clean = 0
            known.step = max(_STEP, known.step // 2)
            return True
        return False

    def locked(self, key: str) -> bool:
        """A call of a lane met a lock timeout. Several without a clean call between count once.

        Returns:
            Whether the width changed.
        """
        known = self._known.get(key)
        # Alone in its lane, a call was in nobody's way: then the object was busy elsewhere.
        if known is None or known.width == 1:
            return False
        burst = known.clean == 0 and known.step > _STEP
        known.clean = 0
        if not burst:
            known.width //= 2
            known.step = min(max(known.step, _STEP) * 2, _SLOWEST_STEP)
        self._known.move_to_end(key)
        return not burst

    def idle(self, key: str) -> None:
        """Nobody is in a lane any more: it is forgotten unless it learned something."""
        known = self._known.get(key)
        if known is not None and known.step == _FIRST_STEP:
            del self._known[key]
