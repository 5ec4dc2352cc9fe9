"""What the operations of the official package do, by the names of their methods."""

from enum import StrEnum


class Effect(StrEnum):
    """What a request does to the account."""

    READS = "reads"
    SETS = "sets"  # a second time changes nothing more
    ADDS = "adds"  # a second time does it twice, unless the idempotency key is the same


# The first words of the methods' names; tests/doctor checks them against the package itself.
_READS = frozenset("fetch find list pdf persons preview retrieve search".split())
_ADDS = frozenset(
    "add apply attach_payment capture charge confirm create credit fund increment pay post process "
    "refund report reverse send submit token transfer".split()
)
_SETS = frozenset(
    "accept acknowledge activate advance approve archive attach cancel close collect deactivate "
    "deauthorize decline delete deliver detach disable disconnect enable expire fail finalize "
    "mark migrate modify pause ping present reactivate recipient redact refresh reject release "
    "remove respond resume return save set ship subscribe succeed timeout unarchive uninstall "
    "unreject unsubscribe update validate verify void".split()
)
# They begin like others and do something else.
_EXCEPTIONS = {
    "create_preview": Effect.SETS,
    "delete_where": Effect.SETS,
    "recipient_verifications": Effect.SETS,
    "attach_payment": Effect.ADDS,
}


def effect_of(method: str) -> Effect | None:
    """The effect of a method of a service or an object of the SDK; None if it sends no request."""
    name = method.removesuffix("_async").removeprefix("_cls_")
    if name in _EXCEPTIONS:
        return _EXCEPTIONS[name]
    word = name.partition("_")[0]
    for words, effect in ((_READS, Effect.READS), (_SETS, Effect.SETS), (_ADDS, Effect.ADDS)):
        if word in words:
            return effect
    return None
