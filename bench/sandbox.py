"""How many requests a second a sandbox answers, beside other local servers that speak Stripe's API.

`wrk` asks each server in turn, round by round, for one customer (GET) and for new customers
(POST), on eight connections; the median round counts. Every server is one process and keeps its
state in memory; localstripe saves all of it to a file at each write, which cannot be turned off,
and gets slower with each customer, so each round starts from an empty store.

`memory_bytes` is what one customer takes, with its row in the ledger: the growth of a process of
its own over `--objects` of them. The peers and `wrk` are installed when they are missing, the
peers below `build/peers`.
"""

import argparse
import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from os import environ, geteuid
from pathlib import Path
from socket import create_server
from statistics import median

from bench import report, servers
from bench.arguments import count
from holdfast.sandbox.core import DEFAULT_ACCOUNT, Behaviour, Core
from holdfast.sandbox.resources import ROUTES, Request

PEERS = Path("build/peers")
LOCALSTRIPE = "localstripe==1.15.10"
STATEFUL_MOCK = "stripe-stateful-mock@0.0.16"
KEY = "sk_test_sandbox"
FORM = "name=Ada+Lovelace&email=ada%40example.com"
POST = f"""\
wrk.method = "POST"
wrk.body = "{FORM}"
wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
"""


@dataclass(frozen=True, slots=True)
class Server:
    """One row: how to install a server, and how to run it on a port."""

    name: str
    install: Callable[[], None]
    run: Callable[[], AbstractContextManager[str]]


def main(arguments: list[str] | None = None) -> int:
    """Measure every server and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.sandbox", description=__doc__)
    parser.add_argument("--rounds", type=count, default=3, help="rounds; the median one counts")
    parser.add_argument("--seconds", type=count, default=3, help="of each measurement")
    parser.add_argument("--objects", type=count, default=200_000, help="for memory_bytes")
    parser.add_argument("--only", metavar="TEXT", default="", help="servers whose name has TEXT")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows to FILE, too")
    parser.add_argument("--fill", type=count, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.fill:
        print(asyncio.run(fill(given.fill)))
        return 0
    chosen = [server for server in SERVERS if given.only in server.name]
    if not chosen:
        parser.error(f"no server's name has {given.only!r} in it")
    _install_wrk()
    for server in chosen:
        server.install()
    rows = measure(chosen, given.rounds, given.seconds)
    size = memory(given.objects)
    whole = [{**row, "memory_bytes": size if row["server"] == "holdfast" else ""} for row in rows]
    report.show(whole)
    if given.json:
        settings = {"rounds": given.rounds, "seconds": given.seconds, "objects": given.objects}
        peers = {"localstripe": LOCALSTRIPE, "stripe-stateful-mock": STATEFUL_MOCK}
        report.write(given.json, "sandbox", ["holdfast"], {**settings, **peers}, whole)
    return 0


def measure(chosen: list[Server], rounds: int, seconds: int) -> list[report.Row]:
    """Ask all servers round by round; the median of each, in requests a second."""
    gets: dict[str, list[float]] = {server.name: [] for server in chosen}
    posts: dict[str, list[float]] = {server.name: [] for server in chosen}
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "post.lua"
        script.write_text(POST)
        for number in range(rounds):
            for server in chosen:
                with server.run() as url:
                    one = _create(url)
                    gets[server.name].append(_wrk(f"{url}/v1/customers/{one}", seconds))
                    posts[server.name].append(
                        _wrk(f"{url}/v1/customers", seconds, "-s", str(script))
                    )
                print(f"round {number + 1}: {server.name}", file=sys.stderr)
    return [
        {
            "server": server.name,
            "get_per_s": median(gets[server.name]),
            "post_per_s": median(posts[server.name]),
        }
        for server in chosen
    ]


def memory(objects: int) -> float:
    """Bytes that one customer takes in a process that holds so many."""
    command = [sys.executable, "-m", "bench.sandbox", "--fill", str(objects)]
    grown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(grown) / objects


async def fill(objects: int) -> int:
    """Create customers in a sandbox without sockets. Gives the bytes that this process grew by."""
    core = Core(Behaviour(), asyncio.get_running_loop())
    match = ROUTES.match("POST", "/v1/customers")
    assert match is not None
    before = _resident()
    for number in range(objects):
        tx = core.state.begin(DEFAULT_ACCOUNT, livemode=False)
        params = {"name": f"Ada {number}", "email": f"ada{number}@example.com"}
        match.operation.execute(Request(tx, match.ids, params))
        core.commit(
            tx,
            method="POST",
            path="/v1/customers",
            key=None,
            request_id=core.state.request_id(),
            record=None,
        )
    return _resident() - before


def _resident() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise OSError("this system tells no resident size")


def _create(url: str) -> str:
    request = urllib.request.Request(  # noqa: S310 - loopback
        f"{url}/v1/customers", FORM.encode(), {"Authorization": f"Bearer {KEY}"}
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - loopback
        made: str = json.load(answer)["id"]
    return made


def _wrk(url: str, seconds: int, *options: str) -> float:
    authorization = f"Authorization: Bearer {KEY}"
    command = ["wrk", "-t1", "-c8", f"-d{seconds}s", "-H", authorization, *options, url]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in told or "Socket errors" in told:
        raise RuntimeError(f"{url} did not answer well:\n{told}")
    return next(float(line.split()[1]) for line in told.splitlines() if "Requests/sec" in line)


def _install_wrk() -> None:
    apt = shutil.which("apt-get")
    if shutil.which("wrk") is None and apt is not None and geteuid() == 0:
        quiet = {**environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run([apt, "update", "-qq"], check=True)
        subprocess.run([apt, "install", "-y", "-qq", "wrk"], check=True, env=quiet)
    if shutil.which("wrk") is None:
        raise SystemExit("bench.sandbox needs wrk: install it")


def _install_localstripe() -> None:
    folder = PEERS / "localstripe"
    if not (folder / "bin" / "localstripe").exists():
        venv.create(folder, with_pip=True, clear=True)
        python = folder / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "--quiet", LOCALSTRIPE], check=True)


def _install_stateful_mock() -> None:
    folder = PEERS / "node"
    if not (folder / "node_modules" / "stripe-stateful-mock").exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund"]
        subprocess.run([*command, "--ignore-scripts", "--silent", STATEFUL_MOCK], check=True)


@contextmanager
def _process(port: int, *command: str, **variables: str) -> Iterator[str]:
    """Run a server until the end of the block; gives its URL once it answers."""
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        command,
        env={**environ, **variables},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(300):
            if _answers(url):
                break
            time.sleep(0.1)
        else:
            raise RuntimeError(f"{command[0]} does not answer on port {port}")
        yield url
    finally:
        process.kill()
        process.wait()


def _answers(url: str) -> bool:
    try:
        _create(url)
    except (OSError, urllib.error.URLError):
        return False
    return True


def _free_port() -> int:
    with create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def _localstripe() -> AbstractContextManager[str]:
    port = _free_port()
    command = str(PEERS / "localstripe" / "bin" / "localstripe")
    return _process(port, command, "--port", str(port), "--from-scratch")


def _stateful_mock() -> AbstractContextManager[str]:
    port = _free_port()
    command = str(PEERS / "node" / "node_modules" / ".bin" / "stripe-stateful-mock")
    return _process(port, command, PORT=str(port))


SERVERS = [
    Server("holdfast", lambda: None, lambda: servers.sandbox("--hold=0")),
    Server("stripe-stateful-mock", _install_stateful_mock, _stateful_mock),
    Server("localstripe", _install_localstripe, _localstripe),
]

if __name__ == "__main__":
    sys.exit(main())
