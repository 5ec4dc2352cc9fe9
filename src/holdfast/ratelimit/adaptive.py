"""How a limit follows the server's refusals: CUBIC for a rate, AIMD for a concurrency.

CUBIC is that of RFC 9438 with the constants that botocore's adaptive mode uses for request rates
(beta 0.7, scale 0.4): after a refusal the rate falls to 0.7 of what it was, is back there after
`cbrt(0.3 * rate / 0.4)` seconds, stays near it for a while and then probes beyond.
"""

import math
from collections.abc import Callable

_BETA = 0.7
_SCALE = 0.4
# Growth is looked at so often at most: finer steps change nothing that anybody could notice.
_STEP = 0.1
# A learned limit that has bound nobody for so long is forgotten, so that nobody goes on being slow
# for a reason that is gone.
_FORGOTTEN_AFTER = 60.0
_SLOWEST = 1 / 60


class CubicRate:
    """The rate of one scope, in requests a second.

    Args:
        told: the rate that is known: it is never exceeded. None for no bound until a refusal.
    """

    __slots__ = ("_bound_at", "_grown_at", "_pause", "_peak", "_told", "cut_at", "value")

    def __init__(self, told: float | None) -> None:
        self._told = math.inf if told is None else told
        self.value = self._told
        self.cut_at = -math.inf
        self._bound_at = -math.inf
        self._peak = self._told
        self._pause = 0.0
        self._grown_at = -math.inf

    @property
    def is_cut(self) -> bool:
        """Whether it is below what was told."""
        return self.value < self._told

    @property
    def outlook(self) -> float:
        """The rate that can be reckoned with: soon after a cut, that before it."""
        return max(self.value, self._peak)

    def cut(self, measured: float, now: float) -> None:
        """Take note of a refusal.

        Args:
            measured: the rate at which requests were really sent.
            now: the clock, in seconds.
        """
        self._peak = min(measured, self.value)
        self.value = max(self._peak * _BETA, _SLOWEST)
        self._pause = ((1 - _BETA) * self._peak / _SCALE) ** (1 / 3)
        self.cut_at = self._grown_at = self._bound_at = now

    def bind(self, now: float) -> None:
        """Take note that somebody had to wait for it."""
        self._bound_at = now

    def grow(self, measured: Callable[[], float], now: float) -> bool:
        """Recover as time passes: never beyond what was told, nor twice the rate really sent.

        Args:
            measured: gives the rate at which requests were really sent.
            now: the clock, in seconds.

        Returns:
            Whether it has changed.
        """
        if not self.is_cut or now - self._grown_at < _STEP:
            return False
        self._grown_at = now
        if self._told == math.inf and now - self._bound_at > _FORGOTTEN_AFTER:
            self.value = self._peak = self._told
            return True
        before = self.value
        aim = _SCALE * (now - self.cut_at - self._pause) ** 3 + self._peak
        if aim > self.value:
            # Who sends little shows nothing about what the server would take.
            self.value = min(aim, self._told, max(self.value, 2 * measured()))
        return self.value > before


class AimdConcurrency:
    """How many requests of one scope may be under way at once.

    Args:
        told: the number that is known: it is never exceeded. None for no bound until a refusal.
    """

    __slots__ = ("_told", "cut_at", "value")

    def __init__(self, told: int | None) -> None:
        self._told = math.inf if told is None else told
        self.value = self._told
        self.cut_at = -math.inf

    @property
    def is_cut(self) -> bool:
        """Whether it is below what was told."""
        return self.value < self._told

    def cut(self, under_way: int, now: float) -> None:
        """Take note of a refusal, with so many under way."""
        self.value = max(1.0, min(under_way, self.value) * _BETA)
        self.cut_at = now

    def ended(self, under_way: int, now: float) -> None:
        """Take note, after a cut, that one has ended: each round of them all adds one."""
        if now - self.cut_at > _FORGOTTEN_AFTER and under_way < self.value / 2:
            self.value = self._told
        elif under_way + 1 >= int(self.value):
            self.value = min(self.value + 1 / self.value, self._told)
