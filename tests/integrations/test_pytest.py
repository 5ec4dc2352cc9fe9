"""The plugin of pytest, in runs of pytest of its own."""

import importlib.metadata
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from holdfast.integrations.stripe_sandbox import StripeSandbox

pytest_plugins = ["pytester"]
Run = Callable[..., pytest.RunResult]


# Plugins that have nothing to do with it, left out to be quick.
QUICK = [f"-pno:{name}" for name in ("anyio", "cacheprovider", "hypothesispytest", "timeout")]


@pytest.fixture
def run(pytester: pytest.Pytester) -> Run:
    """Run pytest on one file of tests, in a process of its own, with warnings as errors."""

    def run_on(source: str, *arguments: str, ini: str = "", apart: bool = True) -> pytest.RunResult:
        pytester.makepyfile(source)
        pytester.makeini(f"[pytest]\nfilterwarnings = error\n{ini}")
        given = ("--strict-markers", "--strict-config", *QUICK, *arguments)
        return (pytester.runpytest_subprocess if apart else pytester.runpytest_inprocess)(*given)

    return run_on


def test_the_entry_point_names_it() -> None:
    found = importlib.metadata.entry_points(group="pytest11", name="holdfast")
    assert {one.value for one in found} == {"holdfast.integrations.pytest"}


def test_loading_it_costs_nothing_of_the_sandbox_or_of_stripe(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import sys

        def test_what_is_loaded():
            ours = {name for name in sys.modules if name.partition(".")[0] == "holdfast"}
            assert ours == {
                "holdfast",
                "holdfast._version",
                "holdfast.integrations",
                "holdfast.integrations.pytest",
                "holdfast.lazily",
            }
            assert not {"stripe", "urllib3", "pycurl", "sqlite3"} & set(sys.modules)
    """)
    pytester.runpytest_subprocess("-pno:xdist", *QUICK).assert_outcomes(passed=1)


def test_a_test_gets_a_client_and_its_own_sandbox(run: Run) -> None:
    result = run("""
        import stripe

        def test_one(stripe_client, stripe_sandbox):
            assert isinstance(stripe_client, stripe.StripeClient)
            made = stripe_client.v1.customers.create({"name": "Ada"})
            assert [row["object_id"] for row in stripe_sandbox.ledger()] == [made.id]
            (receipt,) = stripe_sandbox.receipts
            assert (receipt.method, receipt.path) == ("POST", "/v1/customers")
            assert [row["status"] for row in stripe_sandbox.requests()] == [200]

        def test_two(stripe_client, stripe_sandbox):
            assert stripe_sandbox.ledger() == []
            assert stripe_sandbox.receipts == []
            assert not stripe_client.v1.customers.list().data

        def test_nothing_leaves_this_machine(stripe_sandbox):
            for client in (stripe_sandbox.client(), stripe_sandbox.holdfast_client()):
                addresses = client._requestor._options.base_addresses
                assert set(addresses.values()) == {stripe_sandbox.url}
    """)
    result.assert_outcomes(passed=3)


def test_async_and_official_clients_work_too(run: Run) -> None:
    result = run("""
        import asyncio
        import stripe

        def test_async(stripe_client):
            async def two():
                await asyncio.gather(*(stripe_client.v1.customers.create_async() for _ in "ab"))
                return await stripe_client.v1.customers.list_async()
            assert len(asyncio.run(two()).data) == 2

        def test_official(stripe_sandbox):
            client = stripe_sandbox.client(max_network_retries=2)
            client.v1.customers.create({"name": "Ada"})
            assert [one["name"] for one in stripe_sandbox.objects("customer")] == ["Ada"]
            assert stripe_sandbox.receipts == []

        def test_module_wide(stripe_sandbox, monkeypatch):
            monkeypatch.setattr(stripe, "api_key", stripe_sandbox.api_key)
            monkeypatch.setattr(stripe, "api_base", stripe_sandbox.url)
            stripe.Customer.create(name="Ada")
            assert len(stripe_sandbox.ledger()) == 1
    """)
    result.assert_outcomes(passed=3)


def test_faults_are_scripted_by_marker_in_the_order_of_reading(run: Run) -> None:
    result = run("""
        import pytest
        import stripe

        pytestmark = pytest.mark.stripe_faults("GET", "/v1/charges", "error_500")

        @pytest.mark.stripe_faults("GET", "/v1/customers", "html_503")
        @pytest.mark.stripe_faults("GET", path="/v1/customers", fault="conflict_409", count=2)
        def test_faults(stripe_sandbox):
            client = stripe_sandbox.client()
            for path in (client.v1.customers, client.v1.customers, client.v1.charges):
                with pytest.raises(stripe.StripeError):
                    path.list()
            met = [row["fault"] for row in stripe_sandbox.requests()]
            assert met == ["html_503", "conflict_409", "error_500"]

        @pytest.mark.stripe_faults("POST", "/v1/customers", "reset_after")
        def test_a_lost_answer_is_asked_for_again(stripe_client, stripe_sandbox):
            stripe_client.v1.customers.create()
            assert len(stripe_sandbox.ledger()) == 1
            assert [row["replayed"] for row in stripe_sandbox.requests()] == [False, True]
    """)
    result.assert_outcomes(passed=2)


def test_locks_are_set_by_marker_over_fixture_over_options(run: Run) -> None:
    result = run(
        """
        import pytest

        @pytest.fixture
        def stripe_sandbox_options():
            return {"hold": 0.0, "seed": {"objects": [
                {"object": "customer", "id": "cus_1", "created": 1}]}}

        def wait_of(sandbox):
            sandbox.hold_lock("cus_1", 60)
            client = sandbox.client()
            with pytest.raises(Exception, match="lock_timeout|accessed"):
                client.v1.customers.update("cus_1", {"name": "x"})
            return sandbox.requests()[-1]["lock_wait"]

        def test_options(stripe_sandbox):
            assert 0.2 <= wait_of(stripe_sandbox)

        @pytest.mark.stripe_locks(lock_wait=60)
        class TestNearest:
            @pytest.mark.stripe_locks(lock_wait=0)
            def test_marker(self, stripe_sandbox):
                assert wait_of(stripe_sandbox) == 0

            @pytest.mark.stripe_locks(hold=0.1)
            def test_the_rest_is_the_outer_ones(self, stripe_sandbox):
                stripe_sandbox.hold_lock("cus_1", 0.5)
                stripe_sandbox.client().v1.customers.update("cus_1", {"name": "x"})
                last = stripe_sandbox.requests()[-1]
                assert last["lock_wait"] + 0.1 <= last["seconds"]
        """,
        "--stripe-sandbox-lock-wait=200ms",
        ini="stripe_sandbox_lock_wait = 1h\nstripe_sandbox_hold = lognormal:1ms,0.1",
    )
    result.assert_outcomes(passed=3)


FAILING = """
    import pytest
    import stripe

    @pytest.mark.stripe_locks(lock_wait=0.05, hold=0)
    @pytest.mark.stripe_faults("GET", "/v1/customers/*", "close_before")
    def test_it(stripe_client, stripe_sandbox):
        made = stripe_client.v1.customers.create()
        stripe_sandbox.hold_lock(made.id, 0.2)
        stripe_client.v1.customers.update(made.id, {"name": "x"})
        stripe_client.v1.customers.retrieve(made.id)
        with pytest.raises(stripe.StripeError):
            stripe_client.v1.customers.retrieve("sk_live_" + "secret123")
        assert 0, "of no avail"
"""


def test_a_failure_shows_what_the_sandbox_saw(run: Run) -> None:
    result = run(FAILING)
    result.assert_outcomes(failed=1)
    shown = result.stdout.str()
    result.stdout.fnmatch_lines(
        [
            "*of no avail*",
            "*- Stripe sandbox: last requests -*",
            "POST /v1/customers  200  *ms  req_*",
            "POST /v1/customers/cus_*  429  *ms  waited * ms for locks  lock_timeout",
            "POST /v1/customers/cus_*  200  *",
            "GET /v1/customers/cus_*  no answer  *ms  fault close_before",
            "GET /v1/customers/cus_*  200  *  req_*",
            "GET /v1/customers/sk_live_[[]redacted]  404  *  resource_missing  req_*",
            "*- Holdfast receipts -*",
            "POST /v1/customers: ok *",
            "POST /v1/customers/cus_*: ok *attempts in * locked x *",
            "GET /v1/customers/cus_*: ok *2 attempts *",
            "GET /v1/customers/sk_live_[[]redacted]: rejected *",
        ]
    )
    assert "secret123" not in shown.partition("- Stripe sandbox")[2]
    assert "sk_test_" not in shown


def test_how_much_is_shown_is_an_option(run: Run) -> None:
    shown = run(FAILING, ini="stripe_sandbox_requests = 2").stdout.str()
    assert "Stripe sandbox: last requests (2 of " in shown
    assert "Holdfast receipts (2 of 4)" in shown
    assert "POST /v1/customers  200" not in shown
    none = run(FAILING, "--stripe-sandbox-requests=0").stdout.str()
    assert "Stripe sandbox" not in none
    assert "Holdfast receipts" not in none


def test_a_failure_of_setup_or_teardown_shows_it_too_and_success_nothing(run: Run) -> None:
    result = run("""
        import pytest

        @pytest.fixture
        def bad_setup(stripe_sandbox):
            stripe_sandbox.client().v1.customers.create()
            raise ValueError("setup")

        @pytest.fixture
        def bad_teardown(stripe_sandbox):
            yield
            raise ValueError("teardown")

        def test_setup(bad_setup): pass
        def test_teardown(bad_teardown): pass
        def test_good(stripe_sandbox): stripe_sandbox.client().v1.charges.list()
    """)
    result.assert_outcomes(passed=2, errors=2)
    result.stdout.fnmatch_lines(["POST /v1/customers  200  *", "No request reached http://*"])
    result.stdout.no_fnmatch_line("*GET /v1/charges*")


@pytest.mark.parametrize(
    ("mark", "says"),
    [
        ("faults('GET', '/v1/charges', 'eror_500')", "fault is 'eror_500': give one of latency"),
        ("faults('GET', '/v1/charges')", "missing a required argument: 'fault': its arguments are"),
        ("faults('GET', '/v1/charges', 'error_500', times=2)", "times*fault, count"),
        ("faults('GET', '/v1/charges', 'error_500', 0)", "count is 0: give a whole number from 1"),
        ("locks(lock_wait=-1)", "lock_wait is -1: give seconds from 0 to 3600"),
        ("locks(wait=1)", "wait is no argument: give lock_wait=..., hold=..., "),
        ("locks(0.1)", "its arguments must be named: give lock_wait=..., hold=..., "),
    ],
)
def test_a_bad_marker_is_a_usage_error_that_names_the_test(run: Run, mark: str, says: str) -> None:
    result = run(
        f"""
        import pytest

        @pytest.mark.stripe_{mark}
        @pytest.mark.parametrize("n", [1, 2])
        def test_it(n): raise AssertionError("it ran")
    """,
        apart=False,
    )
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    name = f"stripe_{mark.partition('(')[0]}"
    for place in (1, 2):
        result.stderr.fnmatch_lines([f"*::test_it[[]{place}]: {name}: *{says}*"])
    result.stdout.no_fnmatch_line("*it ran*")


def test_markers_of_tests_that_do_not_run_are_let_be(run: Run) -> None:
    result = run(
        """
        import pytest

        @pytest.mark.stripe_locks(wait=1)
        def test_bad(): pass
        def test_good(): pass
        """,
        "-k",
        "good",
    )
    result.assert_outcomes(passed=1, deselected=1)


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("lock_wait = long", "stripe_sandbox_lock_wait: 'long' is no duration"),
        ("lock_wait = 2000m", "stripe_sandbox_lock_wait: the wait is 120000"),
        ("hold = lognormal:1", "stripe_sandbox_hold: 'lognormal:1' is no hold"),
        ("requests = many", "stripe_sandbox_requests: 'many' is no number of requests"),
    ],
)
def test_a_bad_option_is_a_usage_error(run: Run, option: str, says: str) -> None:
    result = run("def test_it(): pass", ini=f"stripe_sandbox_{option}", apart=False)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{says}*"])
    name, _, value = option.partition(" = ")
    given = f"--stripe-sandbox-{name.replace('_', '-')}={value}"
    assert run("def test_it(): pass", given, apart=False).ret == pytest.ExitCode.USAGE_ERROR


def test_it_is_safe_in_parallel_and_a_bad_marker_fails_its_test_alone(run: Run) -> None:
    result = run(
        """
        import os
        import pytest

        @pytest.mark.stripe_locks(hold=0.01)
        @pytest.mark.parametrize("n", range(1, 13))
        def test_it(n, stripe_client, stripe_sandbox):
            for _ in range(n):
                stripe_client.v1.customers.create({"name": str(n)})
            assert {row["name"] for row in stripe_sandbox.objects("customer")} == {str(n)}
            assert len(stripe_sandbox.ledger()) == len(stripe_sandbox.receipts) == n
            assert "PYTEST_XDIST_WORKER" in os.environ

        @pytest.mark.stripe_locks(wait=1)
        def test_bad(): pass
        """,
        "-n",
        "2",
    )
    result.assert_outcomes(passed=12, errors=1)
    result.stdout.fnmatch_lines(["*::test_bad: stripe_locks: wait is no argument: give *"])


def test_teardown_waits_for_nobody() -> None:
    """Neither idle connections nor half-sent requests nor requests that wait hold it up."""
    with StripeSandbox(lock_wait=3600, hold=0) as sandbox:
        made = sandbox.client().v1.customers.create()
        sandbox.hold_lock(made.id, 3600)
        address = ("127.0.0.1", sandbox.port)
        idle, half, lingering = (socket.create_connection(address, timeout=30) for _ in range(3))
        half.sendall(b"POST /v1/customers HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nname")
        lingering.sendall(b"GET /v1/charges HTTP/1.1\r\n")
        lingering.shutdown(socket.SHUT_WR)
        failures: list[BaseException] = []
        waiting = threading.Thread(target=_update, args=(sandbox, made.id, failures))
        waiting.start()
        while not sandbox.stats()["locks_waiting"]:
            time.sleep(0.002)
    waiting.join(timeout=30)
    assert not waiting.is_alive()
    assert len(failures) == 1
    assert not sandbox.running
    for one in (idle, half, lingering):
        one.close()


def _update(sandbox: StripeSandbox, object_id: str, failures: list[BaseException]) -> None:
    import stripe

    try:
        sandbox.client().v1.customers.update(object_id, {"name": "x"})
    except stripe.StripeError as error:
        failures.append(error)


def test_twenty_sandboxes_start_and_stop_faster_than_one_interpreter() -> None:
    def took(what: Callable[[], object]) -> float:
        began = time.perf_counter()
        what()
        return time.perf_counter() - began

    def start_and_stop(times: int) -> None:
        for _ in range(times):
            with StripeSandbox():
                pass

    start_and_stop(1)
    twenty = took(lambda: start_and_stop(20))
    imports = [sys.executable, "-c", "import stripe, pytest"]
    assert twenty < took(lambda: subprocess.run(imports, check=True, timeout=60))
