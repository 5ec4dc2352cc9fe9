"""The modules of a package as syntax trees, and what the names in them mean."""

import ast
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

Scope = tuple[ast.ClassDef, ...]
"""The classes around a place, the outermost first."""


@dataclass(frozen=True)
class Found:
    """A class, and where it is."""

    module: "Module"
    node: ast.ClassDef
    scope: Scope = ()

    @property
    def inside(self) -> Scope:
        """The scope of its own body."""
        return (*self.scope, self.node)


@dataclass
class Module:
    """One source file."""

    package: "Package"
    name: str
    tree: ast.Module

    @cached_property
    def imports(self) -> dict[str, tuple[str, str]]:
        """Imported names, with the module and the name they have there."""
        return {
            alias.asname or alias.name: (node.module, alias.name)
            for node in ast.walk(self.tree)
            if isinstance(node, ast.ImportFrom) and node.module is not None
            for alias in node.names
        }

    @cached_property
    def classes(self) -> dict[str, ast.ClassDef]:
        """The classes of the module's own level."""
        return {node.name: node for node in self.tree.body if isinstance(node, ast.ClassDef)}

    @cached_property
    def functional(self) -> dict[str, ast.Dict]:
        """Typed dicts that are written as calls, because their names are Python's keywords."""
        found = {}
        for node in self.tree.body:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
                call, target = node.value, node.targets[0]
                is_typed = isinstance(call.func, ast.Name) and call.func.id == "TypedDict"
                if is_typed and isinstance(target, ast.Name) and isinstance(call.args[1], ast.Dict):
                    found[target.id] = call.args[1]
        return found

    def find(self, name: str, scope: Scope = ()) -> Found | None:
        """Find the class a name means, seen from within the scope.

        Returns:
            The class, or None when the name is none of the package's classes.
        """
        for depth in range(len(scope), 0, -1):
            for node in scope[depth - 1].body:
                if isinstance(node, ast.ClassDef) and node.name == name:
                    return Found(self, node, scope[:depth])
        if name in self.classes:
            return Found(self, self.classes[name])
        origin = self.imports.get(name)
        module = None if origin is None else self.package.get(origin[0])
        return None if origin is None or module is None else module.find(origin[1])


@dataclass
class Package:
    """The source of a package.

    Attributes:
        root: its folder.
    """

    root: Path
    _modules: dict[str, Module | None] = field(default_factory=dict)

    def get(self, name: str) -> Module | None:
        """The module of a full name; None when it is not the package's, or has no file."""
        if name not in self._modules:
            self._modules[name] = self._read(name)
        return self._modules[name]

    def of_file(self, path: Path) -> Module:
        """The module of a source file below the root.

        Raises:
            KeyError: there is no such file.
        """
        parts = path.relative_to(self.root.parent).with_suffix("").parts
        module = self.get(".".join(parts))
        if module is None:
            raise KeyError(path)
        return module

    def _read(self, name: str) -> Module | None:
        first, *rest = name.split(".")
        if first != self.root.name:
            return None
        path = self.root.joinpath(*rest)
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if not file.is_file():
            return None
        return Module(self, name, ast.parse(file.read_bytes()))
