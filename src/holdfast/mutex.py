"""Whether this very thread holds a mutex.

The garbage collection may end a forgotten call at any allocation, so also in the midst of what is
done under a mutex: then the call gives up its lanes and tokens on the thread that holds it. It must
not wait for it, and must not change what is half changed; it leaves a note for afterwards.
"""

from collections.abc import Callable
from threading import RLock
from typing import Any


def owned(mutex: RLock) -> Callable[[], bool]:
    """What tells whether this thread holds the mutex, at the least cost."""
    lock: Any = mutex  # `threading.Condition` asks the same way; the types do not know of it
    is_owned: Callable[[], bool] = lock._is_owned
    return is_owned
