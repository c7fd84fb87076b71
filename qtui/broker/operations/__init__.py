"""What can be done to jobs: one registry of operations, one way to plan and run them."""

from __future__ import annotations

from typing import Final

from qtui.broker.operations.base import GONE, Chosen, Matching, Operation, Plan, Report, Selection
from qtui.broker.operations.cancel import CANCEL
from qtui.broker.operations.remove import REMOVE
from qtui.broker.operations.retry import RETRY
from qtui.broker.operations.runner import plan, run
from qtui.broker.operations.stop import STOP

OPERATIONS: Final[dict[str, Operation]] = {operation.name: operation for operation in (RETRY, CANCEL, STOP, REMOVE)}
"""Every operation by its name; keys, palette and commands are made from it."""

__all__ = ["GONE", "OPERATIONS", "Chosen", "Matching", "Operation", "Plan", "Report", "Selection", "plan", "run"]
