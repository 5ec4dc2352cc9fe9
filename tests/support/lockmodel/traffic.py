"""Many clients at once, each sending one random order after the other."""

import http.client
import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import Message
from random import Random
from typing import Any
from urllib.parse import urlencode

from lockmodel.world import Order, random_order

TIMEOUT = 60.0
AUTHORIZATION = {"Authorization": "Bearer sk_test_model"}
LOST = (OSError, http.client.HTTPException, json.JSONDecodeError)


@dataclass(frozen=True)
class Answered:
    """An order and the definite answer to it."""

    order: Order
    key: str
    status: int
    request_id: str | None
    code: str | None
    body: dict[str, Any]


class Line:
    """A connection that is opened again when it was lost."""

    def __init__(self, port: Callable[[], int]) -> None:
        self._port = port
        self._connection: http.client.HTTPConnection | None = None

    def send(self, order: Order, key: str) -> tuple[int, Message, Any]:
        """Send an order once. Returns status, headers and body; raises one of `LOST`."""
        try:
            response = self._begin(order, key).getresponse()
            return response.status, response.headers, json.loads(response.read())
        except LOST:
            self.close()
            raise

    def abandon(self, order: Order, key: str) -> None:
        """Send an order, and go before there is an answer."""
        with suppress(*LOST):
            self._begin(order, key)
        self.close()

    def _begin(self, order: Order, key: str) -> http.client.HTTPConnection:
        connection = self._connection
        if connection is None:
            connection = http.client.HTTPConnection("127.0.0.1", self._port(), timeout=TIMEOUT)
            self._connection = connection
        headers = dict(AUTHORIZATION)
        body = None
        if order.method == "POST":
            headers["Idempotency-Key"] = key
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode(order.params)
        connection.request(order.method, order.path, body, headers)
        return connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@dataclass
class Crowd:
    """The clients.

    Args:
        port: where the server is; called again after a connection was lost, and may wait until
            there is one again.
        customers: whose ids they use.
        intents: the same.
        clients: how many.
        orders: how many each sends.
        seed: of their choices.
        impatience: the share of orders whose first sending is given up before its answer.

    Attributes:
        answered: every order with its answer.
        broken: what went wrong in a client.
    """

    port: Callable[[], int]
    customers: list[str]
    intents: list[str]
    clients: int
    orders: int
    seed: int
    impatience: float = 0.0
    answered: list[Answered] = field(default_factory=list)
    broken: list[BaseException] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> "Crowd":
        """Let all of them begin."""
        for number in range(self.clients):
            thread = threading.Thread(target=self._work, args=(number,), daemon=True)
            self._threads.append(thread)
            thread.start()
        return self

    def join(self) -> list[Answered]:
        """Wait for all of them, and return the answers."""
        for thread in self._threads:
            thread.join()
        assert not self.broken, self.broken[0]
        assert len(self.answered) == self.clients * self.orders
        return self.answered

    def _work(self, number: int) -> None:
        random = Random(f"{self.seed}/{number}")
        line = Line(self.port)
        try:
            for place in range(self.orders):
                text = f"{number}-{place}"
                order = random_order(random, self.customers, self.intents, text)
                key = f"key-{self.seed}-{text}"
                if order.method == "POST" and random.random() < self.impatience:
                    line.abandon(order, key)
                self.answered.append(self._settle(line, order, key))
        except BaseException as error:
            self.broken.append(error)
            raise
        finally:
            line.close()

    def _settle(self, line: Line, order: Order, key: str) -> Answered:
        """Send an order, with its key, until there is an answer to it."""
        while True:
            try:
                status, headers, body = line.send(order, key)
            except LOST:
                continue
            code = body["error"].get("code") if status >= 400 else None
            if status == 409:  # its first sending has not ended
                time.sleep(0.002)
            else:
                request_id = headers.get("Original-Request") or headers.get("Request-Id")
                return Answered(order, key, status, request_id, code, body)
