"""The small texts of a report: what is shown of others' texts, and numbers with their nouns."""

from holdfast.showing import cut, shown

__all__ = ["cut", "middle_cut", "plural", "shown"]


def middle_cut(text: str, longest: int) -> str:
    """A text without its middle, as ids differ at their ends."""
    if len(text) <= longest:
        return text
    head = longest // 2
    return f"{text[:head]}…{text[len(text) - (longest - head - 1) :]}"


def plural(number: int, noun: str, many: str | None = None) -> str:
    """A number with its noun: `1 request`, `2,000 requests`."""
    return f"{number:,} {noun if number == 1 else many or noun + 's'}"
