"""The whole catalogue of an installed package."""

import ast
from collections.abc import Iterator
from pathlib import Path

from holdfast.sandbox.catalogue.deriving.annotations import Annotations, object_name
from holdfast.sandbox.catalogue.deriving.modules import Found, Package
from holdfast.sandbox.catalogue.deriving.operations import Call, calls_in
from holdfast.sandbox.catalogue.encoding import Encoder
from holdfast.sandbox.catalogue.installed import package_version

_SERVICE = "_service.py"


def derive(root: Path) -> bytes:
    """Read a package's source and return its catalogue.

    Args:
        root: the folder of the package `stripe`.

    Returns:
        The catalogue as `Catalogue` reads it, the same bytes for the same source.

    Raises:
        OSError: a file cannot be read.
        SyntaxError: a file is no Python of this version.
        ValueError: there are no operations in it.
    """
    package = Package(root)
    annotations = Annotations()
    encoder = Encoder(package_version(root) or "unknown")
    for call, legacy in _calls(package, annotations):
        encoder.add_operation(call, legacy=legacy)
    for kind, found in sorted(_resources(package).items()):
        encoder.add_kind(kind, annotations.record(found))
    if not encoder.operations:
        raise ValueError(f"{root} calls for no operation of Stripe's")
    return encoder.encoded()


def _calls(package: Package, annotations: Annotations) -> Iterator[tuple[Call, bool]]:
    """The operations of the services, then those that only the resource classes have."""
    seen: set[tuple[str, str]] = set()
    files = _files(package)
    services = [path for path in files if path.name.endswith(_SERVICE)]
    others = [path for path in files if not path.name.endswith(_SERVICE)]
    for paths, legacy in ((services, False), (others, True)):
        for path in paths:
            for call in calls_in(package.of_file(path), annotations):
                if call.place not in seen:
                    seen.add(call.place)
                    yield call, legacy


def _resources(package: Package) -> dict[str, Found]:
    """The classes of objects by kind."""
    found: dict[str, Found] = {}
    for path in _files(package):
        module = package.of_file(path)
        for node in module.tree.body:
            kind = object_name(node) if isinstance(node, ast.ClassDef) else None
            if kind is not None and isinstance(node, ast.ClassDef):
                found.setdefault(kind, Found(module, node))
    return found


def _files(package: Package) -> list[Path]:
    """The source files in an order that does not depend on the machine; parameters come by name."""
    paths = (path.relative_to(package.root) for path in package.root.rglob("*.py"))
    kept = [path for path in paths if path.parts[0] != "params"]
    return [package.root / path for path in sorted(kept, key=lambda path: path.as_posix())]
