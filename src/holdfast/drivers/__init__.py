"""Drivers carry out the engine's commands: `sync.run` on a thread, `aio.run` in a task."""

from holdfast.drivers.last import last_receipt

__all__ = ["last_receipt"]
