"""Which object belongs to which, learned from answers.

A subscription's answer names its customer. From then on a call on the subscription is known to
contend with those on the customer, although its path does not say so.
"""

import re
import threading
from collections import OrderedDict

# Kind of object, by its id's prefix -> the fields that name what it belongs to, and the prefix of
# an id there. Fields: Stripe's API reference; what contends with what is not published, so these
# are the parents that requests on the object would otherwise have to name themselves.
_CUSTOMER = (b"customer", b"cus")
_PARENTS: dict[bytes, tuple[tuple[bytes, bytes], ...]] = {
    b"card": (_CUSTOMER,),
    b"ch": (_CUSTOMER, (b"payment_intent", b"pi")),
    b"cs": (_CUSTOMER,),
    b"ii": (_CUSTOMER, (b"invoice", b"in")),
    b"in": (_CUSTOMER,),
    b"pi": (_CUSTOMER,),
    b"pm": (_CUSTOMER,),
    b"py": (_CUSTOMER, (b"payment_intent", b"pi")),
    b"qt": (_CUSTOMER,),
    b"re": ((b"charge", b"ch"), (b"payment_intent", b"pi")),
    b"seti": (_CUSTOMER,),
    b"si": ((b"subscription", b"sub"),),
    b"src": (_CUSTOMER,),
    b"sub": (_CUSTOMER,),
}

# An object's own id comes first, or right after its kind.
_OWN_ID = re.compile(rb'\s*\{\s*(?:"object":\s*"[a-z_.]+",\s*)?"id":\s*"(([a-z]+)_\w+)"')
# A field's value: an id, or an expanded object that begins with its own.
_VALUES = {
    prefix: re.compile(rb'\s*(?:\{\s*(?:"object":\s*"[a-z_.]+",\s*)?"id":\s*)?"(%s_\w+)"' % prefix)
    for prefix in (b"ch", b"cus", b"in", b"pi", b"sub")
}
# How Stripe writes the fields of the object itself; whatever is nested is indented further.
_INDENT = b"\n  "

# Relations are followed this many steps: an item, its subscription, its customer.
_STEPS = 4


class Relations:
    """What belongs to what, as answers said. Any thread may use it.

    Args:
        limit: how many objects are remembered; the one that no answer named for longest goes.
    """

    __slots__ = ("_limit", "_mutex", "_parents")

    def __init__(self, limit: int = 10_000) -> None:
        self._limit = limit
        self._mutex = threading.Lock()
        self._parents: OrderedDict[str, tuple[str, ...]] = OrderedDict()

    def __len__(self) -> int:
        """How many objects are remembered."""
        return len(self._parents)

    def learn(self, body: object) -> None:
        """Look at a successful answer, without parsing it: whoever wants it parsed does so later.

        Args:
            body: the answer's body; anything but the bytes or the text of one JSON object that
                has parents teaches nothing.
        """
        if isinstance(body, str):
            body = body.encode()
        if not isinstance(body, bytes):
            return
        own = _OWN_ID.match(body)
        fields = () if own is None else _PARENTS.get(own[2], ())
        if own is None or not fields:
            return
        start = _INDENT if body.startswith(_INDENT, 1) else b""
        found = (_value(body, start, name, prefix) for name, prefix in fields)
        parents = tuple(parent for parent in found if parent is not None)
        self._remember(own[1].decode(), parents)

    def with_parents(self, keys: tuple[str, ...]) -> tuple[str, ...]:
        """The objects, and those that they are known to belong to."""
        known = self._parents
        if not known:
            return keys
        found, new = dict.fromkeys(keys), keys
        for _ in range(_STEPS):
            new = tuple(
                parent for key in new for parent in known.get(key, ()) if parent not in found
            )
            if not new:
                break
            found.update(dict.fromkeys(new))
        return tuple(found)

    def _remember(self, child: str, parents: tuple[str, ...]) -> None:
        with self._mutex:
            known = self._parents
            if not parents:
                known.pop(child, None)  # such as a payment method that was detached
                return
            known[child] = parents
            known.move_to_end(child)
            if len(known) > self._limit:
                known.popitem(last=False)


def _value(body: bytes, start: bytes, name: bytes, prefix: bytes) -> str | None:
    label = b'%s"%s":' % (start, name)
    at = body.find(label)
    if at < 0:
        return None
    value = _VALUES[prefix].match(body, at + len(label))
    return None if value is None else value[1].decode()
