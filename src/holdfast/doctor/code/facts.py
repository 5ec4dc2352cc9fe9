"""What is kept of a module once it is read: enough to follow requests through the whole tree."""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from holdfast.doctor.code.verbs import Effect
from holdfast.doctor.finding import Place

DEFAULT_TIMEOUT = 80.0  # of the SDK's clients, in seconds: stripe/_http_client.py


class Wait(StrEnum):
    """How long a layer waits between two attempts."""

    NONE = "none"
    FIXED = "fixed"
    VARIED = "varied"  # it grows, or has jitter
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Layer:
    """Something that does again what is inside it.

    Attributes:
        what: as a reader calls it, such as `tenacity.retry`.
        place: where it is.
        attempts: how often at most; None if that cannot be seen.
        endless: whether there is no end to it.
        catches: the exceptions after which it goes on; None if they cannot be seen.
        wait: how it waits.
        wait_place: where the wait is written.
        reads_code: whether it looks at the error's code.
        is_job: whether it is a job queue's.
        shares: whether it is Holdfast's, and shares its retries with Holdfast's clients.
        lines: the first and the last line of what it repeats, if that is a block.
    """

    what: str
    place: Place
    attempts: int | None = None
    endless: bool = False
    catches: frozenset[str] | None = None
    wait: Wait = Wait.UNKNOWN
    wait_place: Place | None = None
    reads_code: bool = False
    is_job: bool = False
    shares: bool = False
    lines: tuple[int, int] = (0, 0)

    @property
    def repeats(self) -> bool:
        """Whether it ever makes a second attempt."""
        return self.endless or self.attempts is None or self.attempts > 1

    @property
    def concerns_stripe(self) -> bool:
        """Whether an error of a request to Stripe may make it go on."""
        return self.catches is None or any(map(_is_ours, self.catches))

    @property
    def only_unprocessed(self) -> bool:
        """Whether it goes on only after answers to requests that were not executed."""
        return self.catches is not None and frozenset() < self.catches <= _UNPROCESSED


_ANYTHING = frozenset({"Exception", "BaseException"})
_SOURCES = ("stripe.", "requests.", "httpx.", "httpx2.", "holdfast.", "urllib3.")
_CODES = frozenset({"lock_timeout", "rate_limit", "idempotency_key_in_use"})
RATE_LIMIT_ERRORS = frozenset({"stripe.RateLimitError", "stripe.error.RateLimitError"})
# Stripe: what a rate limiter or a lock timeout refused was not executed.
_UNPROCESSED = RATE_LIMIT_ERRORS | {"lock_timeout", "rate_limit", "holdfast.NotSent"}


def _is_ours(name: str) -> bool:
    return name in _ANYTHING or name in _CODES or name.startswith(_SOURCES)


class Maker(StrEnum):
    """Whose client a request goes out by."""

    SDK = "sdk"  # a stripe.StripeClient
    MODULE = "module"  # the module-wide style: stripe.Customer.create
    HOLDFAST = "holdfast"
    HTTP = "http"  # requests, httpx or httpx2


@dataclass(frozen=True, slots=True)
class Client:
    """What a request goes out by.

    Attributes:
        maker: whose it is.
        attempts: how often it sends a request at the most; None if that cannot be seen.
        longest: how long a request may take with it, in seconds; None if that cannot be seen.
    """

    maker: Maker
    attempts: int | None = None
    longest: float | None = DEFAULT_TIMEOUT


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Something of another module, by its dotted name; `()` follows if it is called."""

    name: str


@dataclass(frozen=True, slots=True)
class Block:
    """A `with` block around a request.

    Attributes:
        name: such as `holdfast.deadline`.
        place: where it is.
    """

    name: str
    place: Place


class KeyKind(StrEnum):
    """Where the idempotency key of a write comes from."""

    NONE = "none"
    GIVEN = "given"  # from outside of the function, or computed from what is
    FRESH = "fresh"  # made on the spot, another one each time
    CONSTANT = "constant"
    UNSEEN = "unseen"  # `**options` and the like


@dataclass(frozen=True, slots=True)
class Key:
    """An idempotency key, or that there is none.

    Attributes:
        kind: where it comes from.
        place: where a fresh or constant one is made.
        made_by: what makes a fresh one, such as `uuid.uuid4`.
    """

    kind: KeyKind
    place: Place | None = None
    made_by: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """A request to Stripe that the code makes.

    Attributes:
        text: the call as it is written, such as `client.v1.refunds.create`.
        place: where it is.
        effect: what it does.
        client: what it goes out by.
        key: its idempotency key.
        layers: what repeats it inside its function, the innermost first.
        blocks: the `with` blocks around it inside its function.
        through: the function that is given it to call, such as a helper that retries; "" if none.
    """

    text: str
    place: Place
    effect: Effect
    client: Client | Elsewhere
    key: Key
    layers: tuple[Layer, ...] = ()
    blocks: tuple[Block, ...] = ()
    through: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """That a function calls another one.

    Attributes:
        callee: the dotted name of the other one.
        layers: what repeats the call inside the caller, the innermost first.
        blocks: the `with` blocks around the call inside the caller.
    """

    callee: str
    layers: tuple[Layer, ...] = ()
    blocks: tuple[Block, ...] = ()


@dataclass(slots=True)
class Function:
    """A function of a module, or (`<module>`) the code outside of all of them.

    Attributes:
        name: the dotted name, with the module's.
        layers: what repeats it, the innermost first.
        blocks: what its decorators put around it.
        requests: the requests that it makes itself.
        edges: the functions of the tree that it calls.
        time_limit: of the job that it is, in seconds, and where that is said.
        wrapped_by: the functions of the tree that decorate it.
        around_arguments: what repeats the functions that it is given to call.
    """

    name: str
    layers: tuple[Layer, ...] = ()
    blocks: tuple[Block, ...] = ()
    requests: list[Request] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    time_limit: "TimeLimit | None" = None
    wrapped_by: list[str] = field(default_factory=list)
    around_arguments: tuple[Layer, ...] = ()


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """A time limit of a web server or a job queue.

    Attributes:
        what: such as `gunicorn's timeout`.
        seconds: how long.
        place: where it is said.
        jobs: whether it is for jobs; otherwise for web requests.
    """

    what: str
    seconds: float
    place: Place
    jobs: bool


@dataclass(slots=True)
class Module:
    """A module, as far as it matters.

    Attributes:
        name: its dotted name.
        concerned: whether it has to do with Stripe or Holdfast itself.
        functions: by their dotted names.
        clients: what its names stand for, by dotted name; `()` follows that of a function.
        given: layers that it puts on functions when it enqueues or wraps them.
        sdk_attempts: what it sets `stripe.max_network_retries` to, plus one; None inside for a
            number that cannot be seen.
        default_client: what it sets `stripe.default_http_client` to.
        default_policy: the `max_retries` of that client's policy, and where it is written.
        limits: the time limits that it sets for all.
    """

    name: str
    concerned: bool = False
    functions: dict[str, Function] = field(default_factory=dict)
    clients: dict[str, Client | Elsewhere] = field(default_factory=dict)
    given: list[tuple[str, Layer]] = field(default_factory=list)
    sdk_attempts: list[int | None] = field(default_factory=list)
    default_client: Client | Elsewhere | None = None
    default_policy: tuple[int, Place] | None = None
    limits: list[TimeLimit] = field(default_factory=list)


def around(layer: Layer, first: int, last: int) -> Layer:
    """The layer, around a block of lines."""
    return replace(layer, lines=(first, last))
