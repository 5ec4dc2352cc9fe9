"""`holdfast sandbox`: the options, the ready line, and every way to end."""

import argparse
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
import stripe
from receiver import receiving

from holdfast.sandbox import Background, Fixed, LogNormal, Sampled, Sandbox, command
from holdfast.sandbox.store import Store

Call = Callable[..., Any]
ANYWHERE = str(IPv4Address(0))
SERVE = (
    "import argparse, sys; from holdfast.sandbox import command;"
    "parser = argparse.ArgumentParser(prog='holdfast');"
    "command.add_parser(parser.add_subparsers());"
    "sys.exit(command.run(parser.parse_args()))"
)


def parse(*options: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    return parser.parse_args(["sandbox", *options])


@contextmanager
def served(*options: str) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, "-c", SERVE, "sandbox", "--port", "0", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def ready(process: "subprocess.Popen[str]") -> Any:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def listener(process: "subprocess.Popen[str]") -> SimpleNamespace:
    """Where a server that prints JSON listens, in the form that `call` takes."""
    return SimpleNamespace(port=urlsplit(ready(process)["url"]).port)


def test_the_options_have_the_defaults_of_the_class() -> None:
    arguments = parse()
    assert (arguments.port, arguments.host) == (4242, "127.0.0.1")
    assert (arguments.lock_wait, arguments.hold) == (0.1, Fixed(0.02))
    assert (arguments.store, arguments.seed, arguments.random_seed) == (None, None, None)
    assert not arguments.no_should_retry_header
    assert arguments.run is command.run


def test_the_options_are_read() -> None:
    arguments = parse("--lock-wait", "1s", "--hold", "lognormal:20ms,0.5", "--store", "a.db")
    assert arguments.lock_wait == 1
    assert arguments.hold == LogNormal(0.02, 0.5)
    assert arguments.store == Path("a.db")


def test_the_options_of_the_locks_are_read() -> None:
    arguments = parse(
        "--linger", "10ms,20ms", "--locks", "locks.json", "--reads-lock", "--lock-trace",
        "--background", "2/s 50ms", "--background", "5% 1s id=cus_1",
    )  # fmt: skip
    assert arguments.linger == Sampled([0.01, 0.02])
    assert arguments.locks == Path("locks.json")
    assert (arguments.reads_lock, arguments.lock_trace) == (True, True)
    held = Background(Fixed(0.05), rate=2), Background(Fixed(1), share=0.05, id="cus_1")
    assert tuple(arguments.background) == held
    defaults = parse()
    assert (defaults.linger, defaults.locks, defaults.background) == (Fixed(0), None, None)
    assert (defaults.reads_lock, defaults.lock_trace) == (False, False)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--linger", "soon"], "'soon' is no duration"),
        (["--background", "often"], "'often' is no background process"),
        (["--port", "70000"], "'70000' is no port"),
        (["--max-connections", "few"], "'few' is no number of connections"),
        (["--max-connections", "0"], "connections is 0: give a number above 0"),
        (["--lock-wait", "soon"], "'soon' is no duration"),
        (["--hold", "lognormal:20ms"], "write 20ms, lognormal:20ms,0.5 or list:FILE"),
        (["--hold", "lognormal:20ms,x"], "'x' is no sigma"),
        (["--hold", "lognormal:20ms,9"], "sigma is 9.0"),
        (["--webhook", "ftp://127.0.0.1/"], "is no URL of a webhook"),
        (["--webhook", "http://127.0.0.1/,Created"], "'Created' is no type of an event"),
        (["--webhook-waits", "1s,soon"], "'soon' is no duration"),
    ],
)
def test_bad_options_exit_with_2_and_a_sentence(
    options: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(*options)
    assert ended.value.code == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_0(number: signal.Signals, call: Call) -> None:
    with served("--ready-json") as process:
        line = ready(process)
        assert line["pid"] == process.pid
        there = SimpleNamespace(port=urlsplit(line["url"]).port)
        assert call(there, "GET", "/_sandbox/stats").json["requests"] == 0
        process.send_signal(number)
        assert process.wait(30) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_the_end_of_standard_input_ends_it_when_asked_to(tmp_path: Path) -> None:
    store = tmp_path / "state.db"
    with served("--ready-json", "--exit-with-parent", "--store", str(store)) as process:
        ready(process)
        assert process.stdin is not None
        process.stdin.write("what is written there does not matter\n")
        process.stdin.close()
        assert process.wait(30) == 0
        Store(store, wait=0).close()


def test_the_end_of_standard_input_does_not_matter_otherwise(call: Call) -> None:
    with served("--ready-json") as process:
        there = listener(process)
        assert process.stdin is not None
        process.stdin.close()
        assert call(there, "GET", "/_sandbox/stats").status == 200
        assert process.poll() is None


def test_without_json_the_line_says_how_to_point_a_client_at_it() -> None:
    with served() as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert lines[0].startswith("The sandbox listens on http://127.0.0.1:")
    assert 'stripe.StripeClient("sk_test_...", base_addresses={"api": "http://127' in lines[1]


def test_the_options_reach_the_server(tmp_path: Path, call: Call) -> None:
    seed = tmp_path / "seed.json"
    seed.write_text(json.dumps({"objects": [{"object": "customer", "id": "cus_1"}]}))
    with served(
        "--ready-json", "--seed", str(seed), "--lock-wait", "0", "--hold", "1ms",
        "--no-should-retry-header",
    ) as process:  # fmt: skip
        there = listener(process)
        call(there, "POST", "/_sandbox/locks", content={"object": "cus_1", "seconds": 60})
        refused = call(there, "POST", "/v1/customers/cus_1", {"name": "x"})
        assert refused.status == 429
        assert "Stripe-Should-Retry" not in refused.headers


def test_the_options_of_the_locks_reach_the_server(tmp_path: Path, call: Call) -> None:
    rules = tmp_path / "locks.json"
    rules.write_text('{"operations": {"POST /v1/customers/{id}": "none"}}')
    with served(
        "--ready-json", "--locks", str(rules), "--reads-lock", "--lock-wait", "0", "--lock-trace",
        "--background", "1/s 1ms id=cus_none",
    ) as process:  # fmt: skip
        there = listener(process)
        path = f"/v1/customers/{call(there, 'POST', '/v1/customers').json['id']}"
        held = {"object": path.rpartition("/")[2], "seconds": 60}
        call(there, "POST", "/_sandbox/locks", content=held)
        assert call(there, "POST", path, {"name": "x"}).status == 200
        assert call(there, "GET", path).status == 429
        assert call(there, "GET", "/_sandbox/locks/trace").json[0]["event"] == "claimed"


@pytest.mark.parametrize(
    ("content", "says"),
    [("[]", "is no JSON object"), ('{"parents": {"charge": "x"}}', "parents.charge is 'x': write")],
)
def test_bad_lock_rules_exit_with_2_and_a_sentence(
    tmp_path: Path, content: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = tmp_path / "locks.json"
    rules.write_text(content)
    assert command.run(parse("--port", "0", "--locks", str(rules))) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"holdfast sandbox: {rules}")
    assert says in told


def test_a_kill_loses_no_webhook(tmp_path: Path, call: Call) -> None:
    with receiving() as receiver:
        receiver.answer = lambda _delivered, _before: 503
        options = (
            "--ready-json", "--lock-wait", "0", "--hold", "0", "--webhook-waits", "1h",
            "--store", str(tmp_path / "state.db"), "--webhook", f"{receiver.url},customer.created",
        )  # fmt: skip
        with served(*options) as process:
            line = ready(process)
            there = SimpleNamespace(port=urlsplit(line["url"]).port)
            made = call(there, "POST", "/v1/customers", {}).json
            call(there, "POST", f"/v1/customers/{made['id']}", {"name": "not asked for"})
            receiver.wait_for(1)
            process.kill()
            process.wait(30)
        receiver.answer = lambda _delivered, _before: 200
        with served(*options) as process:
            assert ready(process)["webhooks"] == line["webhooks"]
            got = receiver.wait_for(2)[1]
    assert got.event["data"]["object"] == made
    ((url, secret),) = [tuple(each.values()) for each in line["webhooks"]]
    assert url == receiver.url
    stripe.Webhook.construct_event(got.body, got.headers["Stripe-Signature"], secret)


def test_where_events_go_is_said_at_the_start() -> None:
    with served("--webhook", "http://127.0.0.1:9/hooks") as process:
        assert process.stdout is not None
        line = process.stdout.readline()
    assert line.startswith("Events go to http://127.0.0.1:9/hooks, signed with whsec_")


@pytest.mark.parametrize("content", ["[]", "{", '{"objects": [{"object": "unicorn", "id": "u"}]}'])
def test_a_bad_seed_exits_with_2(
    tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = tmp_path / "seed.json"
    seed.write_text(content)
    assert command.run(parse("--port", "0", "--seed", str(seed))) == 2
    assert str(seed) in capsys.readouterr().err


@pytest.mark.parametrize("host", [ANYWHERE, "::", "example.test", "192.0.2.1"])
def test_a_host_that_others_reach_exits_with_2(
    host: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.run(parse("--port", "0", "--host", host)) == 2
    said = capsys.readouterr().err
    assert f"host is '{host}', which other machines could reach" in said
    assert "--allow-remote" in said


def test_a_host_that_others_reach_can_be_allowed(call: Call) -> None:
    with served("--ready-json", "--host", ANYWHERE, "--allow-remote") as process:
        url = ready(process)["url"]
        assert url.startswith("http://127.0.0.1:")
        there = SimpleNamespace(port=urlsplit(url).port)
        assert call(there, "GET", "/_sandbox/stats").status == 200


def test_limits_and_a_scenario_reach_the_server(tmp_path: Path, call: Call) -> None:
    limits, scenario = tmp_path / "limits.json", tmp_path / "scenario.json"
    limits.write_text(json.dumps({"global": {"rate": "2/day"}}))
    line = {"method": "POST", "path": "/v1/customers", "fault": "conflict_409"}
    scenario.write_text(json.dumps({"stages": [{"faults": [line]}]}))
    options = ("--ready-json", "--limits", str(limits), "--scenario", str(scenario))
    with served(*options) as process:
        there = listener(process)
        seen = [call(there, "POST", "/v1/customers", {}).status for _ in range(4)]
        assert seen == [409, 200, 200, 429]
        stats = call(there, "GET", "/_sandbox/stats").json
        assert stats["injected"] == {"conflict_409": 1}
        assert stats["rate_limited"] == {"global-rate": 1}


@pytest.mark.parametrize("option", ["--limits", "--scenario"])
def test_bad_files_exit_with_2(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "file.json"
    path.write_text('{"globe": {}}')
    assert command.run(parse("--port", "0", option, str(path))) == 2
    assert f"{path}: globe is no field here" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--seed", "--locks", "--scenario"])
def test_a_file_that_is_not_there_exits_with_2(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "none.json"
    assert command.run(parse("--port", "0", option, str(path))) == 2
    told = f"holdfast sandbox: {option}: {path} cannot be read: No such file or directory\n"
    assert capsys.readouterr().err == told


@pytest.mark.parametrize("option", ["--seed", "--locks", "--limits", "--scenario"])
def test_a_folder_in_place_of_a_file_exits_with_2(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.run(parse("--port", "0", option, str(tmp_path))) == 2
    assert f"{option}: {tmp_path} cannot be read: Is a directory" in capsys.readouterr().err


def test_a_port_that_is_taken_exits_with_1(
    box: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.run(parse("--port", str(box.port))) == 1
    said = capsys.readouterr().err
    start = f"holdfast sandbox: the sandbox cannot listen on 127.0.0.1 port {box.port}: "
    assert said.startswith(start)
    assert said.endswith("; give another port\n")
