import threading
from collections.abc import Callable

import pytest

from holdfast.observe.shared import Shared


class Things:
    """Begins and ends things, and notes down both."""

    def __init__(self) -> None:
        self.noted: list[str] = []
        self.in_between: Callable[[], object] = lambda: None

    def begin(self, key: str) -> Callable[[], None]:
        self.noted.append(f"{key} begins")

        def end() -> None:
            self.in_between()
            self.noted.append(f"{key} ends")

        return end


@pytest.fixture
def things() -> Things:
    return Things()


def test_it_is_there_until_the_last_one_lets_it_go(things: Things) -> None:
    shared = Shared(things.begin)
    first, second = shared.hold("a"), shared.hold("a")
    other = shared.hold("b")
    first()
    first()
    assert things.noted == ["a begins", "b begins"]
    second()
    other()
    assert things.noted == ["a begins", "b begins", "a ends", "b ends"]
    shared.hold("a")()
    assert things.noted[4:] == ["a begins", "a ends"]


def test_it_has_ended_before_it_begins_again(things: Things) -> None:
    shared = Shared(things.begin)
    release = shared.hold("a")
    again = threading.Thread(target=lambda: shared.hold("a"))

    def give_it_time() -> None:
        again.start()
        again.join(0.1)

    things.in_between = give_it_time
    release()
    again.join()
    assert things.noted == ["a begins", "a ends", "a begins"]


def test_what_cannot_begin_is_not_held() -> None:
    def refuse(key: str) -> Callable[[], None]:
        raise ValueError(key)

    shared = Shared(refuse)
    for _ in range(2):
        with pytest.raises(ValueError, match="a"):
            shared.hold("a")
