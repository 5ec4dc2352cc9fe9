"""Writes that are repeated from above the SDK, and the keys that they have."""

from collections.abc import Iterator

from holdfast.doctor.catalogue import CHECKS
from holdfast.doctor.checks.multiplied import effective
from holdfast.doctor.code.facts import KeyKind, Layer, Maker, Request
from holdfast.doctor.code.tree import Path, Tree
from holdfast.doctor.code.verbs import Effect
from holdfast.doctor.finding import Finding, Place, Severity


def check(tree: Tree) -> Iterator[Finding]:
    """Find writes that may happen twice, and keys that do not do what they are for."""
    told: set[tuple[str, Place]] = set()
    for path in tree.paths():
        request = path.request
        if request.effect is Effect.READS:
            continue
        for found in (_without_key(path), _made_anew(path), _constant(request), _plain(path)):
            if found is not None and found.place and (found.check, found.place) not in told:
                told.add((found.check, found.place))
                yield found


def _repeaters(path: Path) -> list[Layer]:
    """The layers that may send a request again that was executed."""
    return [layer for layer in effective(path) if not layer.only_unprocessed]


def _without_key(path: Path) -> Finding | None:
    request, layers = path.request, _repeaters(path)
    if request.key.kind is not KeyKind.NONE or not layers:
        return None
    layer = layers[0]
    adds = request.effect is Effect.ADDS
    return CHECKS["key-per-repetition"].at(
        request.place,
        f"`{request.text}` has no idempotency key and is repeated by {_where(layer, request)}.",
        _mend(request, layer),
        why=""
        if adds
        else "Each repetition is a new call with a new key; what it sets is set again, also over "
        "a change that came in between.",
        severity=Severity.ERROR if adds else Severity.ADVICE,
    )


def _made_anew(path: Path) -> Finding | None:
    request = path.request
    made = request.key.place
    if request.key.kind is not KeyKind.FRESH or made is None:
        return None
    layers = [layer for layer in _repeaters(path) if _goes_around(layer, request, made)]
    if not layers:
        return None
    return CHECKS["key-made-anew"].at(
        made,
        f"The idempotency key of `{request.text}` is made by {request.key.made_by}() inside of "
        f"{_where(layers[0], request)}: each repetition has another one.",
        _mend(request, layers[0]),
    )


def _goes_around(layer: Layer, request: Request, made: Place) -> bool:
    """Whether a layer repeats the making of the key, too, and not just the request."""
    first, last = layer.lines
    if not last or layer.place.file != request.place.file:
        return True  # it goes around the whole function
    if not first <= request.place.line <= last:
        return True  # a loop in a caller
    return first <= made.line <= last


def _constant(request: Request) -> Finding | None:
    if request.key.kind is not KeyKind.CONSTANT or request.key.place is None:
        return None
    return CHECKS["key-constant"].at(
        request.key.place,
        f"Every `{request.text}` here has the same idempotency key.",
        'Make it of what the call is for: idempotency_key=f"refund-{charge.id}".',
    )


def _plain(path: Path) -> Finding | None:
    request, client = path.request, path.client
    if client is None or client.maker is not Maker.HTTP or request.key.kind is not KeyKind.NONE:
        return None
    if request.effect is not Effect.ADDS or _repeaters(path):
        return None
    return CHECKS["post-without-key"].at(
        request.place,
        f"`{request.text}` posts to Stripe without an Idempotency-Key.",
        'headers={"Idempotency-Key": f"order-{order.id}"}, or httpx.Client(transport='
        'HoldfastTransport(Policy(idempotency_keys="unsafe"))).',
    )


def _where(layer: Layer, request: Request) -> str:
    near = layer.place.file == request.place.file
    return f"{layer.what} (line {layer.place.line})" if near else f"{layer.what} at {layer.place}"


def _mend(request: Request, layer: Layer) -> str:
    word = request.text.split(".")[-2].lower() if "." in request.text else "call"
    key = f'f"{word}-{{order.id}}"'
    if layer.what == "the Celery task":
        key = f'f"{word}-{{self.request.id}}"'
    if ".v1." in request.text or ".v2." in request.text:
        return f'Give it a key that stays the same: options={{"idempotency_key": {key}}}.'
    return f"Give it a key that stays the same: idempotency_key={key}."
