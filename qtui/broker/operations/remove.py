"""Remove: jobs that do not run go, with their results and logs."""

from __future__ import annotations

from typing import Final

from qtui.broker.operations.base import Operation
from qtui.broker.scripts import Script

REMOVE: Final = Operation(
    name="remove",
    title="Remove",
    past="removed",
    key="D",
    hint="Delete it with its result and log",
    danger=True,
    script=Script("operation", "leave", "remove", "each"),
)
