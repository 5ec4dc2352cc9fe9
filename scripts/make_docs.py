"""Write the pages of docs/reference that are tables of the code. `--check` only compares."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from reference.calls import classification, stop_reasons
from reference.doctor import doctor
from reference.metrics import metrics
from reference.options import policy, rate_limits
from reference.presets import presets
from reference.telling import events, log_lines, redaction, spans

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"

PAGES: dict[str, Callable[[], str]] = {
    "log-lines.md": log_lines,
    "redaction.md": redaction,
    "events.md": events,
    "metrics.md": metrics,
    "classification.md": classification,
    "doctor.md": doctor,
    "policy.md": policy,
    "presets.md": presets,
    "rate-limits.md": rate_limits,
    "spans.md": spans,
    "stop-reasons.md": stop_reasons,
}


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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
