"""Locks between processes, held on open files; they end with their holder, however that ends."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_POLL = 0.005


def take_lock(descriptor: int, *, shared: bool = False, wait: float = 0.0) -> bool:
    """Lock an open file. The lock goes when the descriptor is closed.

    Args:
        descriptor: the file.
        shared: whether others may have it at the same time, if they share it, too.
        wait: how long to wait for whoever has it, in seconds.

    Returns:
        Whether it is ours.
    """
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    until = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(_POLL)
        else:
            return True


@contextmanager
def folder_locked(folder: Path, *, shared: bool = False, wait: float = 0.0) -> Iterator[bool]:
    """Lock a folder itself, so that no file is needed for the lock.

    Args:
        folder: the folder.
        shared: as in `take_lock`.
        wait: likewise.

    Returns:
        Whether it is ours, as the context's value. False, too, where folders cannot be locked.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        yield False
        return
    try:
        yield _lock_folder(descriptor, shared=shared, wait=wait)
    finally:
        os.close(descriptor)


def _lock_folder(descriptor: int, *, shared: bool, wait: float) -> bool:
    try:
        return take_lock(descriptor, shared=shared, wait=wait)
    except OSError:
        return False  # some network file systems
