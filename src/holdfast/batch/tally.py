"""The running figures of a batch: counts and seconds by name, kept in the journal."""

from collections.abc import Iterator, Mapping

RETRIES = "retries"
WAITS = "waits"
HOT = "hot"
DONE = "done"
ATTEMPTS = "attempts"
SECONDS = "seconds"


class Tally:
    """Numbers by name. A name may have a part of its own: `retries:locked`, `waits:lane`.

    One thread adds; any thread reads.
    """

    def __init__(self, start: Mapping[str, float] | None = None) -> None:
        self._values: dict[str, float] = dict(start or {})
        self._changed: set[str] = set()

    def add(self, name: str, amount: float, part: str = "") -> None:
        """Add to a number."""
        full = f"{name}:{part}" if part else name
        self._values[full] = self._values.get(full, 0) + amount
        self._changed.add(full)

    def get(self, name: str, part: str = "") -> float:
        """A number; 0 if nothing was ever added."""
        return self._values.get(f"{name}:{part}" if part else name, 0)

    def count(self, name: str, part: str = "") -> int:
        """A number that counts things."""
        return round(self.get(name, part))

    def parts(self, name: str) -> dict[str, float]:
        """The numbers of one name by their parts, the largest first."""
        prefix = f"{name}:"
        found = {
            full.removeprefix(prefix): value
            for full, value in list(self._values.items())
            if full.startswith(prefix)
        }
        return dict(sorted(found.items(), key=lambda item: -item[1]))

    def take_changes(self) -> Iterator[tuple[str, float]]:
        """What changed since the last time, to be written down."""
        changed, self._changed = self._changed, set()
        for name in changed:
            yield name, self._values[name]
