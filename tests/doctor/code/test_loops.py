"""Loops that try again, and loops that go on to the next."""

from collections.abc import Callable

import pytest

from holdfast.doctor import Finding

Diagnose = Callable[..., list[Finding]]

HEAD = """
import itertools, random, time
import stripe
TRIES = 4
client = stripe.StripeClient("x", max_network_retries=0)
def charge(rows, order):
"""
CALL = 'client.v1.refunds.create({"charge": order}, {"idempotency_key": order})'

# The loop, and how it multiplies with a Celery task around it that runs 3 times.
AGAIN = {
    "range": (
        f"""
    for attempt in range(5):
        try:
            return {CALL}
        except stripe.StripeError:
            time.sleep(2**attempt)
""",
        "5 x 3 = 15",
    ),
    "constant": (
        f"""
    for attempt in range(1, TRIES + 1):
        try:
            made = {CALL}
        except Exception:
            if attempt == TRIES:
                raise
            time.sleep(random.random() * attempt)
        else:
            return made
""",
        "4 x 3 = 12",
    ),
    "waits": (
        f"""
    for wait in (0.5, 1, 2):
        try:
            made = {CALL}
            break
        except stripe.APIConnectionError:
            time.sleep(wait)
""",
        "3 x 3 = 9",
    ),
    "while below": (
        f"""
    tries = 0
    while tries < 6:
        try:
            return {CALL}
        except stripe.StripeError:
            tries += 1
            time.sleep(tries)
""",
        "6 x 3 = 18",
    ),
    "while true with a bound": (
        f"""
    tries = 0
    while True:
        try:
            return {CALL}
        except stripe.StripeError:
            tries += 1
            if tries >= 7:
                raise
            time.sleep(tries)
""",
        "7 x 3 = 21",
    ),
    "flag": (
        f"""
    done, tries = False, 0
    while not done and tries < 5:
        try:
            {CALL}
            done = True
        except stripe.StripeError:
            tries += 1
""",
        "5 x 3 = 15",
    ),
    "unseen": (
        f"""
    for attempt in range(settings.TRIES):
        try:
            return {CALL}
        except stripe.StripeError:
            time.sleep(2**attempt)
""",
        "n x 3 attempts",
    ),
}

ONCE = {
    "over things": f"""
    for order in rows:
        try:
            {CALL}
        except stripe.StripeError:
            print(order)
""",
    "over numbers": f"""
    for order in range(100):
        try:
            {CALL}
        except stripe.StripeError:
            print(order)
""",
    "gives up": f"""
    for attempt in range(5):
        try:
            return {CALL}
        except stripe.StripeError:
            raise
""",
    "other errors": f"""
    for attempt in range(5):
        try:
            return {CALL}
        except KeyError:
            continue
""",
    "polls": f"""
    while True:
        try:
            made = {CALL}
            if made.status == "succeeded":
                return made
        except stripe.APIConnectionError:
            print("again")
        time.sleep(1)
""",
    "first that fits": f"""
    for order in rows:
        try:
            return {CALL}
        except stripe.InvalidRequestError:
            continue
""",
}
TASK = """
from celery import shared_task
import shop
@shared_task(autoretry_for=(Exception,), max_retries=2)
def job(order):
    shop.charge([], order)
"""


def products(findings: list[Finding]) -> list[str]:
    return [one.message for one in findings if one.check == "retries-multiply"]


@pytest.mark.parametrize("form", AGAIN)
def test_a_loop_that_tries_again_is_a_layer(form: str, diagnose: Diagnose) -> None:
    code, product = AGAIN[form]
    [message] = products(diagnose({"shop.py": HEAD + code, "tasks.py": TASK}))
    assert f" {product}" in message


@pytest.mark.parametrize("form", ONCE)
def test_a_loop_that_goes_on_is_none(form: str, diagnose: Diagnose) -> None:
    assert diagnose({"shop.py": HEAD + ONCE[form], "tasks.py": TASK}) == []
