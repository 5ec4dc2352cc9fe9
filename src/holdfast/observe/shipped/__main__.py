"""`python -m holdfast.observe.shipped FOLDER`: copies the files that belong to the metrics."""

import sys
from pathlib import Path

from holdfast.observe.shipped import FILES, shipped

USAGE = "usage: python -m holdfast.observe.shipped FOLDER"


def main(arguments: list[str]) -> int:
    """Copy the files into a folder; gives the exit code."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print(f"{USAGE}\nCopies {' and '.join(FILES)} into FOLDER.", file=sys.stderr)
        return 0 if arguments in (["-h"], ["--help"]) else 2
    folder = Path(arguments[0])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            place = folder / f"holdfast-{name}"
            place.write_text(shipped(name).read_text(encoding="utf-8"), encoding="utf-8")
            print(place)
    except OSError as error:
        print(f"holdfast: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
