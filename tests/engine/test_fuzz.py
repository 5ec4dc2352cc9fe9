"""Malformed answers: whatever a server, or something in front of it, sends, a verdict follows."""

import json
import math
import random
from typing import Any

import pytest

from holdfast import Policy
from holdfast.engine import Call, Request, Response, Send, Sleep
from holdfast.engine.receipt import STOP_REASONS

CODES = ["lock_timeout", "rate_limit", "idempotency_key_in_use", "card_declined", "", "\ud800"]
STATUSES = [0, 99, 100, 199, 200, 204, 301, 399, 400, 402, 409, 424, 429, 499, 500, 503, 599, 999]
NAMES = """
    Stripe-Should-Retry stripe-should-retry Retry-After RETRY-AFTER Date Request-Id
    Idempotent-Replayed Stripe-Rate-Limited-Reason Content-Type
""".split()
VALUES = """
    true false TRUE maybe 0 1 -1 7.5 1e9 inf nan 0x10 +5 \u0667 \u00b2 99999999999999999999
    true,true application/json req_1
""".split()
DATES = [
    "Mon, 23 Nov 2026 10:00:00 GMT",
    "Mon, 23 Nov 2026 10:00:07 -0000",
    "Mon, 23 Nov 2026 10:00:00 +9999",
    "Mon, 32 Nov 2026 10:00:00 GMT",
    "Mon, 23 Nov 0000 10:00:00 GMT",
    "Fri, 31 Dec 9999 23:59:59 -2359",
    "Mon, 23 Nov 99999 25:61:61 GMT",
    "23 Nov",
    ",",
    "(",
    "Mon, 23 Nov 2026 10:00:00 GMT (",
]


class Fuzzer:
    """Makes answers out of all proportion.

    Args:
        seed: the same one makes the same answers.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.pick = self.random.choice

    def answer(self) -> Response:
        status = self.pick(STATUSES) if self.often() else self.random.randrange(-1000, 100_000)
        return Response.read(status, self.headers(), self.body())

    def often(self) -> bool:
        return self.random.random() < 0.8

    def headers(self) -> dict[str, str]:
        return {self.name(): self.value() for _ in range(self.random.randrange(5))}

    def name(self) -> str:
        return self.pick(NAMES) if self.often() else self.text()

    def value(self) -> str:
        value = self.pick(self.pick([VALUES, DATES])) if self.often() else self.text()
        return value if self.often() else f" {value}\t"

    def text(self) -> str:
        length = self.random.randrange(12)
        return "".join(chr(self.random.randrange(0x11_0000)) for _ in range(length))

    def body(self) -> bytes | str | None:
        whole = json.dumps(self.tree())
        match self.random.randrange(8):
            case 0:
                return None
            case 1:
                return self.random.randbytes(self.random.randrange(40))
            case 2:
                return whole[: self.random.randrange(len(whole))]
            case 3:
                return whole.encode(self.pick(["utf-16", "utf-32", "utf-8-sig", "utf-7"]))
            case 4:
                return self.torn(whole.encode())
            case 5:
                return whole
            case _:
                return whole.encode()

    def torn(self, whole: bytes) -> bytes:
        """Some of its bytes are others."""
        torn = bytearray(whole)
        for _ in range(3):
            torn[self.random.randrange(len(torn))] = self.random.randrange(256)
        return bytes(torn)

    def tree(self) -> Any:
        """Mostly of Stripe's form, with something else in the place of any part."""
        if not self.often():
            return self.scrap()
        error = {
            name: self.pick(CODES) if self.often() else self.scrap()
            for name in ("code", "type", "message")
        }
        return {"error": error if self.often() else self.scrap()}

    def scrap(self) -> Any:
        return self.pick(
            [None, True, -1, 1e308, 10**400, math.inf, "", [], {}, [[]], {"code": {}}, self.text()]
        )


def judge(fuzzer: Fuzzer, policies: list[Policy]) -> str:
    """Send a call through malformed answers; gives its stop reason."""
    policy = fuzzer.pick(policies)
    key = fuzzer.pick([None, "key-1"])
    now = 0.0
    call = Call(
        Request(fuzzer.pick(["GET", "POST"]), "/v1/x", key),
        policy,
        clock=lambda: now,
        random=fuzzer.random.random,
    )
    steps = call.steps()
    reply: Response | None = None
    sent: list[Response] = []
    returned: object = None
    while True:
        try:
            command = steps.send(reply)
        except StopIteration as end:
            returned = end.value
            break
        reply = None
        if isinstance(command, Sleep):
            assert 0 <= command.seconds < policy.deadline
            now += command.seconds
            continue
        assert isinstance(command, Send)
        assert command.timeout > 0
        now += 1.0
        reply = fuzzer.answer()
        sent.append(reply)
    receipt = call.receipt
    assert returned is sent[-1]
    assert len(sent) == len(receipt.attempts) <= policy.max_retries + 1
    assert receipt.seconds < policy.deadline + 1.0
    # What was said is told, and can be written down.
    json.dumps(receipt.as_dict())
    assert receipt.sentence()
    assert receipt.stop in STOP_REASONS
    return str(receipt.stop)


def judge_many(calls: int, seed: int) -> None:
    fuzzer = Fuzzer(seed)
    policies = [
        Policy(),
        Policy(retry_after="cap", deadline=20.0),
        Policy(retry_after="ignore", max_retries=1),
    ]
    reasons = {judge(fuzzer, policies) for _ in range(calls)}
    # Everything an answer can lead to was led to: the fuzz reaches past the first check.
    wanted = "ok rejected deadline server_said_no throttled not_idempotent attempts".split()
    assert reasons == set(wanted)


def test_every_malformed_answer_ends_in_a_verdict() -> None:
    judge_many(4000, seed=1)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(4))
def test_a_million_malformed_answers_end_in_verdicts(seed: int) -> None:
    judge_many(250_000, seed=100 + seed)
