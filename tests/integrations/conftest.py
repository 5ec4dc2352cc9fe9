"""Scripted servers for the tests of the integrations."""

from collections.abc import Callable, Iterator

import pytest
from scripted import Answer, ScriptedServer


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
