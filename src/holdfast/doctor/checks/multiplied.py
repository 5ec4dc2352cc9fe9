"""Layers of retries that multiply, and layers without an end."""

from collections.abc import Iterator

from holdfast.doctor import rules
from holdfast.doctor.code.facts import Layer, Maker
from holdfast.doctor.code.tree import Path, Tree
from holdfast.doctor.finding import Finding, Place
from holdfast.doctor.rules import Factor

_SDK = {
    Maker.SDK: "the SDK's own retries",
    Maker.MODULE: "the SDK's own retries, stripe.max_network_retries",
    Maker.HOLDFAST: "Holdfast's client",
    Maker.HTTP: "the HTTP client",
}


def check(tree: Tree) -> Iterator[Finding]:
    """Find the products, each set of layers once, and the layers without an end."""
    told: set[Place] = set()
    worst: dict[tuple[Place, ...], tuple[Path, int]] = {}
    for path in tree.paths():
        layers = effective(path)
        for layer in layers:
            if layer.endless and layer.place not in told:
                told.add(layer.place)
                yield rules.endless(layer.place, _named(layer))
        if any(block.name == "holdfast.allowance" for block in path.blocks):
            continue  # it bounds the retries of all layers together
        layers = [layer for layer in layers if not layer.endless]
        key = tuple(layer.place for layer in layers)
        before = worst.get(key)
        if layers and (before is None or _own_attempts(path, layers) > before[1]):
            worst[key] = path, _own_attempts(path, layers)
    yield from _longest(worst)


def _longest(worst: dict[tuple[Place, ...], tuple[Path, int]]) -> Iterator[Finding]:
    """The products of the longest rows of layers; parts of them are told with the whole."""
    for key, (path, _) in worst.items():
        if any(len(other) > len(key) and _is_part(key, other) for other in worst):
            continue
        layers = [layer for layer in effective(path) if not layer.endless]
        factors = [Factor(f"{_named(layer)} at {layer.place}", layer.attempts) for layer in layers]
        own = _own_attempts(path, layers)
        if own > 1 and path.client is not None:
            factors.insert(0, Factor(_SDK[path.client.maker], own))
        request = path.request
        found = rules.product(request.place, f"`{request.text}`", factors)
        if found is not None:
            yield found


def effective(path: Path) -> list[Layer]:
    """The layers of a path that may repeat its request."""
    return [layer for layer in path.layers if layer.repeats and layer.concerns_stripe]


def _own_attempts(path: Path, layers: list[Layer]) -> int:
    """How often the client itself sends the request at most; 1 where that cannot be seen."""
    client = path.client
    if client is None:
        return 1
    if client.maker is Maker.HOLDFAST:
        # Inside Holdfast's own loops it shares their retries.
        return 1 if any(layer.shares for layer in layers) else (client.attempts or 1)
    return client.attempts or 1


def _is_part(key: tuple[Place, ...], other: tuple[Place, ...]) -> bool:
    return other[: len(key)] == key


def _named(layer: Layer) -> str:
    return layer.what[0].upper() + layer.what[1:] if layer.endless else layer.what
