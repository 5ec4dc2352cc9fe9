"""Fixtures for every test: time and chance in the test's own hands."""

import threading
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, settings
from scripted import Answer, ScriptedServer
from stories import FakeTime, Story

from holdfast.drivers import budgets, limiters
from holdfast.stream import process_stream

# No test may fail because the machine is slow.
settings.register_profile("holdfast", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("holdfast")


@pytest.fixture
def story() -> type[Story]:
    """Tell a call's story: `story(outcomes).run(request, policy)`."""
    return Story


@pytest.fixture
def fake_time() -> FakeTime:
    """A clock of the test's own."""
    return FakeTime()


@pytest.fixture
def serve() -> Iterator[Callable[..., ScriptedServer]]:
    """Start scripted servers: `serve(first_answer, second_answer, ...)`."""
    started = []

    def start(*script: Answer) -> ScriptedServer:
        started.append(ScriptedServer(list(script)))
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture(autouse=True)
def new_accounts() -> Iterator[None]:
    """Give every test the retry budgets and the limiters of a new process."""
    yield
    budgets._budgets.clear()
    limiters._limiters.clear()


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    """Whoever subscribes, or starts a thread, ends that with the test, or with its module."""
    subscriptions, threads = set(process_stream().subscriptions), set(threading.enumerate())
    yield
    assert set(process_stream().subscriptions) <= subscriptions
    # Those that tell subscribers of events end by themselves when there is nothing more to tell.
    left = [one for one in threading.enumerate() if one.name.startswith("holdfast-")]
    left = [one for one in left if not one.name.startswith("holdfast-tell-")]
    # A run that broke off leaves its requests on the wire: they end with the server.
    for one in left:
        if one not in threads:
            one.join(20)
    assert {one for one in left if one.is_alive()} <= threads
