"""The thread in which a sandbox serves."""

import asyncio
import threading
from copy import deepcopy

from holdfast.sandbox.connection import Connection
from holdfast.sandbox.faults import Scenario
from holdfast.sandbox.listening import Listener
from holdfast.sandbox.server import Server
from holdfast.sandbox.store import Store


class ServingThread(threading.Thread):
    """Serves until the loop is stopped, then leaves nothing open.

    Args:
        loop: the event loop; the thread runs and closes it.
        listener: where clients come in.
        server: what serves them.
        store: closed at the end, if there is one.
        scenario: the faults to play from the start, if any.

    Attributes:
        ready: set once it serves, or has failed to.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        listener: Listener,
        server: Server,
        store: Store | None,
        scenario: Scenario | None,
    ) -> None:
        super().__init__(name="holdfast-sandbox", daemon=True)
        self.ready = threading.Event()
        self._loop = loop
        self._listener = listener
        self._server = server
        self._store = store
        self._scenario = scenario

    def run(self) -> None:
        loop = self._loop
        try:
            loop.call_soon(self._begin)
            delivering = self._server.core.webhooks.start(loop)
            loop.run_forever()
            self._listener.close()
            delivering.cancel()
            loop.run_until_complete(asyncio.wait([delivering]))
            while self._server.connections or self._listener.welcoming:
                self._server.close_connections()
                loop.run_until_complete(asyncio.sleep(0))
        finally:
            self._listener.close()
            loop.close()
            if self._store is not None:
                self._store.close()
            self.ready.set()

    def _begin(self) -> None:
        server = self._server
        try:
            self._listener.open(self._loop, lambda: Connection(server))
            server.start_sweeping()
            server.core.faults.refuse = self._refuse
            if self._scenario is not None:
                server.core.faults.play(deepcopy(self._scenario))
        finally:
            self.ready.set()

    def _refuse(self, seconds: float) -> None:
        self._listener.refuse(seconds)
        self._server.retire_connections()
