"""Which catalogue is used: that of the installed package `stripe`, or the one that is shipped.

A package of another version than the shipped catalogue's is read once, which takes some seconds;
what was found is kept in the user's cache folder.
"""

import gzip
import logging
import os
import tempfile
import zlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from holdfast.sandbox.catalogue.encoding import FORMAT, Catalogue, CatalogueError
from holdfast.sandbox.catalogue.installed import installed_package, package_version

SNAPSHOT = Path(__file__).with_name("snapshot.jsonl.gz")
"""The catalogue that is shipped."""

_logger = logging.getLogger("holdfast.sandbox")
_LEVEL = 9


def packed(data: bytes) -> bytes:
    """Compress a catalogue, to the same bytes every time."""
    return gzip.compress(data, _LEVEL, mtime=0)


def cache_folder() -> Path:
    """Return where caches of the user are kept: `$XDG_CACHE_HOME/holdfast` or `~/.cache/holdfast`.

    Source: https://specifications.freedesktop.org/basedir-spec/latest/.
    """
    named = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(named) if named and Path(named).is_absolute() else Path.home() / ".cache"
    return base / "holdfast"


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    """Return the catalogue of the installed package, or the shipped one when there is none."""
    return load(installed_package(), cache_folder)


def load(package: Path | None, folder: Callable[[], Path], snapshot: Path = SNAPSHOT) -> Catalogue:
    """Return the catalogue of a package.

    Args:
        package: the folder of the package `stripe`; None for none.
        folder: returns where derived catalogues are kept; asked only when one is needed.
        snapshot: the catalogue that is shipped.

    Raises:
        OSError: the shipped catalogue cannot be read.
        CatalogueError: the shipped catalogue is broken.
    """
    shipped = read(snapshot)
    version = None if package is None else package_version(package)
    if package is None or version is None or version == shipped.version:
        return shipped
    try:
        return _cached(package, version, folder())
    except (OSError, SyntaxError, ValueError, RuntimeError) as error:
        _logger.warning("The catalogue of %s is used: stripe %s is not to be read (%s)",
                        shipped.version, version, error)  # fmt: skip
        return shipped


def read(file: Path) -> Catalogue:
    """Read a stored catalogue.

    Raises:
        OSError: the file cannot be read.
        CatalogueError: it holds no catalogue of this format.
    """
    try:
        return Catalogue(gzip.decompress(file.read_bytes()))
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise CatalogueError(f"{file} is broken: {error}") from error


def _cached(package: Path, version: str, folder: Path) -> Catalogue:
    # Imported here because another version than the shipped catalogue's is rare.
    from holdfast.sandbox.catalogue.deriving import derive

    file = folder / f"stripe-{version}-{FORMAT}.jsonl.gz"
    try:
        found = read(file)
    except FileNotFoundError:
        found = None
    except (OSError, CatalogueError, KeyError, TypeError) as error:
        _logger.info("%s is made again: %s", file, error)
        found = None
    if found is not None and found.version == version:
        return found
    data = derive(package)
    try:
        _write(file, packed(data))
    except OSError as error:
        _logger.info("The catalogue of stripe %s is not kept: %s", version, error)
    return Catalogue(data)


def _write(file: Path, data: bytes) -> None:
    """Write a file whole or not at all, whoever else writes it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
