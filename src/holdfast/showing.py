"""Texts of others (ids, paths, messages of servers) -> texts that are safe to show.

What a server or a file says may hold secrets, control characters that move a terminal's cursor,
and marks that turn the direction of what is read. The escapes of HTML, CSV and JSON are the
business of whoever writes those.
"""

import re

from holdfast.redaction import redact_text

LONGEST = 300

# Controls of ASCII and Latin-1, line and paragraph separators, marks and embeddings of direction
# (unicode.org/reports/tr9), zero-width characters, the byte order mark, tags, lone surrogates.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_LINE_BREAKS = re.compile(r"[\t ]*[\r\n][\s]*")


def shown(text: str, longest: int = LONGEST) -> str:
    """A text as a reader may see it: without secrets, in one line, with nothing invisible in it.

    Args:
        text: what somebody else wrote.
        longest: how many characters of it are shown at most.
    """
    in_one_line = _LINE_BREAKS.sub(" ", redact_text(text))
    return cut(_UNSEEN.sub(_escaped, in_one_line), longest)


def cut(text: str, longest: int) -> str:
    """The beginning of a text, with an ellipsis where something is left out."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _escaped(match: re.Match[str]) -> str:
    number = ord(match[0])
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
