"""The house: what may import what. Data goes one way; nothing below imports anything above it."""

import ast
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).parents[1] / "src"

# A package, or a module beside them -> what it may import. From the ground upwards: each has only
# what comes before it in this table.
MAY_IMPORT = {
    "_version": "",
    "durations": "",
    "errors": "",
    "forks": "",
    "lazily": "",
    "mutex": "",
    "paths": "",
    "command_line": "",
    "redaction": "",
    "showing": "redaction",
    "stream": "forks",
    "engine": "durations errors paths redaction",
    "presets": "engine",
    "transports": "engine stream",
    "ratelimit": "errors forks mutex paths stream",
    "policy": "engine presets ratelimit",
    "lanes": "errors forks mutex redaction stream",
    "drivers": "engine errors forks lanes ratelimit stream",
    "application": "drivers engine policy redaction",
    "testing": "drivers engine",
    # The server: nothing of the client's side, nor that of it.
    "sandbox": "durations lazily redaction",
    "integrations": "drivers engine errors lanes policy ratelimit redaction stream transports",
    "batch": "drivers durations engine errors integrations lanes lazily policy redaction showing "
    "stream",
    "observe": "_version batch drivers durations engine forks lanes lazily paths ratelimit "
    "redaction showing stream",
    "report": "_version batch durations engine errors observe showing",
    "doctor": "_version application lazily policy ratelimit redaction",
    # One subcommand each: users of everything, used by nothing but the command line.
    "commands": "batch command_line doctor durations observe policy redaction report sandbox",
    "(holdfast)": "_version lazily",
    # The server and the client together: the fixtures for tests of an application.
    "sandbox for tests": "(holdfast) drivers durations engine policy sandbox",
    "cli": "_version command_line",  # and a command, by its name, when it is asked for
    "__main__": "cli",
}
# Not by their folder: a module's name without `holdfast.` -> where it belongs.
BELONGS = {
    "batch.command": "commands",
    "batch.watching": "commands",
    "doctor.command": "commands",
    "observe.command": "commands",
    "report.command": "commands",
    "sandbox.command": "commands",
    "integrations.pytest": "sandbox for tests",
    "integrations.pytest_markers": "sandbox for tests",
    "integrations.pytest_options": "sandbox for tests",
    "integrations.pytest_report": "sandbox for tests",
    "integrations.stripe_sandbox": "sandbox for tests",
}
# Annotations only: the engine and the lanes are given a policy, and know its attributes.
MAY_NAME_THE_TYPE = {("engine", "policy"), ("lanes", "policy")}

# A package or a module -> the libraries that it may import; all others have the standard library.
LIBRARIES = {
    "batch": "rich stripe",
    "integrations": "httpx httpx2 pytest requests stripe urllib3",
    "observe.opentelemetry": "opentelemetry",
    "observe.page": "h11 starlette uvicorn",
    "observe.prometheus": "prometheus_client",
    "observe.prometheus_multiprocess": "prometheus_client",
    "observe.sentry": "sentry_sdk",
    "observe.structlog": "structlog",
    "transports": "httpx2 pycurl urllib3",
}


class Import(NamedTuple):
    """An import: where it stands, of which module, and whether annotations alone need it."""

    module: str
    target: str
    types_only: bool


def module_name(file: Path) -> str:
    parts = file.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(file): file for file in sorted(SOURCE.rglob("*.py"))}


def imports(module: str) -> Iterator[Import]:
    """All imports of a module, also those within functions."""
    tree = ast.parse(MODULES[module].read_text())
    types_only = {
        id(node)
        for condition in ast.walk(tree)
        if isinstance(condition, ast.If) and "TYPE_CHECKING" in ast.unparse(condition.test)
        for statement in condition.body
        for node in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None, f"{module}: a relative import"
            among = {f"{node.module}.{alias.name}" for alias in node.names} & MODULES.keys()
            names = [node.module] if len(among) < len(node.names) else []
            names += sorted(among)
        else:
            continue
        for name in names:
            yield Import(module, name, id(node) in types_only)


def place_of(module: str) -> str:
    """Where a module of Holdfast belongs in the table."""
    _, _, name = module.partition(".")
    return BELONGS.get(name, name.partition(".")[0] or "(holdfast)")


ALL = [found for module in MODULES for found in imports(module)]
OWN = [found for found in ALL if found.target.partition(".")[0] == "holdfast"]


def test_every_import_goes_the_way_that_data_goes() -> None:
    wrong = [
        f"{found.module} imports {found.target}"
        for found in OWN
        if (edge := (place_of(found.module), place_of(found.target)))[0] != edge[1]
        and edge[1] not in MAY_IMPORT[edge[0]].split()
        and not (found.types_only and (edge in MAY_NAME_THE_TYPE or edge[0] == "(holdfast)"))
    ]
    assert wrong == []


def test_what_the_table_allows_is_what_there_is() -> None:
    there = {(place_of(found.module), place_of(found.target)) for found in OWN}
    allowed = {(place, each) for place, names in MAY_IMPORT.items() for each in names.split()}
    assert sorted(allowed - there) == []
    assert {place_of(module) for module in MODULES} == MAY_IMPORT.keys()


def test_nothing_goes_round_in_a_circle() -> None:
    below: set[str] = set()
    for place, names in MAY_IMPORT.items():
        assert set(names.split()) <= below, place
        below.add(place)
    modules: dict[str, set[str]] = {}
    for found in OWN:
        if not found.types_only and found.target != found.module:
            modules.setdefault(found.module, set()).add(found.target)
    TopologicalSorter(modules).prepare()


def test_libraries_are_needed_where_the_table_says_only() -> None:
    needed: dict[str, set[str]] = {}
    for found in ALL:
        library = found.target.partition(".")[0]
        if library != "holdfast" and library not in sys.stdlib_module_names:
            name = found.module.removeprefix("holdfast.")
            parents = [place for place in LIBRARIES if f"{name}.".startswith(f"{place}.")]
            needed.setdefault(parents[0] if parents else name, set()).add(library)
    assert {place: " ".join(sorted(names)) for place, names in needed.items()} == LIBRARIES


def test_a_module_is_short_enough_to_be_read() -> None:
    lengths = {module: len(file.read_text().splitlines()) for module, file in MODULES.items()}
    assert not {module: length for module, length in lengths.items() if length > 450}
