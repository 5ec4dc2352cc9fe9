"""Scripts of the tests that use the official package for Node, as `make node` installs it."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from sidebyside.clients import NODE_FOLDER
from sidebyside.runs import find_node


def run_script(script: Path, job: Any, seconds: float) -> Any:
    """Run a script that reads a job as JSON and writes its result as JSON.

    Args:
        script: a CommonJS file; it finds the package as `require(process.env.STRIPE_PACKAGE)`.
        job: goes to its standard input.
        seconds: how long it may take.

    Returns:
        What it wrote; the test fails with its standard error if it failed.
    """
    done = subprocess.run(
        [find_node(), str(script)],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        env={
            "PATH": os.environ.get("PATH", ""),
            "STRIPE_PACKAGE": str(NODE_FOLDER / "node_modules" / "stripe"),
        },
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
