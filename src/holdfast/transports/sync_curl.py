"""One attempt on a thread, through libcurl.

The thread waits in Python's own `poll`, not inside libcurl: so Ctrl-C and other signals end the
wait at once, and what takes the place of `poll` (gevent) keeps working.
"""

import os
import select

import pycurl

from holdfast.engine import Failure, Outcome, Phase
from holdfast.transports.curl import Handle
from holdfast.transports.exchange import Exchange, Network

# Milliseconds after which a line looks at all of its sockets, whatever it was told.
_LOOK_EVERY = 1000

_EVENTS = {
    pycurl.POLL_IN: select.POLLIN,
    pycurl.POLL_OUT: select.POLLOUT,
    pycurl.POLL_INOUT: select.POLLIN | select.POLLOUT,
}


class CurlTransport:
    """Sends attempts through kept-alive connections that all threads share.

    Args:
        network: how it gets to a server.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._idle: list[_Line] = []
        self._process = os.getpid()

    def send(self, exchange: Exchange, timeout: float) -> Outcome:
        """Send one attempt.

        Args:
            exchange: the request; the body of the answer is read whole.
            timeout: seconds for all of it, from connecting to the last byte of the answer.

        Returns:
            The answer with `(body, status, headers)` as its value, or the failure.
        """
        if self._process != os.getpid():
            self._forget()
        home = self._idle
        line = _take(home) or _Line(self._network)
        try:
            outcome = line.send(exchange, timeout)
        except BaseException:
            line.close()  # half used, so of no use to another attempt
            raise
        if isinstance(outcome, Failure) or len(home) >= self._network.connections:
            line.close()
        else:
            home.append(line)
            if home is not self._idle:
                _close_all(home)  # the transport was closed in the meantime
        return outcome

    def close(self) -> None:
        """Close the idle connections. A later attempt opens new ones."""
        home, self._idle = self._idle, []
        _close_all(home)

    def _forget(self) -> None:
        # In a forked child the connections are the parent's; to close them would tell the server
        # that the parent hung up.
        _the_parents.append(self._idle)
        self._idle = []
        self._process = os.getpid()


_the_parents: list[object] = []


def _take(lines: "list[_Line]") -> "_Line | None":
    """The line used last, for it is the most likely to be still alive."""
    while lines:
        try:
            line = lines.pop()
        except IndexError:  # another thread took the last one
            return None
        if line.is_alive():
            return line
        line.close()
    return None


def _close_all(lines: "list[_Line]") -> None:
    while lines:
        try:
            lines.pop().close()
        except IndexError:
            return


class _Line:
    """A handle with its connection, and what this thread waits on."""

    __slots__ = ("_handle", "_multi", "_poll", "_wait", "is_alive")

    def __init__(self, network: Network) -> None:
        self._handle = Handle(network)
        self.is_alive = self._handle.is_alive
        self._poll = select.poll()
        self._wait = _LOOK_EVERY
        self._multi = multi = pycurl.CurlMulti()
        multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)

    def send(self, exchange: Exchange, timeout: float) -> Outcome:
        handle = self._handle
        try:
            handle.prepare(exchange, timeout)
        except ValueError as error:
            return Failure(Phase.CONNECT, error, retryable=False)
        self._multi.add_handle(handle.curl)
        try:
            self._wait_for_its_end()
            _, _, failed = self._multi.info_read()
        finally:
            self._multi.remove_handle(handle.curl)
        if not failed:
            return handle.outcome(pycurl.E_OK, "")
        _, code, message = failed[0]
        return handle.outcome(code, message)

    def close(self) -> None:
        self._multi.close()
        self._handle.close()

    def _wait_for_its_end(self) -> None:
        act = self._multi.socket_action
        _, running = act(pycurl.SOCKET_TIMEOUT, 0)
        while running:
            ready = self._poll.poll(self._wait)
            if not ready:
                # Not `act` alone: pycurl drops what a signal's handler raises inside a callback,
                # and with it what the callback was to note down.
                _, running = self._multi.perform()
            for socket, events in ready:
                _, running = act(socket, _directions(events))

    def _watch(self, what: int, socket: int, *_: object) -> None:
        if what == pycurl.POLL_REMOVE:
            self._poll.unregister(socket)
        else:
            self._poll.register(socket, _EVENTS.get(what, 0))

    def _set_timer(self, milliseconds: int) -> None:
        self._wait = min(milliseconds, _LOOK_EVERY) if milliseconds >= 0 else _LOOK_EVERY


def _directions(events: int) -> int:
    """What `poll` saw, in libcurl's terms; a socket that hung up is found out by reading it."""
    if events == select.POLLIN:
        return pycurl.CSELECT_IN
    directions = 0
    if events & (select.POLLIN | select.POLLHUP):
        directions |= pycurl.CSELECT_IN
    if events & select.POLLOUT:
        directions |= pycurl.CSELECT_OUT
    if events & (select.POLLERR | select.POLLNVAL):
        directions |= pycurl.CSELECT_ERR
    return directions
