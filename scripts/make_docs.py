"""Write the pages of docs/reference that are tables of the code. `--check` only compares."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path

from holdfast.engine.backoff import Backoff
from holdfast.engine.budget import Budget
from holdfast.engine.classify import PHASES, RULES
from holdfast.engine.receipt import STOP_REASONS
from holdfast.policy import Policy

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"
MADE = "<!-- Made from the code by scripts/make_docs.py; change the code, then run it. -->"


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or with `--check` say which of them are out of date."""
    stale = []
    for name, make in PAGES.items():
        file, text = FOLDER / name, make()
        if arguments == ["--check"]:
            if not file.exists() or file.read_text() != text:
                stale.append(name)
        else:
            file.write_text(text)
    for name in stale:
        print(f"docs/reference/{name} is out of date: run python scripts/make_docs.py")
    return 1 if stale else 0


def classification() -> str:
    """The table of fault classes."""
    rows = [(f"`{rule.fault}`", rule.when) for rule in RULES]
    phases = [(f"`{phase}`", f"`{fault}`") for phase, fault in PHASES.items()]
    return _page(
        "Fault classes",
        "What an attempt's outcome means. Of an answer, the first row that fits gives the class:",
        _table(("class", "when"), rows),
        "Of a transport failure, the phase that it had got to does (`connect`: no connection was "
        "made; `sent`: no answer came; `body`: the answer could not be read to its end):",
        _table(("phase", "class"), phases),
    )


def policy() -> str:
    """The table of options."""
    rows = []
    for option in fields(Policy):
        meta = option.metadata
        bounds = meta["bounds"]
        reach = (
            f"{bounds[0]:,} to {bounds[1]:,}"
            if bounds
            else ", ".join(f"`{word}`" for word in meta["words"])
        )
        rows.append(
            (f"`{option.name}`", _value(option.default), meta["unit"], reach, meta["about"])
        )
    return _page(
        "Options of `Policy`",
        "Every option, with its default and its unit. A value out of range is refused when the "
        "policy is made.",
        _table(("option", "default", "unit", "range", "what it says"), rows),
        "A `Backoff` waits before retry *n* for a part of `min(base * factor^(n-1), cap)`: with "
        "`full` jitter any part of it, with `equal` jitter at least half, with `none` all of it.",
        "A `Budget` allows `share` retries for each call or `per_second` retries a second, "
        "whichever is more, and saves unused ones up for `window` seconds. A retry after "
        "`locked`, `throttled` or `key_in_use` costs 5/14 of one.",
    )


def stop_reasons() -> str:
    """The table of stop reasons."""
    rows = [(f"`{reason}`", text) for reason, text in STOP_REASONS.items()]
    return _page(
        "Stop reasons",
        "Why a call ended as it did: `Receipt.stop`, and `stop_reason` in the results of a batch.",
        _table(("reason", "the call ended because"), rows),
    )


PAGES: dict[str, Callable[[], str]] = {
    "classification.md": classification,
    "policy.md": policy,
    "stop-reasons.md": stop_reasons,
}


def _value(value: object) -> str:
    if isinstance(value, Backoff):
        shape = f"base {value.base:g} s, cap {value.cap:g} s, factor {value.factor:g}"
        return f"`Backoff`: {shape}, {value.jitter} jitter"
    if isinstance(value, Budget):
        shape = f"share {value.share:g}, {value.per_second:g} a second, window {value.window:g} s"
        return f"`Budget`: {shape}"
    return f"`{value!r}`" if isinstance(value, str) else f"{value:g}"


def _page(title: str, *parts: str) -> str:
    return "\n\n".join([f"# {title}", MADE, *parts]) + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
