"""Which files of a code base are read, and how much of them at the most."""

import os
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

SKIPPED = frozenset(
    {
        "__pycache__",
        "build",
        "dist",
        "node_modules",
        "site-packages",
        "venv",
        "virtualenv",
    }
)
MOST_FILES = 20_000
MOST_BYTES = 1_048_576
_ABOVE = 3


@dataclass(slots=True)
class Found:
    """The files of a code base.

    Attributes:
        files: each with the folder that its modules' names begin at.
        left_out: sentences about what is not read.
    """

    files: list[tuple[Path, Path]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def find(paths: list[Path]) -> Found:
    """Find the Python files below some paths. Links to folders are not followed.

    Args:
        paths: files and folders.

    Raises:
        FileNotFoundError: one of them is not there.
    """
    found = Found()
    seen: set[Path] = set()
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"{path} is not there")
        root = path if path.is_dir() else path.parent
        for file in _below(path):
            if file in seen:
                continue
            if len(found.files) >= MOST_FILES:
                found.left_out.append(
                    f"more than {MOST_FILES:,} files: the rest was not read; name smaller folders"
                )
                return found
            seen.add(file)
            found.files.append((file, root))
    return found


def _below(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if _is_wanted(Path(folder, name)))
        for name in sorted(names):
            # No pipes, which would be waited for, and no links that lead nowhere.
            if name.endswith(".py") and Path(folder, name).is_file():
                yield Path(folder, name)


def _is_wanted(folder: Path) -> bool:
    hidden = folder.name.startswith(".") or folder.name.endswith(".egg-info")
    return not hidden and folder.name not in SKIPPED and not (folder / "pyvenv.cfg").exists()


class UnreadableError(Exception):
    """A file cannot be read; the message says why, in a few words."""


def read(file: Path) -> str:
    """The text of a file, in the encoding that it declares.

    Raises:
        UnreadableError: it cannot be read, is no text, or is too large.
    """
    try:
        size = file.stat().st_size
        if size > MOST_BYTES:
            raise UnreadableError(f"{size:,} bytes are more than {MOST_BYTES:,}")
        with tokenize.open(file) as stream:
            return stream.read()
    except OSError as error:
        raise UnreadableError(error.strerror or type(error).__name__) from error
    except (UnicodeDecodeError, SyntaxError, LookupError) as error:
        raise UnreadableError("it is not text in the encoding that it declares") from error


def module_name(file: Path, root: Path) -> str:
    """The dotted name of a file's module, such as `billing.tasks`.

    Folders above the root are in front of it: who names `src/billing` still imports
    `billing.tasks`. Modules are found by the end of their names.
    """
    above = root.resolve().parts[-_ABOVE:]
    parts = [*above, *file.relative_to(root).with_suffix("").parts]
    if parts[-1] == "__init__":
        parts.pop()
    return ".".join(parts)


def is_test(file: Path, root: Path) -> bool:
    """Whether a file is a test, by its name or a folder's; those above an absolute root are none.

    Args:
        file: the file.
        root: the folder that was named.
    """
    named = file.relative_to(root) if root.is_absolute() else file
    base = named.name
    if base.startswith(("test_", "conftest")) or base.endswith("_test.py"):
        return True
    return any(folder in ("tests", "test", "testing") for folder in named.parts[:-1])
