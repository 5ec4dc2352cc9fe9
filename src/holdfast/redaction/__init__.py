"""Takes secrets and personal data out of whatever Holdfast tells: logs, traces, pages, reports.

Secrets (keys, client secrets, card and bank numbers) always go. Personal fields go by default;
`configure` says which they are.
"""

from holdfast.redaction.fields import PERSONAL, REDACTED, SECRET
from holdfast.redaction.patterns import PATTERNS, Pattern
from holdfast.redaction.redactor import (
    Redactor,
    configure,
    current_redactor,
    redact_path,
    redact_text,
    redact_value,
)

__all__ = [
    "PATTERNS",
    "PERSONAL",
    "REDACTED",
    "SECRET",
    "Pattern",
    "Redactor",
    "configure",
    "current_redactor",
    "redact_path",
    "redact_text",
    "redact_value",
]
