"""Every option of a call, with its default and its unit."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, Self, TypeGuard, get_args

from holdfast import presets
from holdfast.engine.backoff import Backoff, Jitter, Progressive
from holdfast.engine.budget import Budget
from holdfast.engine.classify import FaultClass
from holdfast.engine.rules import Rules
from holdfast.ratelimit import RateLimit, check_rate_limit

LaneRule = Literal["writes", "all", "hot", "off"]
ChosenLanes = Callable[[str, str, Mapping[str, object]], Iterable[str]]
"""Gives the lanes of a request, from its method, its path and its parameters."""
RetryAfterRule = Literal["give_up", "cap", "ignore"]
KeyRule = Literal["none", "unsafe"]
ThrottledRule = Literal["wait", "raise"]
PriorityRule = Literal["interactive", "background"]


def _option(
    default: Any,
    about: str,
    unit: str = "",
    bounds: tuple[float, float] | None = None,
    words: tuple[str, ...] = (),
) -> Any:
    """A field together with what its documentation and its check need."""
    meta = {"about": about, "unit": unit, "bounds": bounds, "words": words}
    return field(default=default, metadata=meta)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How calls are retried, queued and bounded.

    Every option has a default that suits a web application; `dataclasses.replace` makes a changed
    copy. The table of all options is in `docs/reference/policy.md`.

    Raises:
        ValueError: an option is out of its range; the message names the option and the range.
    """

    max_retries: int = _option(
        3, "how many times a call is sent again at most", "retries", (0, 100)
    )
    deadline: float = _option(
        120.0, "how long a call may take in all: waiting, attempts and backoff", "s", (0.001, 86400)
    )
    attempt_timeout: float = _option(
        80.0, "how long one attempt may take; it is cut to the deadline", "s", (0.001, 600)
    )
    backoff: Backoff | Progressive = _option(
        Backoff(0.5, 5.0), "waits before a retry, where no other option has its own"
    )
    locked_backoff: Backoff | Progressive = _option(
        Backoff(0.25, 5.0), "waits before a retry of a locked object"
    )
    key_in_use_backoff: Backoff | Progressive = _option(
        # The first attempt is still running, and may for as long as an attempt lasts: waits that
        # grow fast towards that, and never nothing.
        Backoff(1.0, 80.0, factor=4.0, jitter=Jitter.EQUAL),
        "waits before a retry while the first attempt with the same idempotency key still runs",
    )
    retry_budget: Budget | None = _option(
        Budget(), "bound on the retries of all calls of an account; None for no bound"
    )
    rules: Rules = _option(
        Rules(), "which outcomes are sent again; `docs/reference/presets.md` has the table"
    )
    retry_after: RetryAfterRule = _option(
        "give_up",
        "what to do with a `Retry-After` beyond the deadline: give up, wait for half of the time "
        "that is left, or never look at the header",
        words=get_args(RetryAfterRule),
    )
    idempotency_keys: KeyRule = _option(
        "none",
        "which requests of an `httpx`, `httpx2` or `requests` client are given an "
        "`Idempotency-Key`: none, or each POST and PATCH that has none; Stripe's official package "
        "always adds its own",
        words=get_args(KeyRule),
    )
    lanes: LaneRule | ChosenLanes = _option(
        "writes",
        "which calls wait their turn in the lanes of their objects: writes (and reads of what was "
        "seen locked in the last minute), all, those on what was seen locked, or none; or a "
        "function of method, path and parameters that gives the names of the lanes",
        words=get_args(LaneRule),
    )
    lane_width: int | Literal["adaptive"] = _option(
        1,
        "how many calls of a lane may be under way at once; 1 keeps their order strictly, "
        "`adaptive` lets a lane grow to 4 while the server shows no lock timeout",
        "calls",
        (1, 100),
        ("adaptive",),
    )
    max_waiting: int = _option(
        10_000,
        "how many calls may wait in one lane, and how many for the rate limit of one account; the "
        "next is refused",
        "calls",
        (1, 10_000_000),
    )
    throttled: ThrottledRule = _option(
        "wait",
        "what follows a rate limit's refusal: the limiter slows down and the call waits for its "
        "next token, or the refusal is raised as by the official packages",
        words=get_args(ThrottledRule),
    )
    rate_limit: RateLimit = _option(
        None,
        "how fast the account may go: `None` learns it from refusals and slows nobody before; "
        '`"stripe"` goes by the published numbers (`docs/reference/rate-limits.md`), a number is '
        "requests a second of the account, and `RateLimits(...)` tells more",
    )
    priority: PriorityRule = _option(
        "interactive",
        "whether calls wait for the rate limit before or after others; "
        "`holdfast.priority(...)` overrides it for a block",
        words=get_args(PriorityRule),
    )

    def __post_init__(self) -> None:
        for option in fields(self):
            _check(option.name, getattr(self, option.name), option.type, option.metadata)

    @classmethod
    def stripe_node(cls, max_retries: int = 2) -> Self:
        """What the official package for Node does (`stripe` 23.1.0), proven side by side with it.

        Like the other presets it has no lanes, no retry budget and no total deadline short of a
        day; `dataclasses.replace` adds them, one step at a time. `docs/reference/presets.md`
        compares the presets and names what differs from the packages.

        Args:
            max_retries: the package's `maxNetworkRetries`.
        """
        return cls(**presets.STRIPE_NODE, max_retries=max_retries)

    @classmethod
    def stripe_python(cls, max_retries: int = 2) -> Self:
        """What the official package for Python does (`stripe` 16.1.0, over `requests`), likewise.

        Args:
            max_retries: the package's `max_network_retries`: 2 in its module-wide style, and 0 in
                a `stripe.StripeClient` that was given none.
        """
        return cls(**presets.STRIPE_PYTHON, max_retries=max_retries)

    @classmethod
    def stripe_ruby(cls, max_retries: int = 2) -> Self:
        """What the official package for Ruby does (`stripe` 19.5.0), as its source says.

        Args:
            max_retries: the package's `max_network_retries`.
        """
        return cls(**presets.STRIPE_RUBY, max_retries=max_retries)

    @classmethod
    def stripe_go(cls, max_retries: int = 2) -> Self:
        """What the official package for Go does (`stripe-go` 86.2.0), as its source says.

        Args:
            max_retries: the package's `MaxNetworkRetries`.
        """
        return cls(**presets.STRIPE_GO, max_retries=max_retries)

    @property
    def has_limiter(self) -> bool:
        """Whether its calls go through a limiter."""
        return self.throttled == "wait" or self.rate_limit is not None

    @property
    def calls_in_lane(self) -> int:
        """The width of lanes as a number: 0 is adaptive."""
        return self.lane_width if isinstance(self.lane_width, int) else 0

    def backoff_for(self, fault: FaultClass) -> Backoff | Progressive:
        """The waits that follow a fault of this class."""
        if fault is FaultClass.LOCKED:
            return self.locked_backoff
        if fault is FaultClass.KEY_IN_USE:
            return self.key_in_use_backoff
        return self.backoff


_KINDS: dict[Any, str] = {
    Backoff | Progressive: "Backoff or Progressive",
    Budget | None: "Budget, or None",
    Rules: "Rules",
}
_FUNCTIONS = frozenset({LaneRule | ChosenLanes})


def _check(name: str, value: object, type_: Any, meta: Any) -> None:
    if type_ == RateLimit:
        check_rate_limit(value)
        return
    if type_ in _KINDS:
        if not isinstance(value, type_):
            raise ValueError(f"{name} is {value!r}: it must be a {_KINDS[type_]}")
        return
    words, bounds = meta["words"], meta["bounds"]
    if value in words or (type_ in _FUNCTIONS and callable(value)):
        return
    if bounds is None:
        raise ValueError(f"{name} is {value!r}: it must be one of {', '.join(words)}")
    low, high = bounds
    whole = type_ is not float
    if not _is_number(value, whole=whole) or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        unit = " ".join(filter(None, (meta["unit"], *(f"or {word!r}" for word in words))))
        raise ValueError(f"{name} is {value!r}: it must be {kind} from {low} to {high} {unit}")


def _is_number(value: object, *, whole: bool) -> TypeGuard[float]:
    # True and False are no numbers of retries; NaN fails the comparison with the bounds.
    kinds = int if whole else (int, float)
    return isinstance(value, kinds) and not isinstance(value, bool)
