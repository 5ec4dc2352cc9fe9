"""The official package `stripe` as it is installed, found without importing it."""

import importlib.util
import re
from pathlib import Path

_VERSION = re.compile(r"""^VERSION = ["'](\d[\w.]*)["']$""", re.MULTILINE)


def installed_package() -> Path | None:
    """Return the folder of the installed package `stripe`; None when there is none."""
    try:
        spec = importlib.util.find_spec("stripe")
    except (ImportError, ValueError):
        return None
    places = spec.submodule_search_locations if spec is not None else None
    return Path(next(iter(places))) if places else None


def package_version(root: Path) -> str | None:
    """Return the version of the package in a folder; None when the folder does not say."""
    try:
        source = (root / "_version.py").read_text()
    except (OSError, UnicodeDecodeError):
        return None
    found = _VERSION.search(source)
    return None if found is None else found[1]
