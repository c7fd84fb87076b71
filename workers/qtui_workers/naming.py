"""The names that queues, workers and limiters may have, and the names of a queue's priorities."""

from __future__ import annotations

import re
from typing import Final, Literal, get_args

from qtui_workers.errors import InvalidInput
from qtui_workers.text import printable

Priority = Literal["high", "normal", "low"]
"""`high` and `low` go to queues of their own, NAME-high and NAME-low, which a worker reads before and after NAME."""

_NAME: Final = re.compile(r"[A-Za-z0-9_.:-]{1,200}", re.ASCII)


def with_priority(queue: str, priority: Priority) -> str:
    """The queue in which jobs of that priority wait."""
    return queue if priority == "normal" else f"{queue}-{priority}"


def all_priorities(queue: str) -> list[str]:
    """The queues of all priorities of that queue, the most urgent first."""
    return [with_priority(queue, priority) for priority in get_args(Priority)]


def check_name(name: str, what: str = "queue name") -> str:
    """The name, if it is safe for keys, terminals and CLIENT SETNAME; else raises InvalidInput."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        shown = printable(str(name), 60)
        raise InvalidInput(f"{what} '{shown}' is not allowed: use 1 to 200 letters, digits, '_', '.', ':' or '-'")
    if name.endswith(":intermediate") or ":intermediate:" in name:
        raise InvalidInput(f"{what} '{name}' is not allowed: RQ keeps its own lists under ':intermediate'")
    return name
