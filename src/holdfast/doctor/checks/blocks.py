"""`with` blocks around requests: Holdfast's around other clients, and database transactions."""

from collections.abc import Iterator

from holdfast.doctor.catalogue import CHECKS
from holdfast.doctor.code.facts import Block, Maker
from holdfast.doctor.code.tree import Path, Tree
from holdfast.doctor.code.verbs import Effect
from holdfast.doctor.finding import Finding, Place, Severity

_ATOMIC = "django.db.transaction.atomic"
_FOREIGN = (Maker.SDK, Maker.MODULE, Maker.HTTP)


def check(tree: Tree) -> Iterator[Finding]:
    """Find blocks that do nothing, and transactions that wait for Stripe."""
    ours: set[Place] = set()
    found: dict[Place, Finding] = {}
    for path in tree.paths():
        for block in path.blocks:
            if block.name == _ATOMIC:
                found.setdefault(path.request.place, _transaction(path, block))
            elif path.client is None or path.client.maker is Maker.HOLDFAST or _unseen(path):
                ours.add(block.place)
            elif path.client.maker in _FOREIGN:
                found.setdefault(block.place, _without_effect(path, block))
    yield from (one for place, one in found.items() if place not in ours)


def _unseen(path: Path) -> bool:
    """Whether how the client was made cannot be seen, so that it may be Holdfast's."""
    client = path.client
    return client is None or (client.maker is Maker.SDK and client.attempts is None)


def _without_effect(path: Path, block: Block) -> Finding:
    return CHECKS["block-without-effect"].at(
        block.place,
        f"`with {block.name}(...)` has no effect on `{path.request.text}`: its client is not "
        "Holdfast's.",
        "client = holdfast.stripe_client(key), or stripe.default_http_client = "
        "holdfast.StripeHTTPClient().",
    )


def _transaction(path: Path, block: Block) -> Finding:
    writes = path.request.effect is not Effect.READS
    return CHECKS["transaction-around-request"].at(
        path.request.place,
        f"`{path.request.text}` runs inside transaction.atomic() (line {block.place.line}).",
        "Send it before or after: transaction.on_commit(lambda: charge(order_id)), and keep its "
        "idempotency key in the row.",
        severity=Severity.WARNING if writes else Severity.ADVICE,
    )
