"""Another try for what did not end well in an earlier run."""

from holdfast.batch.again.running import retry, sandbox_of
from holdfast.batch.again.shell import retry_command

__all__ = ["retry", "retry_command", "sandbox_of"]
