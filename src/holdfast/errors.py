"""What Holdfast itself raises. A server's errors keep the types of the client library in use."""


class HoldfastError(Exception):
    """Base of every error that is Holdfast's own."""


class NotSent(HoldfastError):
    """The call ended before its first attempt: nothing reached the network, nothing happened."""


class DeadlineExceeded(NotSent, TimeoutError):
    """The deadline passed while the call was still waiting for its turn."""


class LaneFull(NotSent):
    """A lane already has as many waiting calls as `max_waiting` allows.

    Attributes:
        key: the object whose lane is full.
        max_waiting: the bound that was reached.
    """

    def __init__(self, key: str, max_waiting: int) -> None:
        super().__init__(
            f"the lane of {key} already has {max_waiting} calls waiting (max_waiting): "
            "send fewer at once, or raise the bound"
        )
        self.key = key
        self.max_waiting = max_waiting


class LimiterFull(NotSent):
    """As many calls as `max_waiting` allows already wait for the account's rate limit.

    Attributes:
        max_waiting: the bound that was reached.
    """

    def __init__(self, max_waiting: int) -> None:
        super().__init__(
            f"{max_waiting} calls already wait for the account's rate limit (max_waiting): "
            "send fewer at once, or raise the bound"
        )
        self.max_waiting = max_waiting
