"""What is installed: the wheel has all its files, and each extra is enough for what it is for."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from endings import lines, write

ROOT = Path(__file__).parents[2]

# No other package can be imported than those of the standard library and those that are named.
ALONE = """
import importlib.abc, sys
allowed = {allowed!r} | set(sys.stdlib_module_names) | {{"holdfast"}}
class Nothing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in allowed:
            raise ModuleNotFoundError(f"No module named {{top!r}}", name=top)
sys.meta_path.insert(0, Nothing())
sys.path.insert(0, {wheel!r})
import holdfast
assert holdfast.__file__.startswith({wheel!r}), holdfast.__file__
"""
COMMAND = "from holdfast.cli import main\nsys.exit(main())"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the installed wheel is."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (file,) = folder.glob("*.whl")
    with zipfile.ZipFile(file) as archive:
        archive.extractall(folder / "installed")
    return folder / "installed"


def run(
    wheel: Path, code: str, *words: str, allowed: frozenset[str] = frozenset(), cwd: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """Run code in a process that has the wheel, and nothing else but what is allowed."""
    alone = ALONE.format(allowed=set(allowed), wheel=str(wheel))
    return subprocess.run(
        [sys.executable, "-P", "-c", alone + code, *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_every_file_of_the_source_is_in_it(wheel: Path) -> None:
    source = ROOT / "src"
    made = {"__pycache__", ".mypy_cache", ".ruff_cache"}
    there = {
        path.relative_to(source)
        for path in source.rglob("*")
        if path.is_file() and not made & set(path.parts)
    }
    assert {path for path in there if not (wheel / path).is_file()} == set()
    # What the tests of its content read is the same file.
    for name in ("shipped/alerts.yml", "shipped/grafana.json", "page/static/index.html"):
        file = Path("holdfast/observe", name)
        assert (wheel / file).read_bytes() == (source / file).read_bytes()


def test_without_any_extra_a_run_can_be_reported_and_code_be_examined(
    wheel: Path, tmp_path: Path
) -> None:
    write(tmp_path / "results.jsonl", lines(50))
    (tmp_path / "app.py").write_text("import stripe\nstripe.Customer.create(email='x')\n")
    files = ["--out", "report.html", "--csv", "report.csv", "--json", "report.json"]
    told = run(wheel, COMMAND, "report", "results.jsonl", *files, cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert "Where time went" in told.stdout
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")
    assert json.loads((tmp_path / "report.json").read_text())
    examined = run(wheel, COMMAND, "doctor", "app.py", cwd=tmp_path)
    assert examined.stderr == ""
    assert "1 file read" in examined.stdout
    copied = run(wheel, COPY, "alerts", cwd=tmp_path)
    assert copied.returncode == 0, copied.stderr
    assert len(list((tmp_path / "alerts").iterdir())) == 2


# What pip installs for an extra, with what these packages need themselves.
BRINGS = {
    "watch": {"starlette", "uvicorn", "anyio", "click", "h11", "idna", "typing_extensions"},
    "prometheus": {"prometheus_client"},
    "opentelemetry": {"opentelemetry", "importlib_metadata", "typing_extensions", "zipp"},
    "structlog": {"structlog"},
    "sentry": {"sentry_sdk", "certifi", "urllib3"},
}

COPY = "import runpy\nrunpy.run_module('holdfast.observe.shipped', run_name='__main__')"

USES = {
    "watch": "holdfast.observe.serve().close()",
    "prometheus": "holdfast.observe.to_prometheus().close()",
    "opentelemetry": "holdfast.observe.to_opentelemetry().close()",
    "structlog": "holdfast.observe.to_structlog().close()",
    "sentry": "holdfast.observe.to_sentry().close()",
}


@pytest.mark.parametrize("extra", USES)
def test_each_extra_is_enough(wheel: Path, extra: str) -> None:
    done = run(wheel, f"import holdfast.observe\n{USES[extra]}", allowed=frozenset(BRINGS[extra]))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("extra", USES)
def test_without_it_one_sentence_says_what_to_install(wheel: Path, extra: str) -> None:
    done = run(wheel, f"import holdfast.observe\n{USES[extra]}")
    assert done.returncode == 1
    assert f"pip install 'holdfast[{extra}]'" in done.stderr.splitlines()[-1]


def test_without_it_the_live_page_s_command_says_so(wheel: Path, tmp_path: Path) -> None:
    done = run(wheel, COMMAND, "watch", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == (
        "holdfast watch: the live page needs the package 'starlette': "
        "pip install 'holdfast[watch]'\n"
    )
