"""Fixtures for every test: time and chance in the test's own hands."""

from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, settings
from scripted import Answer, ScriptedServer
from stories import FakeTime, Story

from holdfast.drivers import budgets, limiters

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
