"""What the options of the benchmarks are made of."""


def count(text: str) -> int:
    """Read an option that counts something."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


count.__name__ = "number (1 or more)"  # as argparse names it in its message
