"""What the names of a module stand for, as far as its imports say."""

import ast
from collections.abc import Iterable, Iterator

_APART = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


class Names:
    """The imports of a module, wherever in it they stand.

    Args:
        nodes: all nodes of the module.
        module: its dotted name, for relative imports.
        is_package: whether it is an `__init__.py`.
    """

    def __init__(self, nodes: Iterable[ast.AST], module: str, *, is_package: bool) -> None:
        self._known: dict[str, str] = {}
        self.imported: set[str] = set()
        parts = module.split(".") if module else []
        self._package = parts if is_package else parts[:-1]
        for node in nodes:
            if isinstance(node, ast.Import):
                self._note_import(node)
            elif isinstance(node, ast.ImportFrom):
                self._note_from(node)

    def _note_import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.imported.add(alias.name)
            if alias.asname:
                self._known[alias.asname] = alias.name
            else:
                root = alias.name.partition(".")[0]
                self._known[root] = root

    def _note_from(self, node: ast.ImportFrom) -> None:
        source = node.module or ""
        if node.level:
            base = self._package[: len(self._package) - node.level + 1]
            source = ".".join([*base, *filter(None, [source])])
        self.imported.add(source)
        for alias in node.names:
            self._known[alias.asname or alias.name] = f"{source}.{alias.name}".lstrip(".")

    def known(self) -> Iterable[tuple[str, str]]:
        """The imported names, each with what it stands for."""
        return self._known.items()

    def imports(self, *packages: str) -> bool:
        """Whether any of these packages, or a part of them, is imported."""
        return any(name.partition(".")[0] in packages for name in self.imported)

    def dotted(self, node: ast.AST | None) -> str | None:
        """What a name or a chain of attributes stands for, such as `stripe.RateLimitError`.

        Returns:
            The dotted name, or None if its root was not imported.
        """
        chain = chain_of(node)
        if chain is None or chain[0] not in self._known:
            return None
        return ".".join([self._known[chain[0]], *chain[1:]])

    def called(self, node: ast.AST | None) -> str | None:
        """What a call calls, or, for a bare name, what the name stands for."""
        return self.dotted(node.func if isinstance(node, ast.Call) else node)


def chain_of(node: ast.AST | None) -> list[str] | None:
    """The names of `a.b.c`; None for anything else."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    names.append(node.id)
    return names[::-1]


def own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes below a node, but not those of functions and classes inside it."""
    waiting = list(ast.iter_child_nodes(node))[::-1]
    while waiting:
        child = waiting.pop()
        yield child
        if not isinstance(child, _APART):
            waiting.extend(reversed(list(ast.iter_child_nodes(child))))


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    """The value of a keyword of a call."""
    return next((word.value for word in call.keywords if word.arg == name), None)


def argument(call: ast.Call, position: int | None, name: str) -> ast.expr | None:
    """The value of an argument, whether it is given by its place or by its name."""
    if position is not None and position < len(call.args):
        given = call.args[position]
        return None if isinstance(given, ast.Starred) else given
    return keyword(call, name)


def has_spread(call: ast.Call) -> bool:
    """Whether a call has `*args` or `**kwargs`, so that not all that it is given can be seen."""
    return any(word.arg is None for word in call.keywords) or any(
        isinstance(given, ast.Starred) for given in call.args
    )
