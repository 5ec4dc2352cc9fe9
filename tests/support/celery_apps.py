"""A Celery application in this process, which leaves logging as it was."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from celery import Celery


@contextmanager
def celery_app(name: str) -> Iterator[Celery]:
    """An application whose queue is in memory."""
    app = Celery(name, broker="memory://", backend="cache+memory://")
    app.conf.worker_hijack_root_logger = False
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    try:
        yield app
    finally:
        # A worker sets the level for the whole process all the same.
        root.setLevel(level)
        root.handlers[:] = handlers
