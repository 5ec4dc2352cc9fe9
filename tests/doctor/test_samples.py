"""Realistic projects: a Django shop, a billing service, an API, a script; ill and mended."""

from pathlib import Path

import pytest
from madeup import SECRET, with_keys

from holdfast.doctor import survey

SAMPLES = Path(__file__).parent / "samples"

# What each project is ill of: file, line, severity, check.
ILL = {
    "shop": {
        ("gunicorn.conf.py", 3, "warning", "time-limit-under-request"),
        ("settings.py", 6, "error", "key-in-code"),
        ("views.py", 24, "warning", "transaction-around-request"),
        ("views.py", 30, "warning", "key-constant"),
        ("views.py", 33, "error", "lock-timeout-code"),
    },
    "billing": {
        ("celery.py", 4, "warning", "time-limit-under-request"),
        ("clients.py", 11, "warning", "fixed-wait"),
        ("clients.py", 17, "error", "key-per-repetition"),
        ("clients.py", 17, "error", "retries-multiply"),
        ("clients.py", 18, "error", "key-per-repetition"),
        ("tasks.py", 7, "warning", "time-limit-under-request"),
        ("tasks.py", 15, "warning", "retries-multiply"),
        ("tasks.py", 15, "advice", "key-per-repetition"),
    },
    "api": {
        ("main.py", 14, "warning", "client-without-retries"),
        ("main.py", 19, "error", "retries-without-end"),
        ("main.py", 19, "warning", "blind-429-retry"),
        ("main.py", 23, "warning", "fixed-wait"),
        ("main.py", 29, "error", "key-made-anew"),
        ("main.py", 36, "warning", "fixed-wait"),
        ("main.py", 42, "warning", "block-without-effect"),
        ("main.py", 42, "advice", "deadline-under-attempt"),
        ("main.py", 45, "warning", "post-without-key"),
    },
    "scripts": {
        ("migrate.py", 11, "warning", "key-in-code"),
        ("migrate.py", 12, "error", "tls-unverified"),
        ("migrate.py", 14, "warning", "deadline-under-attempt"),
        ("migrate.py", 14, "warning", "rate-above-published"),
        ("migrate.py", 14, "warning", "retries-overridden"),
        ("migrate.py", 23, "error", "key-per-repetition"),
        ("migrate.py", 23, "warning", "retries-multiply"),
    },
}


def unpacked(state: str, project: str, folder: Path) -> Path:
    """A sample's files without their `.txt`, in a folder of the project's name."""
    for source in (SAMPLES / state / project).glob("*.txt"):
        target = folder / project / source.stem
        target.parent.mkdir(exist_ok=True)
        target.write_text(with_keys(source.read_text()))
    return folder / project


@pytest.mark.parametrize("project", ILL)
def test_everything_that_ails_a_project_is_found_and_nothing_else(
    project: str, tmp_path: Path
) -> None:
    found = survey([unpacked("bad", project, tmp_path)]).findings
    assert {
        (Path(one.place.file).name, one.place.line, str(one.severity), one.check)
        for one in found
        if one.place
    } == ILL[project]
    assert len(found) == len(ILL[project])


@pytest.mark.parametrize("project", ILL)
def test_the_mended_project_has_nothing(project: str, tmp_path: Path) -> None:
    done = survey([unpacked("mended", project, tmp_path)])
    assert done.concerned > 0
    assert done.findings == []


def test_every_finding_says_why_and_how_to_mend_it(tmp_path: Path) -> None:
    for project in ILL:
        for found in survey([unpacked("bad", project, tmp_path)]).findings:
            assert found.message.endswith(".")
            assert len(found.why) > 20
            assert len(found.mend) > 20


def test_the_products_are_shown_with_their_factors(tmp_path: Path) -> None:
    found = survey([unpacked("bad", "billing", tmp_path)]).findings
    products = [one.message for one in found if one.check == "retries-multiply"]
    assert any("3 x 4 x 11 = 132 attempts at worst" in message for message in products)
    assert any("3 x 6 = 18 attempts at worst" in message for message in products)


def test_no_finding_shows_a_key(tmp_path: Path) -> None:
    for project in ILL:
        for found in survey([unpacked("bad", project, tmp_path)]).findings:
            assert SECRET not in str(found.as_dict())
