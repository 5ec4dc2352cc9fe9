"""Wrappers and job queues: how often each repeats, as its own package has it."""

import inspect
from collections.abc import Callable

import celery
import pytest
import tenacity

from holdfast.doctor import Finding
from holdfast.doctor.code import layers

Diagnose = Callable[..., list[Finding]]

HEAD = """
import datetime
import backoff, retrying, stamina, stripe, tenacity, holdfast
import arq, dramatiq, huey, rq, rq.decorators
from celery import Celery, shared_task
from tenacity import retry, stop_after_attempt, stop_after_delay, wait_random_exponential

client = stripe.StripeClient("x", max_network_retries=1)
app = Celery()
mine = huey.RedisHuey()
queue = rq.Queue()
"""
BODY = """
def send(self, order):
    return client.v1.customers.retrieve(order)
"""

DECORATED = {
    "@retry(stop=stop_after_attempt(4))": "2 x 4 = 8",
    "@tenacity.retry(stop=stop_after_attempt(3) | stop_after_delay(60))": "2 x 3 = 6",
    "@tenacity.retry(stop=tenacity.stop_any(stop_after_attempt(5), stop_after_delay(9)))": "2 x 5",
    "@tenacity.retry(stop=stop_after_delay(60))": "2 x n attempts",
    "@backoff.on_exception(backoff.expo, stripe.StripeError, max_tries=6)": "2 x 6 = 12",
    "@backoff.on_exception(backoff.expo, Exception, max_time=60)": "2 x n attempts",
    "@stamina.retry(on=stripe.StripeError)": "2 x 10 = 20",
    "@stamina.retry(on=Exception, attempts=3)": "2 x 3 = 6",
    "@retrying.retry(stop_max_attempt_number=3)": "2 x 3 = 6",
    "@holdfast.retrying(on=stripe.StripeError)": "2 x 3 = 6",
    "@holdfast.retrying('lock_timeout', attempts=5)": "2 x 5 = 10",
    "@shared_task(autoretry_for=(Exception,))": "2 x 4 = 8",
    "@shared_task(autoretry_for=(stripe.StripeError,), max_retries=10)": "2 x 11 = 22",
    "@app.task(autoretry_for=(Exception,), retry_kwargs={'max_retries': 5})": "2 x 6 = 12",
    "@dramatiq.actor": "2 x 21 = 42",
    "@dramatiq.actor(max_retries=3)": "2 x 4 = 8",
    "@mine.task(retries=3, retry_delay=5)": "2 x 4 = 8",
    "@rq.decorators.job('low', retry=rq.Retry(max=3))": "2 x 4 = 8",
    "@shared_task(autoretry_for=(Exception,))\n@retry(stop=stop_after_attempt(3))": "2 x 3 x 4",
}
ENDLESS = (
    "@retry",
    "@tenacity.retry(wait=wait_random_exponential())",
    "@backoff.on_exception(backoff.expo, Exception)",
    "@retrying.retry",
    "@stamina.retry(on=Exception, attempts=None, timeout=None)",
    "@shared_task(autoretry_for=(Exception,), max_retries=None)",
)
ONCE = (
    "@shared_task",
    "@app.task(bind=True)",
    "@mine.task()",
    "@rq.decorators.job('low')",
    "@dramatiq.actor(max_retries=0)",
    "@retry(stop=stop_after_attempt(4), retry=tenacity.retry_if_exception_type(KeyError))",
    "@retry(stop=stop_after_attempt(4), retry=tenacity.retry_if_result(bool))",
    "@backoff.on_predicate(backoff.expo, max_tries=6)",
    "@shared_task(autoretry_for=(ValueError,), max_retries=10)",
)


def of_check(name: str, findings: list[Finding]) -> list[str]:
    return [one.message for one in findings if one.check == name]


@pytest.mark.parametrize("decorator", DECORATED)
def test_a_wrapper_multiplies_with_the_sdk(decorator: str, diagnose: Diagnose) -> None:
    [message] = of_check("retries-multiply", diagnose(f"{HEAD}\n{decorator}{BODY}"))
    assert f" {DECORATED[decorator]}" in message


@pytest.mark.parametrize("decorator", ENDLESS)
def test_a_wrapper_without_an_end_is_told(decorator: str, diagnose: Diagnose) -> None:
    [message] = of_check("retries-without-end", diagnose(f"{HEAD}\n{decorator}{BODY}"))
    assert "without end" in message


@pytest.mark.parametrize("decorator", ONCE)
def test_what_does_not_repeat_stripe_is_no_layer(decorator: str, diagnose: Diagnose) -> None:
    assert diagnose(f"{HEAD}\n{decorator}{BODY}") == []


CALLED = {
    "retry in the task": """
        @app.task(bind=True, max_retries=5)
        def send(self, order):
            try:
                client.v1.customers.retrieve(order)
            except stripe.StripeError as error:
                raise self.retry(exc=error)
        """,
    "a class of tasks": """
        class Send(app.Task):
            autoretry_for = (Exception,)
            max_retries = 5
            def run(self, order):
                client.v1.customers.retrieve(order)
        """,
    "enqueued with a Retry": """
        def send(order):
            client.v1.customers.retrieve(order)
        def later(order):
            queue.enqueue(send, order, retry=rq.Retry(max=5))
        """,
    "a Retrying called": """
        def send(order):
            client.v1.customers.retrieve(order)
        def now(order):
            tenacity.Retrying(stop=stop_after_attempt(6))(send, order)
        """,
    "a Retrying looped over": """
        def send(order):
            for attempt in tenacity.Retrying(stop=stop_after_attempt(6)):
                with attempt:
                    client.v1.customers.retrieve(order)
        """,
    "a helper": """
        def robust(function, *arguments):
            for attempt in range(6):
                try:
                    return function(*arguments)
                except stripe.StripeError:
                    pass
        def send(order):
            robust(client.v1.customers.retrieve, order)
        """,
    "a helper with a lambda": """
        def robust(function):
            for attempt in range(6):
                try:
                    return function()
                except stripe.StripeError:
                    pass
        def send(order):
            robust(lambda: client.v1.customers.retrieve(order))
        """,
    "a decorator of one's own": """
        def robust(tries):
            def decorate(function):
                def wrapper(*arguments):
                    for attempt in range(6):
                        try:
                            return function(*arguments)
                        except stripe.StripeError:
                            pass
                return wrapper
            return decorate
        @robust(6)
        def send(order):
            client.v1.customers.retrieve(order)
        """,
    "a method": """
        class Billing:
            def __init__(self):
                self.stripe = client
            def _get(self, order):
                return self.stripe.v1.customers.retrieve(order)
            @retry(stop=stop_after_attempt(6))
            def get(self, order):
                return self._get(order)
        """,
}


@pytest.mark.parametrize("form", CALLED)
def test_layers_are_found_however_they_are_put_around(form: str, diagnose: Diagnose) -> None:
    code = inspect.cleandoc(CALLED[form])
    [message] = of_check("retries-multiply", diagnose(f"{HEAD}\n{code}"))
    assert " 2 x 6 = 12 attempts" in message


def test_an_arq_job_repeats_where_it_raises_retry(diagnose: Diagnose) -> None:
    code = """
async def send(ctx, order):
    try:
        await client.v1.customers.retrieve_async(order)
    except stripe.StripeError:
        raise arq.Retry(defer=5)
class WorkerSettings:
    functions = [send]
    max_tries = 8
"""
    [message] = of_check("retries-multiply", diagnose(HEAD + code))
    assert " 2 x 8 = 16 attempts" in message


def test_holdfasts_own_layers_share_their_retries(diagnose: Diagnose) -> None:
    code = """
import holdfast
client = holdfast.stripe_client("x")
@holdfast.retrying(on="lock_timeout", attempts=3)
def send(order):
    return client.v1.customers.update(order, {})
"""
    assert diagnose(code) == []


def test_an_allowance_bounds_the_layers(diagnose: Diagnose) -> None:
    code = """
import holdfast, stripe, tenacity
client = holdfast.stripe_client("x")
@tenacity.retry(stop=tenacity.stop_after_attempt(3), wait=tenacity.wait_random_exponential())
def send(order):
    with holdfast.allowance(2):
        return client.v1.customers.retrieve(order)
"""
    assert diagnose(code) == []
    [message] = of_check(
        "retries-multiply", diagnose(code.replace("with holdfast.allowance(2)", "if True"))
    )
    assert " 4 x 3 = 12 attempts" in message


def test_the_defaults_are_those_of_the_packages() -> None:
    assert celery.Task.max_retries == layers.CELERY_RETRIES
    stop = inspect.signature(tenacity.Retrying).parameters["stop"].default
    assert stop is tenacity.stop_never
    # These two are only there with the group for the benchmarks.
    for package, name, option, default in (
        ("stamina", "retry", "attempts", layers.STAMINA_ATTEMPTS),
        ("stamina", "retry", "timeout", 45.0),
        ("backoff", "on_exception", "max_tries", None),
    ):
        made = getattr(pytest.importorskip(package), name)
        assert inspect.signature(made).parameters[option].default == default
