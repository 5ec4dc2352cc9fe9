"""Comments that silence the doctor: `# holdfast: ignore[check-name]`."""

import io
import re
import tokenize
from collections.abc import Mapping

_MARK = re.compile(r"#\s*holdfast:\s*ignore(?:\[([^\]]*)\])?")
_ALL = frozenset({"*"})

Silences = Mapping[int, frozenset[str]]
"""The checks that are silenced on a line; `*` stands for all of them."""


def silences(text: str) -> Silences:
    """The lines of a file on which checks are silenced.

    A comment holds for its own line; alone on a line it holds for the next one that has code.

    Args:
        text: the file's text, which parses.
    """
    if "holdfast:" not in text:
        return {}
    found: dict[int, frozenset[str]] = {}
    pending: frozenset[str] = frozenset()
    for line, comment, alone in _comments(text):
        if comment is None:
            found[line] = found.get(line, frozenset()) | pending
            pending = frozenset()
        elif alone:
            pending |= _names(comment)
        else:
            found[line] = found.get(line, frozenset()) | _names(comment)
    return {line: names for line, names in found.items() if names}


def is_silenced(check: str, line: int, silenced: Silences) -> bool:
    """Whether a check is silenced on a line."""
    return not silenced.get(line, frozenset()).isdisjoint({check, "*"})


def _names(comment: str) -> frozenset[str]:
    mark = _MARK.search(comment)
    if mark is None:
        return frozenset()
    if mark[1] is None:
        return _ALL
    return frozenset(name.strip() for name in mark[1].split(",") if name.strip())


def _comments(text: str) -> list[tuple[int, str | None, bool]]:
    """Comments with their line and whether they are alone on it; None marks a line with code."""
    found: list[tuple[int, str | None, bool]] = []
    coded = 0
    quiet = (tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING)
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            line = token.start[0]
            if token.type == tokenize.COMMENT:
                found.append((line, token.string, line != coded))
            elif token.type not in quiet and line != coded:
                coded = line
                found.append((line, None, False))
    except (tokenize.TokenError, IndentationError):
        return found  # what parses has been told already; the rest cannot silence anything
    return found
