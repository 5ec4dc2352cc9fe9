"""Every case, run once through each client that somebody asks for."""

import functools
import shutil
from dataclasses import dataclass, field

import pytest

from holdfast import Policy
from sidebyside.cases import Case
from sidebyside.clients import (
    NODE_FOLDER,
    Result,
    run_dropin,
    run_dropin_async,
    run_node,
    run_python,
)
from sidebyside.server import CaseServer

PRESETS = {"node": Policy.stripe_node(), "python": Policy.stripe_python()}


@dataclass
class SideBySide:
    """The cases by group, and what each client did with them.

    The clients are `node` and `python`, the official packages, and the presets over the drop-in,
    `node sync`, `node async`, `python sync` and `python async`.
    """

    server: CaseServer
    groups: dict[str, list[Case]]
    _results: dict[str, Result] = field(default_factory=dict)

    @property
    def cases(self) -> list[Case]:
        """The cases of all groups."""
        return [case for group in self.groups.values() for case in group]

    def seen(self, client: str) -> Result:
        """What a client did, by the name of the case; it runs when first asked for."""
        if client not in self._results:
            with pytest.MonkeyPatch.context() as monkeypatch:
                self._results[client] = self._run(client, monkeypatch)
        return self._results[client]

    def _run(self, client: str, monkeypatch: pytest.MonkeyPatch) -> Result:
        if client == "node":
            return run_node(self.server, self.cases, find_node())
        if client == "python":
            return run_python(self.server, self.cases, monkeypatch)
        preset, _, mode = client.partition(" ")
        run = {"sync": run_dropin, "async": run_dropin_async}[mode]
        # It becomes part of a path, so it has no space.
        return run(f"{preset}{mode}", PRESETS[preset], self.server, self.cases, monkeypatch)


@functools.cache
def find_node() -> str:
    node = shutil.which("node")
    if node is None or not (NODE_FOLDER / "node_modules" / "stripe").is_dir():
        pytest.fail("Node or its `stripe` package is missing: run `make node`", pytrace=False)
    return node
