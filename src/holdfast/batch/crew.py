"""Threads with an owner: whatever one of them raises stops all and is raised by the owner."""

import threading
import time
from collections.abc import Callable


class Crew:
    """The threads of a run.

    They are daemons: an attempt that hangs must not keep the process alive once the run has
    given up on it.

    Args:
        on_failure: called, on the thread that failed, when one raises.
    """

    def __init__(self, on_failure: Callable[[], object]) -> None:
        self._on_failure = on_failure
        self._threads: list[threading.Thread] = []
        self._failure: BaseException | None = None

    def start(self, name: str, work: Callable[[], object]) -> threading.Thread:
        """Start a thread."""
        thread = threading.Thread(target=self._guard, args=(work,), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    @property
    def failed(self) -> bool:
        """Whether a thread has raised."""
        return self._failure is not None

    def raise_failure(self) -> None:
        """Raise what the first failed thread raised, if any did."""
        if self._failure is not None:
            raise self._failure

    def _guard(self, work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - the owner raises it
            self._failure = self._failure or error
            self._on_failure()


def wait_for(threads: list[threading.Thread], seconds: float) -> bool:
    """Wait until all of them have ended, for at most so many seconds. False if one has not."""
    ends = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, ends - time.monotonic()))
    return not any(thread.is_alive() for thread in threads)
