"""Redacts texts and values, by the tables of fields and patterns."""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple

from holdfast.redaction.fields import (
    CARD_PARENTS,
    CARD_SIBLINGS,
    LONGEST,
    OBJECT_FIELDS,
    PERSONAL,
    REDACTED,
    SECRET,
    THINGS,
    normals,
    parts,
)
from holdfast.redaction.inside import hide_fields
from holdfast.redaction.numbers import is_card
from holdfast.redaction.patterns import PATTERNS

# Usual paths, ids and words, in one pass: a part begins with small letters, ends where a "/" or "_"
# comes, and is not the beginning of a secret. A number is only in an id, behind its "_".
_FIRST = r"(?![searw](?:k_|ecret|c_|t_|hsec))[a-z]++"
_NEXT = r"(?:_(?![searwlto](?:k_|ecret|c_|t_|hsec|ive_|est_|rg_))[A-Za-z0-9]*+)*+"
_is_harmless = re.compile(rf"(?:/v[12](?=/))?+(?:/?+{_FIRST}{_NEXT})*+").fullmatch
_is_harmless_path = re.compile(rf"(?:/v[12](?=/))?+(?:/{_FIRST}{_NEXT})*+").fullmatch

_DEEPEST = 100
_MOST_FIELDS = 4096
_SEQUENCES = defaultdict[type, Any](lambda: tuple, {set: set, frozenset: frozenset})
# A shorter text is in too many others.
_SHORTEST = 3
_SMALLEST_CARD = 10**11
_SECRET = normals(SECRET)


class Redactor:
    """Takes secrets and personal data out of texts and values.

    Args:
        personal: the names of personal fields; none to leave personal data as it is. Where
            `email` is one, e-mail addresses inside of texts go, too.
        patterns: more regular expressions; what they match goes from every text.

    Raises:
        TypeError: `personal` is a text instead of names, or a pattern is not compiled.
    """

    __slots__ = ("_extra", "_fields", "_patterns", "_personal")

    def __init__(
        self,
        personal: Collection[str] = PERSONAL,
        patterns: Iterable[re.Pattern[str]] = (),
    ) -> None:
        if isinstance(personal, str):
            raise TypeError(
                f"personal is the text {personal!r}: give a set of names, such as {{{personal!r}}}"
            )
        self._personal = normals(personal)
        self._extra = tuple(patterns)
        self._fields: dict[str, _Field] = {}
        for pattern in self._extra:
            given: object = pattern
            if not isinstance(given, re.Pattern):
                raise TypeError(f"the pattern {given!r} is not compiled: give re.compile(...)")
        emails = "email" in self._personal
        self._patterns = tuple(row for row in PATTERNS if emails or not row.personal)

    def text(self, text: str) -> str:
        """The text without secrets and personal data."""
        if _is_harmless(text) is None:
            text = hide_fields(text, self._is_secret, self._is_personal)
            for row in self._patterns:
                text = row.apply(text)
        for pattern in self._extra:
            text = pattern.sub(REDACTED, text)
        return text

    def value(self, value: Any, also: Collection[str] = ()) -> Any:
        """A copy of a value as JSON has them, without secrets and personal data at any depth.

        Args:
            value: the value.
            also: texts that go wherever they stand as words, such as what `hidden` found in a
                request, from the answer to it.
        """
        plain = self._value(value, (), 0)
        words = sorted((text for text in also if len(text) >= _SHORTEST), key=len, reverse=True)
        if not words:
            return plain
        found = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)")
        return _in_texts(plain, lambda text: found.sub(REDACTED, text))

    def hidden(self, value: Any) -> frozenset[str]:
        """The texts in the fields of a value that are secret or personal."""
        found: set[str] = set()
        _compare(value, self._value(value, (), 0), found)
        return frozenset(found)

    def _is_secret(self, names: tuple[str, ...]) -> bool:
        return not _SECRET.isdisjoint(names) or (
            names[-1:] == ("number",) and not CARD_PARENTS.isdisjoint(names)
        )

    def _is_personal(self, names: tuple[str, ...]) -> bool:
        return not self._personal.isdisjoint(names)

    def _value(self, value: Any, parent: tuple[str, ...], depth: int, hidden: bool = False) -> Any:
        if value is None or isinstance(value, bool) or value == "":
            return value
        if depth > _DEEPEST:
            return REDACTED
        if isinstance(value, Mapping):
            return self._mapping(value, parent, depth + 1, hidden)
        if isinstance(value, list | tuple | set | frozenset):
            found = [self._value(inner, parent, depth + 1, hidden) for inner in value]
            return found if isinstance(value, list) else _SEQUENCES[type(value)](found)
        return REDACTED if hidden else self._scalar(value)

    def _scalar(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, int):
            return REDACTED if value >= _SMALLEST_CARD and is_card(str(value)) else value
        if isinstance(value, bytes | bytearray):
            text = self.text(value.decode("utf-8", "surrogateescape"))
            return text.encode("utf-8", "surrogateescape")
        return value

    def _mapping(
        self, value: Mapping[Any, Any], parent: tuple[str, ...], depth: int, hidden: bool
    ) -> dict[Any, Any]:
        kind = value.get("object")
        kind = kind if isinstance(kind, str) else ""
        own = OBJECT_FIELDS.get(kind, frozenset())
        if not CARD_SIBLINGS.isdisjoint(value):
            own |= {"number"}
        found: dict[Any, Any] = {}
        for name, inner in value.items():
            if not isinstance(name, str):
                found[name] = self._value(inner, parent, depth, hidden)
                continue
            field = self._fields.get(name) or self._field(name)
            hides = (
                hidden
                or field.secret
                or name in own
                or (field.personal and not (name == "name" and kind in THINGS))
                or (field.numbers and not CARD_PARENTS.isdisjoint(parent))
            )
            shown = field.shown
            while shown in found:  # two e-mail addresses, say
                shown += "'"
            found[shown] = self._value(inner, field.names, depth, hides)
        return found

    def _field(self, name: str) -> "_Field":
        """What a field's name says; remembered, since there are few and they come again."""
        names = parts(name)
        field = _Field(
            names,
            self.text(name),
            self._is_secret(names),
            self._is_personal(names),
            names[-1:] == ("number",),
        )
        if len(name) <= LONGEST:
            if len(self._fields) >= _MOST_FIELDS:
                self._fields.clear()
            self._fields[name] = field
        return field


class _Field(NamedTuple):
    """What the name of a field says of its value.

    Attributes:
        names: its parts.
        shown: the name as it is shown.
        secret: whether the value is secret.
        personal: whether it is personal.
        numbers: whether it is a number, which may be a card's.
    """

    names: tuple[str, ...]
    shown: str
    secret: bool
    personal: bool
    numbers: bool


def _in_texts(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {name: _in_texts(inner, change) for name, inner in value.items()}
    if isinstance(value, list):
        return [_in_texts(inner, change) for inner in value]
    return value


def _compare(value: Any, redacted: Any, found: set[str]) -> None:
    """Collect the texts of a value, as JSON has them, in whose place stands something else."""
    if isinstance(value, Mapping) and isinstance(redacted, Mapping):
        for inner, after in zip(value.values(), redacted.values(), strict=False):
            _compare(inner, after, found)
    elif isinstance(value, list) and isinstance(redacted, list):
        for inner, after in zip(value, redacted, strict=True):
            _compare(inner, after, found)
    elif redacted == REDACTED and isinstance(value, str | int):
        found.add(str(value))


_current = Redactor()
_has_no_more = True
"""Whether there are no patterns but those of the table."""


def configure(
    personal: Collection[str] = PERSONAL, patterns: Iterable[re.Pattern[str]] = ()
) -> None:
    """Say what is redacted from now on, in the whole process.

    Secrets always are. `configure()` goes back to the defaults.

    Args:
        personal: as for `Redactor`: `PERSONAL | {"nickname"}`, or `frozenset()` for none.
        patterns: as for `Redactor`.

    Raises:
        TypeError: as `Redactor` does; nothing is changed.
    """
    global _current, _has_no_more
    _current = Redactor(personal, patterns)
    _has_no_more = not _current._extra


def current_redactor() -> Redactor:
    """What `configure` has set."""
    return _current


def redact_text(text: str) -> str:
    """The text without secrets and personal data, by what `configure` has set."""
    return _current.text(text)


def redact_path(path: str) -> str:
    """The path of a request, likewise; the usual ones cost less this way."""
    return path if _is_harmless_path(path) and _has_no_more else _current.text(path)


def redact_value(value: Any) -> Any:
    """A copy of a value as JSON has them, without secrets and personal data at any depth.

    Fields go by their names, keys of mappings and texts by what is in them.
    """
    return _current.value(value)
