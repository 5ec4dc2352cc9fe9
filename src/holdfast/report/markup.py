"""Elements of HTML and SVG, escaped by construction: only what this module made is markup."""

import html
from collections.abc import Iterable


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


Content = str | Iterable[str]
Value = str | int | float | bool | None

_VOID = frozenset({"br", "input", "link", "meta"})


def element(tag: str, /, *content: Content, **attributes: Value) -> Markup:
    """An element.

    Args:
        tag: its name.
        content: its children, in order. A text is escaped unless it is `Markup`.
        attributes: `class_` is `class`, `aria_label` is `aria-label`; True is an attribute without
            a value, None and False are none.
    """
    start = f"<{tag}{''.join(_attribute(*one) for one in attributes.items())}>"
    if tag in _VOID:
        return Markup(start)
    return Markup(f"{start}{joined(*content)}</{tag}>")


def joined(*content: Content) -> Markup:
    """Contents one after another."""
    return Markup("".join(_parts(content)))


def escaped(text: str) -> Markup:
    """A text as markup."""
    return text if isinstance(text, Markup) else Markup(html.escape(text))


def _parts(content: Iterable[Content]) -> Iterable[str]:
    for one in content:
        if isinstance(one, str):
            yield escaped(one)
        else:
            yield from map(escaped, one)


def _attribute(name: str, value: Value) -> str:
    if value is None or value is False:
        return ""
    name = name.rstrip("_").replace("_", "-")
    if value is True:
        return f" {name}"
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return f' {name}="{html.escape(text)}"'
