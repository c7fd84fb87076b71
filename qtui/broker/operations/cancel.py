"""Cancel: jobs that wait are called off, and stay readable among the canceled ones."""

from __future__ import annotations

from typing import Final

from qtui.broker.operations.base import Operation
from qtui.broker.scripts import Script

CANCEL: Final = Operation(
    name="cancel",
    title="Cancel",
    past="canceled",
    key="C",
    hint="Call it off before it runs; jobs that depend on it stay deferred",
    danger=True,
    script=Script("operation", "leave", "cancel", "each"),
)
