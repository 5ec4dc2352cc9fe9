"""`holdfast doctor`: says what to change in a code base, a running configuration, a server.

`examine(obj)` lints a running object in your own tests; `survey(paths)` reads code.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from holdfast.doctor.examining import examine
    from holdfast.doctor.finding import Finding, Place, Severity
    from holdfast.doctor.surveying import Survey, survey

__all__ = ["Finding", "Place", "Severity", "Survey", "examine", "survey"]

# Imported when first asked for: the command line has to be quick for whoever runs another command.
_PLACES = {
    "examine": "holdfast.doctor.examining",
    "Finding": "holdfast.doctor.finding",
    "Place": "holdfast.doctor.finding",
    "Severity": "holdfast.doctor.finding",
    "Survey": "holdfast.doctor.surveying",
    "survey": "holdfast.doctor.surveying",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'holdfast.doctor' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_PLACES[name]), name)
