"""`holdfast doctor`: says what to change in a code base, a running configuration, a server.

`examine(obj)` lints a running object in your own tests; `survey(paths)` reads code.
"""

from typing import TYPE_CHECKING

from holdfast.lazily import lazily

if TYPE_CHECKING:
    from holdfast.doctor.examining import examine
    from holdfast.doctor.finding import Finding, Place, Severity
    from holdfast.doctor.surveying import Survey, survey

__all__ = ["Finding", "Place", "Severity", "Survey", "examine", "survey"]

# Imported when first asked for: the command line has to be quick for whoever runs another command.
__getattr__ = lazily(
    __name__,
    {
        "holdfast.doctor.examining": ("examine",),
        "holdfast.doctor.finding": ("Finding", "Place", "Severity"),
        "holdfast.doctor.surveying": ("Survey", "survey"),
    },
)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
