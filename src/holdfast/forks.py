"""What a forked child has to make anew: it has one thread, and none of the parent's calls."""

import os
from collections.abc import Callable


def in_each_child(begin_anew: Callable[[], object]) -> None:
    """Have a function called in every forked child, before anything else there.

    A mutex that another thread held at the moment of the fork would stay locked for ever.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=begin_anew)
