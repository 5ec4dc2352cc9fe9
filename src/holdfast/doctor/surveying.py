"""Reads a code base and gathers what every check finds in it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from holdfast.doctor.catalogue import CHECKS
from holdfast.doctor.checks import (
    blocks,
    clients,
    handlers,
    limits,
    multiplied,
    overridden,
    policies,
    repeated,
    secrets,
    waits,
)
from holdfast.doctor.code.files import UnreadableError, find, is_test, module_name, read
from holdfast.doctor.code.ignoring import Silences, is_silenced, silences
from holdfast.doctor.code.reader import Source, parse
from holdfast.doctor.code.tree import Tree
from holdfast.doctor.finding import Finding, Place, Severity

_IN_MODULES: tuple[Callable[[Source], Iterator[Finding]], ...] = (
    clients.check,
    handlers.check,
    policies.check,
)
# A test wants no retries, strange numbers and constant keys, and is right.
_IN_TESTS = (handlers.check,)
_IN_TREES: tuple[Callable[[Tree], Iterator[Finding]], ...] = (
    blocks.check,
    limits.check,
    multiplied.check,
    overridden.check,
    repeated.check,
    waits.check,
)


@dataclass(slots=True)
class Survey:
    """What there is to say about a code base.

    Attributes:
        findings: what the checks found, in no order.
        files: how many files were read.
        concerned: how many of them have to do with Stripe or Holdfast.
        left_out: sentences about what was not read.
    """

    findings: list[Finding] = field(default_factory=list)
    files: int = 0
    concerned: int = 0
    left_out: list[str] = field(default_factory=list)


def survey(paths: Sequence[Path | str]) -> Survey:
    """Read Python code, without importing or running it, and check it.

    Of each file only what other files may need is kept, so a large tree takes little memory. Code
    that has nothing to do with Stripe gives no findings.

    Args:
        paths: files and folders; `.venv`, `node_modules`, `build` and the like are passed over.

    Raises:
        FileNotFoundError: one of them is not there.
    """
    found = find([Path(path) for path in paths])
    done = Survey(left_out=found.left_out)
    tree = Tree()
    silenced: dict[str, Silences] = {}
    keys: list[Finding] = []
    for file, root in found.files:
        source = _parsed(file, root, done)
        if source is None:
            continue
        if not source.is_test:
            tree.add(source.facts)
        marks = silences(source.text)
        if marks:
            silenced[str(file)] = marks
        keys.extend(secrets.check(source))
        if source.facts.concerned:
            done.concerned += 1
            for check in _IN_TESTS if source.is_test else _IN_MODULES:
                done.findings.extend(check(source))
    tree.linked()
    if done.concerned:
        # A settings module imports nothing of Stripe's, and is where the keys are.
        done.findings.extend(keys)
        for check_tree in _IN_TREES:
            done.findings.extend(check_tree(tree))
    done.findings = [one for one in done.findings if not _is_silent(one, silenced)]
    return done


def _parsed(file: Path, root: Path, done: Survey) -> Source | None:
    try:
        text = read(file)
    except UnreadableError as error:
        _note_unreadable(done, Place(str(file), 1, 1), f"The file cannot be read: {error}.", "")
        return None
    done.files += 1
    try:
        name = module_name(file, root)
        return parse(text, str(file), name, is_test=is_test(file, root))
    except SyntaxError as error:
        place = Place(str(file), error.lineno or 1, error.offset or 1)
        _note_unreadable(done, place, f"The file does not parse: {error.msg}.", text)
    except (ValueError, RecursionError, MemoryError) as error:
        _note_unreadable(done, Place(str(file), 1, 1), f"The file does not parse: {error}.", text)
    return None


def _note_unreadable(done: Survey, place: Place, message: str, text: str) -> None:
    concerned = "stripe" in text.lower() or "holdfast" in text.lower()
    done.findings.append(
        CHECKS["unreadable"].at(
            place,
            message,
            "Mend it, or leave it out by naming the other paths.",
            severity=Severity.WARNING if concerned else Severity.ADVICE,
        )
    )


def _is_silent(finding: Finding, silenced: Mapping[str, Silences]) -> bool:
    place = finding.place
    if place is None or place.file not in silenced:
        return False
    return is_silenced(finding.check, place.line, silenced[place.file])
