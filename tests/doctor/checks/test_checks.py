"""Each check: the code that it is for, its mend, and code that only looks like it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from madeup import LIVE, SECRET, with_keys

from holdfast.doctor import Finding
from holdfast.doctor.catalogue import TABLE

Diagnose = Callable[..., list[Finding]]

HEAD = """
import os, random, secrets, time, uuid
import requests, httpx, stripe, tenacity, holdfast
from celery import shared_task
from django.db import transaction
from holdfast.integrations.httpx import HoldfastTransport
from holdfast.integrations.requests import HoldfastAdapter

key = os.environ["STRIPE_API_KEY"]
"""


@dataclass(frozen=True)
class Case:
    """Code of which a line has a finding, and code that has none of this check."""

    check: str
    severity: str
    ill: str
    well: tuple[str, ...]


def _cases() -> list[Case]:
    text = with_keys(Path(__file__).with_name("cases.txt").read_text())
    found: list[Case] = []
    for part in text.split("\n=== ")[1:]:
        title, code = part.split("\n", 1)
        if title == "well":
            found[-1] = replace(found[-1], well=(*found[-1].well, code))
        else:
            check, severity = title.removeprefix("ill: ").rstrip(")").split(" (")
            found.append(Case(check, severity, code, ()))
    return found


CASES = _cases()


def _named(case: Case) -> str:
    return f"{case.check}-{CASES.index(case)}"


@pytest.mark.parametrize("case", CASES, ids=_named)
def test_it_is_found_on_its_line(case: Case, diagnose: Diagnose) -> None:
    found = [one for one in diagnose(HEAD + case.ill) if one.check == case.check]
    line = next(
        number
        for number, text in enumerate((HEAD + case.ill).splitlines(), 1)
        if text.endswith("# here")
    )
    assert [(one.place.line, str(one.severity)) for one in found if one.place] == [
        (line, case.severity)
    ]
    assert found[0].why
    assert found[0].mend


@pytest.mark.parametrize("case", CASES, ids=_named)
def test_the_mended_code_has_it_no_more(case: Case, diagnose: Diagnose) -> None:
    for code in case.well:
        found = [one.message for one in diagnose(HEAD + code) if one.check == case.check]
        assert found == [], code


@pytest.mark.parametrize("case", CASES, ids=_named)
def test_a_comment_silences_it(case: Case, diagnose: Diagnose) -> None:
    code = HEAD + case.ill.replace("# here", f"# holdfast: ignore[{case.check}]")
    assert [one for one in diagnose(code) if one.check == case.check] == []


@pytest.mark.parametrize("case", CASES, ids=_named)
def test_code_without_stripe_gives_nothing(case: Case, diagnose: Diagnose) -> None:
    others = {"stripe": "other", "holdfast": "wholly", "django": "django"}
    code = HEAD + case.ill
    for name, other in others.items():
        code = code.replace(name, other)
    assert diagnose(code) == []


def test_every_check_of_code_has_a_case() -> None:
    elsewhere = {"retries-multiply", "retries-without-end", "live-key-in-tests", "unreadable"}
    checked = {case.check for case in CASES} | elsewhere
    assert checked == {check.name for check in TABLE if "code" in check.looks_at}


def test_a_live_key_in_a_test_is_told_and_a_test_key_is_not(diagnose: Diagnose) -> None:
    test = """
        import stripe
        LIVE = "sk_live_@SECRET@"
        TEST = "sk_test_@SECRET@"
        client = stripe.StripeClient(TEST)
        """
    [found] = diagnose({"tests/test_pay.py": with_keys(test)})
    assert found.check == "live-key-in-tests"
    assert "sk_live_[redacted]" in found.message
    assert SECRET not in str(found.as_dict())


def test_a_settings_module_needs_no_import_of_stripe(diagnose: Diagnose) -> None:
    settings = f'KEY = "{LIVE}"\n'
    assert diagnose({"settings.py": settings}) == []
    [found] = diagnose({"settings.py": settings, "pay.py": "import stripe\n"})
    assert found.check == "key-in-code"
