"""The pages on how a call ends: fault classes and stop reasons."""

from holdfast.engine.classify import PHASES, RULES
from holdfast.engine.receipt import STOP_REASONS
from reference.markdown import page, table


def classification() -> str:
    """The table of fault classes."""
    rows = [(f"`{rule.fault}`", rule.when) for rule in RULES]
    phases = [(f"`{phase}`", f"`{fault}`") for phase, fault in PHASES.items()]
    return page(
        "Fault classes",
        "What an attempt's outcome means. Of an answer, the first row that fits gives the class:",
        table(("class", "when"), rows),
        "Of a transport failure, the phase that it had got to does (`connect`: no connection was "
        "made; `sent`: no answer came; `body`: the answer could not be read to its end):",
        table(("phase", "class"), phases),
    )


def stop_reasons() -> str:
    """The table of stop reasons."""
    rows = [(f"`{reason}`", text) for reason, text in STOP_REASONS.items()]
    return page(
        "Stop reasons",
        "Why a call ended as it did: `Receipt.stop`, and `stop_reason` in the results of a batch.",
        table(("reason", "the call ended because"), rows),
    )
