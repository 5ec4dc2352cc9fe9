"""Requests as a file of a batch has them, and how far a run of them is."""

import subprocess
import time
from pathlib import Path
from typing import Any

from holdfast.batch import Workspace


def create(id_: str, **changes: Any) -> dict[str, Any]:
    """A request that makes a customer."""
    return {
        "id": id_,
        "method": "POST",
        "path": "/v1/customers",
        "params": {"name": id_},
        **changes,
    }


def update(id_: str, number: int = 1, **changes: Any) -> dict[str, Any]:
    """A request that changes the customer `cus_batch<number>`, by default always the same one."""
    return create(id_, **{"path": f"/v1/customers/cus_batch{number}", **changes})


def lines_in(path: Path) -> int:
    """How many whole lines a file has; 0 before it is there."""
    return path.read_bytes().count(b"\n") if path.exists() else 0


def wait_for_results(process: subprocess.Popen[str], count: int) -> None:
    """Wait until a run in the default workspace has so many results."""
    while lines_in(Workspace().results) < count:
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
