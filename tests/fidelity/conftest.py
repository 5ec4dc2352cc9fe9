"""The cases and their clients, over one server for the whole folder."""

from collections.abc import Iterator

import pytest
from sidebyside.cases import every_case
from sidebyside.runs import SideBySide
from sidebyside.server import CaseServer


@pytest.fixture(scope="session")
def side_by_side() -> Iterator[SideBySide]:
    """What the official packages and the presets do with every case."""
    groups = every_case()
    server = CaseServer(case for group in groups.values() for case in group)
    yield SideBySide(server, groups)
    server.stop()
