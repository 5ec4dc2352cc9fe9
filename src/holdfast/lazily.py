"""Public names that are imported when they are first asked for."""

from collections.abc import Callable, Mapping
from typing import Any


def lazily(package: str, places: Mapping[str, tuple[str, ...]]) -> Callable[[str], Any]:
    """What a package's `__getattr__` does: `__getattr__ = lazily(__name__, {...})`.

    Whoever imports the package does not wait for what it does not use, nor need its libraries. A
    name that was found stays in the package, so that it is looked up once.

    Args:
        package: its name.
        places: module -> the names that it has.
    """
    place_of = {name: place for place, names in places.items() for name in names}

    def get(name: str) -> Any:
        if name not in place_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        # Imported here: `import holdfast` alone is to cost next to nothing.
        import sys
        from importlib import import_module

        value = getattr(import_module(place_of[name]), name)
        setattr(sys.modules[package], name, value)
        return value

    return get
