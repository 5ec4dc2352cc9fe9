"""Another try for what did not end well in an earlier run."""

from holdfast.batch.again.running import retry, sandbox_of
from holdfast.batch.again.shell import report_command, retry_command

__all__ = ["report_command", "retry", "retry_command", "sandbox_of"]
