"""A sandbox with clients that point at it and nowhere else: what the plugin of pytest hands out."""

from collections import deque
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Self

from holdfast.drivers import last
from holdfast.engine import Receipt
from holdfast.policy import Policy
from holdfast.sandbox import Sandbox

if TYPE_CHECKING:
    import stripe

MOST_RECEIPTS = 200
"""How many receipts are kept: those of the latest calls."""


class StripeSandbox(Sandbox):
    """A `Sandbox`, with its options, that makes clients and keeps the receipts of their calls.

    Attributes:
        api_key: the key of its clients. Every sandbox has another, so that neither the lanes nor
            the retry budget of one test reach into the next.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.api_key = f"sk_test_{token_hex(12)}"
        self._receipts: deque[Receipt] = deque(maxlen=MOST_RECEIPTS)

    def start(self) -> Self:
        """Start to serve, and to keep receipts. See `Sandbox.start`."""
        super().start()
        last.record(self._receipts.append)
        return self

    def stop(self) -> None:
        """Stop to serve, and to keep receipts. Calling it again does nothing."""
        last.forget(self._receipts.append)
        super().stop()

    @property
    def receipts(self) -> list[Receipt]:
        """The receipts of the calls that ended since the start, through whichever client."""
        return list(self._receipts)

    @property
    def base_addresses(self) -> dict[str, str]:
        """What to give to any `stripe.StripeClient`, so that no request leaves this machine."""
        return dict.fromkeys(("api", "connect", "files", "meter_events"), self.url)

    def client(self, **options: Any) -> "stripe.StripeClient":
        """Make a plain client of the official package, which does not know Holdfast.

        Args:
            **options: those of `stripe.StripeClient`, such as `max_network_retries`.

        Raises:
            ModuleNotFoundError: the package `stripe` is not installed.
        """
        import stripe

        return stripe.StripeClient(**self._with_defaults(options))

    def holdfast_client(
        self, policy: Policy | None = None, **options: Any
    ) -> "stripe.StripeClient":
        """Make a client whose requests hold fast.

        Args:
            policy: the options of its calls.
            **options: those of `holdfast.stripe_client`.

        Raises:
            ModuleNotFoundError: the extra `holdfast[stripe]` is not installed.
        """
        import holdfast

        return holdfast.stripe_client(policy=policy, **self._with_defaults(options))

    def _with_defaults(self, options: dict[str, Any]) -> dict[str, Any]:
        return {"api_key": self.api_key, "base_addresses": self.base_addresses} | options
