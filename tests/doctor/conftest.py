"""Fixtures for the doctor: code bases written on the spot."""

import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from holdfast.doctor import Finding, survey
from holdfast.doctor.finding import in_order

Diagnose = Callable[..., list[Finding]]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Mapping[str, str]], Path]:
    """Write a code base: `write({"billing/tasks.py": code})` gives its folder."""

    def written(files: Mapping[str, str]) -> Path:
        root = tmp_path / "project"
        for name, code in files.items():
            file = root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(textwrap.dedent(code))
        return root

    return written


@pytest.fixture
def diagnose(write: Callable[[Mapping[str, str]], Path]) -> Diagnose:
    """Read code: `diagnose(code)` or `diagnose({"a.py": code})` gives the findings."""

    def findings(code: str | Mapping[str, str]) -> list[Finding]:
        files = {"shop.py": code} if isinstance(code, str) else code
        return in_order(survey([write(files)]).findings)

    return findings
