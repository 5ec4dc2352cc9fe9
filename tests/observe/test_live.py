"""`holdfast.observe.serve()`: a page of this process, wherever that has its own work to do."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any
from urllib.request import urlopen

import pytest

import holdfast
from holdfast.observe import serve
from holdfast.sandbox import Sandbox


def snapshot(url: str) -> Any:
    with urlopen(f"{url}snapshot.json", timeout=30) as answer:  # noqa: S310 -- a page of ours
        return json.load(answer)


def test_it_shows_the_calls_of_this_process_from_then_on() -> None:
    with Sandbox() as box:
        client = holdfast.stripe_client("sk_test_x", base_addresses={"api": box.url})
        client.v1.customers.create({"name": "before"})
        with serve() as page:
            client.v1.customers.create({"name": "after"})
            shown = snapshot(page.url)
            assert shown["totals"]["calls"] == 1
            assert shown["source"]["pid"] == os.getpid()
            assert shown["source"]["live"]
        assert not page.running


def test_it_serves_beside_an_asyncio_application() -> None:
    async def main() -> Any:
        with Sandbox() as box, serve() as page:
            client = holdfast.stripe_client("sk_test_x", base_addresses={"api": box.url})
            await asyncio.gather(*(client.v1.customers.create_async({}) for _ in range(5)))
            return await asyncio.to_thread(snapshot, page.url)

    assert asyncio.run(main())["totals"]["calls"] == 5


def test_a_refused_place_leaves_nobody_listening() -> None:
    with pytest.raises(ValueError, match="give a token"):
        serve(host="::")
    with serve() as page:
        port = int(page.url.rstrip("/").rpartition(":")[2])
        with pytest.raises(OSError, match="cannot listen on"):
            serve(port=port)
        assert snapshot(page.url)["totals"]["dropped"] == 0


@pytest.mark.parametrize("package", ["starlette", "uvicorn"])
@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("import holdfast.observe as o; o.serve()", "holdfast.observe.serve needs the package"),
        (
            "from holdfast.cli import main; sys.exit(main(['watch']))",
            "holdfast watch: the live page needs the package",
        ),
    ],
)
def test_a_missing_extra_is_one_clear_sentence(
    package: str, program: str, said: str, run_python: Callable[..., Any]
) -> None:
    done = run_python(f"import sys; sys.modules[{package!r}] = None; {program}")
    last = done.stderr.strip().splitlines()[-1]
    assert said in last
    assert last.endswith("pip install 'holdfast[watch]'")


@pytest.fixture
def run_python() -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Run a program in a process of its own."""

    def run(program: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run
