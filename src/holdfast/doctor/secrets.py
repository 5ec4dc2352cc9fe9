"""The types of Stripe's API keys, told without ever showing one."""

import re
from dataclasses import dataclass

KEY_VARIABLE = "STRIPE_API_KEY"

# What follows the prefix in a real key; shorter ones and repetitions are placeholders.
_SHORTEST = 16
_DIFFERENT = 8

_KINDS = {
    "sk_live_": "a live secret key",
    "rk_live_": "a live restricted key",
    "sk_test_": "a test secret key",
    "rk_test_": "a test restricted key",
    "sk_org_": "an organisation's secret key",
    "pk_live_": "a live publishable key",
    "pk_test_": "a test publishable key",
    "whsec_": "a webhook's secret",
}
_SHAPE = re.compile(r"\b(" + "|".join(_KINDS) + r")([A-Za-z0-9_+/=]{" + str(_SHORTEST) + r",255})")


@dataclass(frozen=True, slots=True)
class KeyKind:
    """What a key is, without the key.

    Attributes:
        prefix: such as `sk_live_`.
        what: in words.
    """

    prefix: str
    what: str

    @property
    def live(self) -> bool:
        """Whether it moves real money."""
        return "_live_" in self.prefix or self.prefix == "sk_org_"

    @property
    def test(self) -> bool:
        """Whether it is of a sandbox."""
        return "_test_" in self.prefix

    @property
    def publishable(self) -> bool:
        """Whether it is meant for browsers."""
        return self.prefix.startswith("pk_")

    @property
    def redacted(self) -> str:
        """What may be shown of it."""
        return f"{self.prefix}[redacted]"


def kind_of(key: str) -> KeyKind | None:
    """The type of a key by its beginning; None if it begins like none."""
    for prefix, what in _KINDS.items():
        if key.startswith(prefix):
            return KeyKind(prefix, what)
    return None


def real_keys(text: str) -> list[KeyKind]:
    """The keys in a text that look like real ones, not like placeholders."""
    return [
        KeyKind(prefix, _KINDS[prefix])
        for prefix, rest in _SHAPE.findall(text)
        if _looks_random(rest)
    ]


def _looks_random(rest: str) -> bool:
    mixed = any(map(str.isdigit, rest)) and any(map(str.isalpha, rest))
    return mixed and len(set(rest)) >= _DIFFERENT
