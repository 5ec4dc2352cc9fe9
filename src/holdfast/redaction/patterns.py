"""What is redacted inside of texts: a table, each row a regular expression in linear time.

No expression goes over a character more often than a bounded number of times: repeats are
possessive or bounded, and begin only where what they repeat begins.
"""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass

from holdfast.redaction.fields import REDACTED
from holdfast.redaction.numbers import is_card, is_iban

Replace = Callable[[re.Match[str]], str]


@dataclass(frozen=True, slots=True)
class Pattern:
    """One kind of secret.

    Attributes:
        what: what it finds, for people.
        example: how one looks; not a real one.
        hints: it is looked for only in texts that have one of these.
        regex: finds candidates.
        replace: the text for each; that of the match itself when it is none.
        personal: whether it is personal data instead of a secret.
    """

    what: str
    example: str
    hints: tuple[str, ...]
    regex: re.Pattern[str]
    replace: Replace
    personal: bool = False

    def apply(self, text: str) -> str:
        """The text without them."""
        for hint in self.hints:
            if hint in text:
                return self.regex.sub(self.replace, text)
        return text


# Between the digits of printed numbers, also as URLs have them.
_GAP = r"(?:[ \-+\u00a0\u2009\u202f]|%20)"
# The beginning of a word, also behind an escaped character (and not inside of one).
_WORD = r"(?<!%)(?<!%[0-9A-Fa-f])(?:(?<![A-Za-z0-9_])|(?<=%[0-9A-Fa-f]{2})|(?<=\\[nrt]))"

# A key of Stripe's is longer; what is shorter inside of a word may be the end of that word.
_LONG = 16

# What an object whose client secret this is begins with.
_HOLDERS = frozenset("accs cs cuss fcsess pi seti src sub vs".split())

_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9_]")
_GAPS = re.compile(_GAP)
_ALL_GAPS = re.compile(rf"{_GAP}|$")
_GROUP = re.compile(r"(?:(?<=%20)|(?<!%)(?<!%2))[0-9]++")
# How the numbers of cards are grouped, the longest first.
_PRINTED = ((4, 4, 4, 4, 3), (4, 4, 4, 4), (4, 4, 4, 3), (4, 6, 5), (4, 6, 4), (4, 4, 4))
_MOST_GROUPS = 5
_MOST_DIGITS = 19
_WHOLE_WORD = re.compile(_WORD)


def _after_prefix(match: re.Match[str]) -> str:
    return match[1] + REDACTED


def _all(_: re.Match[str]) -> str:
    return REDACTED


def _key(match: re.Match[str]) -> str:
    begins = _WHOLE_WORD.match(match.string, match.start()) is not None
    return _after_prefix(match) if begins or len(match[2]) >= _LONG else match[0]


def _client_secret(match: re.Match[str]) -> str:
    start = match.start()
    owner = _NOT_IN_IDS.split(match.string[max(0, start - 64) : start])[-1]
    # `client_secret_basic` is a word; `pi_123_secret_abc` is none, and neither is
    # `client_secret_9aZ`.
    words = owner.partition("_")[0] not in _HOLDERS and _is_words(owner) and _is_words(match[2])
    return match[0] if words else _after_prefix(match)


def _is_words(text: str) -> bool:
    return text.islower() and text.isascii() and text.replace("_", "").isalpha()


def _scheme(match: re.Match[str]) -> str:
    token = match[2]
    if match[1][0] in "Bb" and match[1][1] in "Ee":  # bearer
        secret = len(token) >= 20 or not token.isalpha() or not token[1:].islower()
    else:
        secret = b":" in _decoded(token)
    return _after_prefix(match) if secret else match[0]


def _decoded(token: str) -> bytes:
    try:
        return base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_")
    except binascii.Error:
        return b""


def _card(match: re.Match[str]) -> str:
    run = match[0]
    groups = list(_GROUP.finditer(run))
    if _is_even(groups) and is_card("".join(group[0] for group in groups)):
        return REDACTED
    # Other numbers may stand beside it, such as its security code.
    pieces: list[str] = []
    done = at = 0
    while at < len(groups):
        size = _card_at(groups, at)
        if size:
            pieces += (run[done : groups[at].start()], REDACTED)
            done = groups[at + size - 1].end()
        at += size or 1
    return "".join((*pieces, run[done:]))


def _is_even(groups: list[re.Match[str]]) -> bool:
    """Whether they are all of one size, but for the last one: nobody prints cards otherwise."""
    sizes = {len(group[0]) for group in groups[:-1]}
    return len(groups) <= _MOST_DIGITS and len(sizes) <= 1


def _card_at(groups: list[re.Match[str]], at: int) -> int:
    """How many groups of digits, from one on, are a card's number as it is printed; 0 for none."""
    sizes = tuple(len(group[0]) for group in groups[at : at + _MOST_GROUPS])
    for printed in _PRINTED:
        count = len(printed)
        if sizes[:count] == printed and is_card("".join(g[0] for g in groups[at : at + count])):
            return count
    return 1 if is_card(groups[at][0]) else 0


def _iban(match: re.Match[str]) -> str:
    """The longest beginning of what looks like one that is one: words may follow it."""
    text = match[0]
    for gap in reversed(list(_ALL_GAPS.finditer(text))):
        if is_iban(_GAPS.sub("", text[: gap.start()])):
            return REDACTED + text[gap.start() :]
    return text


_DIGITS = tuple("0123456789")
_ALNUM = "[A-Za-z0-9]"
_FOUR = "[A-Z0-9]{4}"

PATTERNS = (
    Pattern(
        "API keys: secret, restricted, of organisations, and ephemeral ones",
        "sk_live_…, rk_test_…, sk_org_live_…, ek_live_…",
        ("sk_", "rk_", "ek_"),
        re.compile(r"([sre]k_(?:(?:live|test|org)_)++)([A-Za-z0-9_*]++)"),
        _key,
    ),
    Pattern(
        "API keys of the form without a mode",
        "sk_…",
        ("sk_", "rk_", "ek_"),
        re.compile(rf"{_WORD}([sre]k_)({_ALNUM}{{16,}}+)"),
        _after_prefix,
    ),
    Pattern(
        "Signing secrets of webhooks",
        "whsec_…",
        ("whsec_",),
        re.compile(r"(whsec_)([A-Za-z0-9_+=-]++)"),
        _after_prefix,
    ),
    Pattern(
        "Client secrets: of intents, sessions and sources",
        "pi_…_secret_…, cs_test_…_secret_…, src_client_secret_…",
        ("_secret_",),
        re.compile(r"(_secret_++)([A-Za-z0-9%~_-]++)"),
        _client_secret,
    ),
    Pattern(
        "Codes and refresh tokens of OAuth",
        "ac_…, rt_…",
        ("ac_", "rt_"),
        re.compile(rf"{_WORD}((?:ac|rt)_)(?=[a-z]*+[A-Z0-9]){_ALNUM}{{8,}}+"),
        _after_prefix,
    ),
    Pattern(
        "User and password in a URL",
        "https://user:password@host",
        ("://",),
        re.compile(r"(://)[^\s/?#@\"'<>\[]++(?=@)"),
        _after_prefix,
    ),
    Pattern(
        "Links of Stripe's that let in whoever has them",
        "https://connect.stripe.com/setup/…, https://billing.stripe.com/p/session/…",
        (".stripe.com/", ".stripe.com%2F"),
        re.compile(
            r"(https?(?:://|%3A%2F%2F)(?:"
            r"(?:billing|checkout|hooks|invoice|pay|payments|verify)\.stripe\.com(?:/|%2F)"
            r"|connect\.stripe\.com(?:/|%2F)(?!oauth/)|files\.stripe\.com(?:/|%2F)links(?:/|%2F)))"
            r"(?!\[redacted\])[^\s\"'<>\\&;]++"
        ),
        _after_prefix,
    ),
    Pattern(
        "Tokens of HTTP authentication",
        "Bearer …, Basic …",
        ("earer", "EARER", "asic", "ASIC"),
        re.compile(rf"(?i:{_WORD}((?:bearer|basic)(?:[ +]|%20)++))([A-Za-z0-9._~+/=-]++)"),
        _scheme,
    ),
    Pattern(
        "Idempotency keys in Stripe's own sentences",
        "Try using a key other than '…'",
        ("key other than ", "Idempotent Key"),
        re.compile(
            r"(key other than '|Idempotent Key \([^()]{0,200}\): )[^'\s]+?(?=['\s]|[.,;]?(?:\s|$))"
        ),
        _after_prefix,
    ),
    Pattern(
        "Card numbers: 12 to 19 digits, also in groups, that begin with 2 to 6 and have the "
        "right check digit (Luhn)",
        "4242 4242 4242 4242",
        _DIGITS,
        re.compile(rf"{_WORD}[0-9](?:{_GAP}?[0-9]){{11,}}+(?![A-Za-z0-9_])"),
        _card,
    ),
    Pattern(
        "IBANs with the right check digits",
        "DE89 3704 0044 0532 0130 00",
        _DIGITS,
        re.compile(
            rf"{_WORD}(?:[A-Z]{{2}}[0-9]{{2}}(?:{_GAP}{_FOUR}){{2,7}}+(?:{_GAP}[A-Z0-9]{{1,3}}+)?+"
            rf"|[A-Za-z]{{2}}[0-9]{{2}}{_ALNUM}{{11,30}}+)(?![A-Za-z0-9_])"
        ),
        _iban,
    ),
    Pattern(
        "E-mail addresses (where `email` is a personal field)",
        "jenny@example.com",
        ("@", "%40"),
        re.compile(
            r"(?<![\w.+%-])(?:[\w.+-]|%(?!40)[0-9A-Fa-f]{2})++(?:@|%40)"
            r"[\w-]++(?:\.[\w-]++)++"
        ),
        _all,
        personal=True,
    ),
)
"""All kinds, in the order in which they are looked for."""
