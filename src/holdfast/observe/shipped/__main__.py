"""`python -m holdfast.observe.shipped FOLDER`: copies the files that belong to the metrics."""

import sys
from pathlib import Path

from holdfast.observe.shipped import FILES, shipped

USAGE = "usage: python -m holdfast.observe.shipped FOLDER"
PLACES = {f"holdfast-{name}": name for name in FILES}


def main(arguments: list[str]) -> int:
    """Copy the files into a folder; gives the exit code."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print(f"{USAGE}\nCopies {' and '.join(PLACES)} into FOLDER.", file=sys.stderr)
        return 0 if arguments in (["-h"], ["--help"]) else 2
    folder = Path(arguments[0])
    try:
        if folder.exists() and not folder.is_dir():
            print(f"holdfast: {folder} is no folder: give another one", file=sys.stderr)
            return 2
        folder.mkdir(parents=True, exist_ok=True)
        for new, name in PLACES.items():
            place = folder / new
            place.write_text(shipped(name).read_text(encoding="utf-8"), encoding="utf-8")
            print(place)
    except OSError as error:
        print(f"holdfast: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
