"""What the official package's own tests need: their source, and an environment to run them in.

Both are fetched from the package index once and kept in a cache folder.
"""

import hashlib
import subprocess
import sys
import tarfile
import venv
from pathlib import Path

from holdfast.sandbox.catalogue.loading import cache_folder

VERSION = "16.1.0"
"""Of the official package whose tests are run."""
DIGEST = "21e72b6779b8cff337ca8d2b8d30138f2d68f6a8d739701076f06a418ad75b8c"
"""SHA-256 of its source distribution."""
PACKAGES = (
    "aiohttp==3.14.5",
    "anyio==4.16.0",
    "httpx==0.28.1",
    "pytest==9.2.0",
    "pytest-mock==3.17.0",
    "pytest-xdist==3.8.0",
    "requests==2.34.2",
    "trio==0.35.0",
    "typing_extensions>=4.7",
)
"""What the tests import."""


class SetupError(RuntimeError):
    """The tests or their environment could not be had; the message says why."""


def default_folder() -> Path:
    """Return where both are kept unless told otherwise."""
    return cache_folder() / "sdk-suite"


def interpreter(folder: Path) -> Path:
    """Return the interpreter of an environment with `PACKAGES`, made if there is none.

    Args:
        folder: where it is kept.

    Raises:
        SetupError: a package cannot be installed.
    """
    name = hashlib.sha256("\n".join((sys.version, *PACKAGES)).encode()).hexdigest()[:12]
    root = folder / f"environment-{name}"
    python, ready = root / "bin" / "python", root / "ready"
    if not ready.exists():
        venv.create(root, with_pip=True, clear=True)
        _run([str(python), "-m", "pip", "install", "--quiet", *PACKAGES])
        ready.touch()
    return python


def suite(folder: Path, python: Path) -> Path:
    """Return the unpacked source distribution, fetched if it is not there.

    Args:
        folder: where it is kept.
        python: an interpreter with pip.

    Raises:
        SetupError: it cannot be fetched, or is not the known one.
    """
    archive = folder / f"stripe-{VERSION}.tar.gz"
    if not archive.exists():
        wanted = ["--no-deps", "--no-binary", "stripe", "--dest", str(folder), f"stripe=={VERSION}"]
        _run([str(python), "-m", "pip", "download", "--quiet", *wanted])
    return unpacked(archive, DIGEST)


def unpacked(archive: Path, digest: str) -> Path:
    """Unpack a source distribution beside itself, afresh, and return its folder.

    Args:
        archive: a `.tar.gz` with one folder of its own name.
        digest: its SHA-256.

    Raises:
        SetupError: the archive is another one.
    """
    if hashlib.sha256(archive.read_bytes()).hexdigest() != digest:
        raise SetupError(f"{archive} is not what it should be: delete it and try again")
    with tarfile.open(archive) as content:
        content.extractall(archive.parent, filter="data")
    return archive.with_name(archive.name.removesuffix(".tar.gz"))


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SetupError(f"{' '.join(command[1:4])} failed: {done.stderr.strip()}")
