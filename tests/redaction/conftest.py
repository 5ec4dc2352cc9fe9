"""What is configured in one test is not in the next."""

from collections.abc import Iterator

import pytest

from holdfast.redaction import configure


@pytest.fixture(autouse=True)
def _defaults() -> Iterator[None]:
    yield
    configure()
