"""A whole code base: which request can be reached through which layers."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from holdfast.doctor.code.facts import (
    Block,
    Client,
    Edge,
    Elsewhere,
    Function,
    Layer,
    Maker,
    Module,
    Request,
    TimeLimit,
)

SDK_ATTEMPTS = 3  # stripe.max_network_retries is 2
_DEEPEST = 8
_MOST_PATHS = 2_000
_MODULE_WIDE = Client(Maker.MODULE, SDK_ATTEMPTS)


@dataclass(frozen=True, slots=True)
class Path:
    """The way to a request, from the outermost function that is known.

    Attributes:
        request: the request.
        client: what it goes out by; None if that cannot be seen.
        layers: all that repeats it, the innermost first.
        blocks: all `with` blocks around it.
        time_limit: of the job that it is in.
    """

    request: Request
    client: Client | None
    layers: tuple[Layer, ...]
    blocks: tuple[Block, ...]
    time_limit: TimeLimit | None


@dataclass(slots=True)
class Tree:
    """All modules that were read.

    Attributes:
        modules: by their dotted names.
        module_wide: what the module-wide style goes out by in this code base.
    """

    modules: dict[str, Module] = field(default_factory=dict)
    _functions: dict[str, Function] = field(default_factory=dict)
    _clients: dict[str, Client | Elsewhere] = field(default_factory=dict)
    _short: dict[str, str | None] = field(default_factory=dict)
    _callers: dict[str, list[tuple[Function, Edge]]] = field(default_factory=dict)
    _given: dict[str, list[Layer]] = field(default_factory=dict)
    module_wide: Client = field(default=_MODULE_WIDE)

    def add(self, module: Module) -> None:
        """Take a module in."""
        self.modules[module.name] = module

    def linked(self) -> "Tree":
        """The same, with the calls between its functions followed."""
        for module in self.modules.values():
            self._functions |= module.functions
            self._clients |= module.clients
            # A module may be imported by the end of its name, as under `src/`.
            parts = module.name.split(".")
            for start in range(len(parts)):
                short = ".".join(parts[start:])
                self._short[short] = None if short in self._short and start else module.name
        callers: dict[str, list[tuple[Function, Edge]]] = defaultdict(list)
        for function in self._functions.values():
            for edge in function.edges:
                name = self._find(edge.callee, self._functions)
                if name is not None and name != function.name:
                    callers[name].append((function, edge))
        self._callers = callers
        for module in self.modules.values():
            for callee, layer in module.given:
                name = self._find(callee, self._functions)
                if name is not None:
                    self._given.setdefault(name, []).append(layer)
        self.module_wide = self._module_wide()
        return self

    @property
    def sdk_attempts(self) -> int | None:
        """How often the module-wide style sends a request at most."""
        told = [one for module in self.modules.values() for one in module.sdk_attempts]
        if None in told:
            return None
        return max((one for one in told if one is not None), default=SDK_ATTEMPTS)

    def _module_wide(self) -> Client:
        for module in self.modules.values():
            made = self._client(module.default_client)
            if made is not None:
                if made.maker is Maker.HOLDFAST:
                    # The SDK's own number takes the place of the policy's.
                    return replace(made, attempts=self.sdk_attempts)
                return Client(Maker.MODULE, self.sdk_attempts, made.longest)
        return Client(Maker.MODULE, self.sdk_attempts)

    @property
    def limits(self) -> list[TimeLimit]:
        """The time limits for all web requests and all jobs."""
        return [limit for module in self.modules.values() for limit in module.limits]

    def requests(self) -> Iterator[Request]:
        """Every request that the code makes to Stripe."""
        for function in self._functions.values():
            for request in function.requests:
                if self._is_stripes(request):
                    yield request

    def paths(self) -> Iterator[Path]:
        """The ways to each request. Of a tangle of calls, only a bounded number is followed."""
        for function in self._functions.values():
            for request in function.requests:
                if not self._is_stripes(request):
                    continue
                start = Path(request, self._client(request.client), request.layers, (), None)
                layers = self._around_arguments(request.through) + request.layers
                start = replace(start, layers=layers, blocks=request.blocks)
                for count, path in enumerate(self._outwards(function, start, ())):
                    if count >= _MOST_PATHS:
                        break
                    yield path

    def _around_arguments(self, name: str) -> tuple[Layer, ...]:
        """What a function, a helper or a decorator, puts around the functions it is given."""
        found = self._find(name, self._functions) if name else None
        return () if found is None else self._functions[found].around_arguments

    def _is_stripes(self, request: Request) -> bool:
        """Whether its client is one, where only its name is known."""
        return isinstance(request.client, Client) or self._client(request.client) is not None

    def _client(self, made: Client | Elsewhere | None, depth: int = 6) -> Client | None:
        if isinstance(made, Elsewhere):
            name = self._find(made.name, self._clients)
            if name is None or depth == 0:
                return None
            return self._client(self._clients[name], depth - 1)
        if made is not None and made.maker is Maker.MODULE:
            return self.module_wide
        return made

    def _outwards(self, function: Function, path: Path, seen: tuple[str, ...]) -> Iterator[Path]:
        own = [*function.layers, *self._given.get(function.name, ())]
        for name in function.wrapped_by:
            own += self._around_arguments(name)
        here = replace(
            path,
            layers=path.layers + tuple(own),
            blocks=path.blocks + function.blocks,
            time_limit=path.time_limit or function.time_limit,
        )
        seen = (*seen, function.name)
        callers = [
            (caller, edge)
            for caller, edge in self._callers.get(function.name, ())
            if caller.name not in seen
        ]
        if not callers or len(seen) > _DEEPEST:
            yield here
            return
        # A job may be called by other code, and is run by its queue as well.
        if any(layer.is_job for layer in here.layers):
            yield here
        for caller, edge in callers:
            outer = replace(
                here, layers=here.layers + edge.layers, blocks=here.blocks + edge.blocks
            )
            yield from self._outwards(caller, outer, seen)

    def _find(
        self, name: str, among: dict[str, Function] | dict[str, Client | Elsewhere]
    ) -> str | None:
        """The whole name of something that the code calls by `name`."""
        if name in among:
            return name
        owner, _, last = name.rpartition(".")
        tail = [last]
        while owner:
            module = self._short.get(owner)
            if module is not None:
                whole = ".".join([module, *tail[::-1]])
                return whole if whole in among else None
            owner, _, last = owner.rpartition(".")
            tail.append(last)
        return None
