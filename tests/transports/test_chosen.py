"""Which transport sends what, and that the stand-ins are as good."""

import asyncio
import sys
from typing import Any

import pytest
from scripted import ScriptedServer, answer

from holdfast.engine import Outcome, Response
from holdfast.transports.chosen import ChosenAsyncTransport, ChosenTransport
from holdfast.transports.exchange import Exchange, Network


def _kinds(server: ScriptedServer) -> list[str]:
    """Send a plain and a streamed request both ways; tell what sent them, by its traces."""
    kinds = []
    for streaming in (False, True):
        exchange = Exchange("GET", f"{server.url}/x", {}, None, streaming)
        kinds += [_send(exchange), asyncio.run(_send_async(exchange))]
    return kinds


def _send(exchange: Exchange) -> str:
    transport = ChosenTransport(Network())
    outcome = transport.send(exchange, 10)
    body = _body(outcome)
    if exchange.streaming:
        body.release_conn()
    transport.close()
    return type(body).__module__.partition(".")[0]


async def _send_async(exchange: Exchange) -> str:
    transport = ChosenAsyncTransport(Network())
    outcome = await transport.send(exchange, 10)
    body = _body(outcome)
    if exchange.streaming:
        await body.aclose()
    await transport.close()
    return type(body).__module__.rpartition(".")[2]


def _body(outcome: Outcome) -> Any:
    assert isinstance(outcome, Response)
    assert isinstance(outcome.value, tuple)
    return outcome.value[0]


def _agents(server: ScriptedServer) -> list[str]:
    agents = [headers.get("user-agent", "none") for _, headers, _ in server.requests]
    return [agent.lower().partition("/")[0] for agent in agents]


@pytest.mark.parametrize("there", [True, False], ids=["with curl", "without"])
def test_streams_and_stand_ins(monkeypatch: pytest.MonkeyPatch, there: bool) -> None:
    if not there:
        for module in ("curl", "sync_curl", "async_curl"):
            monkeypatch.delitem(sys.modules, f"holdfast.transports.{module}", raising=False)
        monkeypatch.setitem(sys.modules, "pycurl", None)
    server = ScriptedServer([answer(200, {"id": "cus_1"})])
    try:
        kinds = _kinds(server)
    finally:
        server.stop()
    assert kinds == ["builtins", "builtins", "urllib3", "async_httpx2"]
    plain = ["pycurl", "pycurl"] if there else ["python-urllib3", "python-httpx2"]
    assert _agents(server) == [*plain, "python-urllib3", "python-httpx2"]
