"""Fixtures for every test: time and chance in the test's own hands."""

import pytest
from stories import FakeTime, Story


@pytest.fixture
def story() -> type[Story]:
    """Tell a call's story: `story(outcomes).run(request, policy)`."""
    return Story


@pytest.fixture
def fake_time() -> FakeTime:
    """A clock of the test's own."""
    return FakeTime()
