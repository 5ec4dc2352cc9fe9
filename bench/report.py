"""What every benchmark prints: a table for people and `--json FILE` for programs."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

Row = Mapping[str, object]


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    return {
        "system": platform.system(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def is_installed(package: str) -> bool:
    """Whether a peer is there to be measured."""
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


def show(rows: Sequence[Row]) -> None:
    """Print the rows as a table, one column a figure."""
    columns = list(rows[0])
    cells = [columns, *([_cell(row[column]) for column in columns] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    for line in cells:
        first, *rest = (
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        print("  ".join([first, *rest]))


def _cell(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def write(
    file: Path, bench: str, packages: Sequence[str], settings: Row, rows: Sequence[Row]
) -> None:
    """Write the rows, with the machine and the versions that they were measured with."""
    report = {
        "bench": bench,
        "machine": machine(),
        "versions": {package: version(package) for package in packages},
        "settings": dict(settings),
        "rows": [dict(row) for row in rows],
    }
    file.write_text(json.dumps(report, indent=2) + "\n")
