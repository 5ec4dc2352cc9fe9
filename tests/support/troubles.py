"""A run in which everything happens that metrics have a name for."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import stripe

import holdfast
from holdfast import Backoff, Budget, Policy
from holdfast.sandbox import Sandbox

QUICK = Backoff(0.001, 0.01)
KEY = "sk_test_metrics"
WORKERS, UPDATES = 6, 5


def client(box: Sandbox, policy: Policy | None = None) -> stripe.StripeClient:
    """A client of the sandbox."""
    address: Any = {"api": box.url}
    return holdfast.stripe_client(KEY, policy, base_addresses=address)


def contend(box: Sandbox, customer: str, policy: Policy) -> None:
    """Have several workers update one object, all at once."""
    contender = client(box, policy)

    def work() -> None:
        for _ in range(UPDATES):
            contender.v1.customers.update(customer, {"metadata": {"a": "1"}})

    together([work] * WORKERS)


def together(jobs: list[Callable[[], object]]) -> None:
    """Do jobs at once, each on a thread of its own."""
    threads = [threading.Thread(target=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def have_every_trouble(box: Sandbox) -> None:
    """Contention, lost answers, outages, refusals, and calls that end for each kind of reason."""
    calm = client(box, Policy(backoff=QUICK, locked_backoff=QUICK, max_retries=3))
    customer = calm.v1.customers.create().id
    contend(box, customer, Policy(lanes="off", max_retries=50, locked_backoff=QUICK))
    contend(box, customer, Policy())
    once = client(box, Policy(max_retries=0))
    for fault in ("error_500", "lock_timeout", "conflict_409", "reset_after"):
        box.fault("POST", "/v1/customers", fault)
        with suppress(stripe.StripeError):
            once.v1.customers.create()
    with suppress(stripe.InvalidRequestError):
        calm.v1.customers.retrieve("cus_missing")
    # The answer is lost, and comes again.
    box.fault("POST", "/v1/customers", "reset_after")
    calm.v1.customers.create()
    box.fault("POST", "/v1/customers", "error_500_retry")
    with suppress(stripe.StripeError):
        client(box, Policy(retry_budget=Budget(0.0, 0.0), backoff=QUICK)).v1.customers.create()
    box.fault("POST", "/v1/customers", "hang", seconds=5)
    with suppress(stripe.StripeError):
        client(box, Policy(deadline=0.2)).v1.customers.create()
    crowd_out(box, customer)
    box.fault("POST", "/v1/customers", "rate_limit", count=2)
    calm.v1.customers.create()
    for attempt in holdfast.attempts(KeyError, wait=QUICK, name="import"):
        with attempt:
            if attempt.number == 1:
                raise KeyError


def crowd_out(box: Sandbox, customer: str) -> None:
    """Have more calls than may wait for one object; some are refused, unsent."""
    crowded = client(box, Policy(max_waiting=1))
    box.fault("POST", "/v1/customers/*", "latency", seconds=0.3)

    def update() -> None:
        with suppress(holdfast.LaneFull, stripe.StripeError):
            crowded.v1.customers.update(customer, {"metadata": {"a": "1"}})

    together([update] * 4)
