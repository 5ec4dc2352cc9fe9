"""The public face: its names, and what importing it costs."""

import subprocess
import sys

import pytest

import holdfast


def _python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.strip()


def test_the_public_names() -> None:
    for name in holdfast.__all__:
        assert getattr(holdfast, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'strpe_client'"):
        holdfast.strpe_client  # noqa: B018


def test_the_core_needs_only_the_standard_library() -> None:
    # -S: no site-packages at all; only the folder that holds the package.
    code = """
import sys
sys.path.insert(0, sys.argv[1] if len(sys.argv) > 1 else {where!r})
import holdfast, holdfast.lanes, holdfast.engine, holdfast.policy
assert holdfast.Policy().max_retries == 3
try:
    holdfast.stripe_client
except ModuleNotFoundError as error:
    print(error)
"""
    from pathlib import Path

    where = str(Path(holdfast.__file__).parent.parent)
    only = """
import importlib.abc, sys
class OnlyOurs(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names and top != "holdfast":
            raise ModuleNotFoundError(f"No module named {top!r}", name=top)
sys.meta_path.insert(0, OnlyOurs())
"""
    said = _python(only + code.format(where=where))
    assert (
        said == "holdfast.stripe_client needs the package 'stripe': pip install 'holdfast[stripe]'"
    )


def test_importing_the_core_loads_nothing_heavy() -> None:
    code = "import sys, holdfast; print(sorted({m.partition('.')[0] for m in sys.modules}))"
    loaded = _python(code)
    for heavy in ("stripe", "urllib3", "httpx2", "requests", "rich", "sqlite3", "asyncio"):
        assert f"'{heavy}'" not in loaded


def test_python_m_holdfast_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "holdfast", "--version"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == f"holdfast {holdfast.__version__}\n"
