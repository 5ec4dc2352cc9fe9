"""Fields inside of texts: JSON, the form of a request's body or query, headers, `repr`s."""

import re
from collections.abc import Callable

from holdfast.redaction.fields import REDACTED, normal, parts

# {"cvc": "123"} and {'cvc': '123'}, also inside of a string of JSON: {\"cvc\": \"123\"}
_QUOTED = re.compile(r"""(\\{0,3}["'])([\w\-\[\].]{1,100}+)\1\s{0,4}:\s{0,4}""")
# card[cvc]=123, ?email=..., cvc='123'
_ASSIGNED = re.compile(r"(?<![\w\-\[\].%])((?:[\w\-\[\].]|%5[BbDd])++)=(?!=)")
# Idempotency-Key: abc, cvc: 123
_HEADER = re.compile(r"(?<![\w\-\"'])([A-Za-z_-]{3,40}+):[ \t]{0,4}")

_IN_HEADERS = frozenset(
    map(
        normal,
        "authorization proxy_authorization cookie set_cookie stripe_signature idempotency_key "
        "x_idempotency_key x_api_key api_key client_secret cvc cvv account_number routing_number "
        "card_number".split(),
    )
)

_VALUE = re.compile(
    r"""(?P<quote>\\{0,3}["'])(?:(?!(?P=quote))(?:\\.|.))*+(?:(?P=quote))?"""
    r"""|\{[^{}]*+\}|\[[^\[\]]*+\]|[^\s&"'<>,;)}\\]++""",
    re.DOTALL,
)
_WORDS = frozenset({"null", "None", "true", "false", "True", "False", "{}", "[]"})
# `Authorization: Bearer abc` and `Cookie: a=b; c=d` have values of many words.
_REST_OF_LINE = re.compile(r"[^\r\n\"']++")
_LONG_HEADERS = frozenset(map(normal, ("authorization", "proxy_authorization", "cookie")))

Hides = Callable[[tuple[str, ...]], bool]


def hide_fields(text: str, secret: Hides, personal: Hides) -> str:
    """Take the values of fields out of a text.

    Args:
        text: the text.
        secret: whether a field with these names is secret.
        personal: whether it is personal.
    """
    if ":" in text:
        text = _hide(text, _QUOTED, 2, lambda _, names: secret(names) or personal(names))
        text = _hide(text, _HEADER, 1, lambda _, names: names[0] in _IN_HEADERS)
    if "=" in text:
        text = _hide(
            text,
            _ASSIGNED,
            1,
            lambda match, names: secret(names) or (_in_form(match) and personal(names)),
        )
    return text


def _in_form(match: re.Match[str]) -> bool:
    """Whether a name and a "=" are of a form or query: `name=x` alone is said of many things."""
    text = match.string
    return (
        text[match.start() - 1 : match.start()] in ("?", "&")
        or "[" in match[1]
        or _GOES_ON.match(text, match.end()) is not None
    )


_GOES_ON = re.compile(r"[^\s&=\"'<>]*+&")


def _hide(
    text: str,
    regex: re.Pattern[str],
    group: int,
    hides: Callable[[re.Match[str], tuple[str, ...]], bool],
) -> str:
    pieces: list[str] = []
    done = 0
    for match in regex.finditer(text):
        start = match.end()
        if start < done:
            continue
        names = parts(match[group])
        if not names or not hides(match, names):
            continue
        long = names[0] in _LONG_HEADERS and regex is _HEADER
        value = (_REST_OF_LINE if long else _VALUE).match(text, start)
        if value is None or value[0] in _WORDS:
            continue
        quote = value["quote"] if not long and value["quote"] else ""
        if value[0] == quote * 2:
            continue
        pieces += (text[done:start], quote, REDACTED, quote)
        done = value.end()
    if not pieces:
        return text
    return "".join((*pieces, text[done:]))
