"""Which requests take which objects' locks: a table, its evidence, and how a file changes it."""

from holdfast.sandbox.lock_rules.reading import (
    FindOperation,
    LockRulesError,
    default_rules,
    read_rules,
)
from holdfast.sandbox.lock_rules.rules import LockRules, Override

__all__ = [
    "FindOperation",
    "LockRules",
    "LockRulesError",
    "Override",
    "default_rules",
    "read_rules",
]
