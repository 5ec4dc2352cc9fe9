"""The page of the doctor's checks."""

from holdfast.doctor.catalogue import TABLE
from reference.markdown import page, table

_LOOKS_AT = {
    "code": "code",
    "running": "running objects",
    "environment": "the environment",
    "server": "a server",
}


def doctor() -> str:
    """The table of the doctor's checks."""
    rows = [
        (
            f"`{check.name}`",
            str(check.severity),
            ", ".join(_LOOKS_AT[family] for family in check.looks_at),
            check.finds,
            check.why,
        )
        for check in TABLE
    ]
    return page(
        "Checks of `holdfast doctor`",
        "What [`holdfast doctor`](../how-to/doctor.md) looks for. A finding may weigh less than "
        "its check does at the most, and have a reason with its own figures. `error` and `warning` "
        "make the exit code 1, `advice` and `ok` do not.",
        table(("check", "at the most", "looks at", "what it finds", "why that matters"), rows),
    )
