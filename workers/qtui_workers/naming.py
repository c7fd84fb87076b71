"""Names: which ones queues, workers and limiters may have, those of a queue's priorities, and what to say of an unknown one."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final, Literal, get_args

from qtui_workers.errors import InvalidInput
from qtui_workers.text import printable

Priority = Literal["high", "normal", "low"]
"""`high` and `low` go to queues of their own, NAME-high and NAME-low, which a worker reads before and after NAME."""

MOST_NAMES: Final = 20
"""At most this many names are listed in a sentence."""

_NAME: Final = r"[A-Za-z0-9_.:-]{1,200}"


def with_priority(queue: str, priority: Priority) -> str:
    """The queue in which jobs of that priority wait."""
    return queue if priority == "normal" else f"{queue}-{priority}"


def all_priorities(queue: str) -> list[str]:
    """The queues of all priorities of that queue, the most urgent first."""
    return [with_priority(queue, priority) for priority in get_args(Priority)]


def default_queues(named: Iterable[str]) -> list[str]:
    """Those queues in all priorities: first every NAME-high, then every NAME, then every NAME-low."""
    names = sorted(set(named))
    return [with_priority(name, priority) for priority in get_args(Priority) for name in names]


def check_name(name: str, what: str = "queue name") -> str:
    """The name, if it is safe for keys, terminals and CLIENT SETNAME; else raises InvalidInput."""
    if not isinstance(name, str) or not re.fullmatch(_NAME, name):
        shown = printable(str(name), 60)
        raise InvalidInput(f"{what} '{shown}' is not allowed: use 1 to 200 letters, digits, '_', '.', ':' or '-'")
    if name.endswith(":intermediate") or ":intermediate:" in name:
        raise InvalidInput(f"{what} '{name}' is not allowed: RQ keeps its own lists under ':intermediate'")
    return name


def suggestion(name: str, known: Collection[str], what: str) -> str:
    """A hint for a name that does not exist: the most similar known name, or else which there are; `what` is their plural."""
    import difflib  # only where a name is wrong

    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"did you mean '{printable(near[0], 80)}'?"
    return f"the {what} are {listing(known)}" if known else f"there are no {what}"


def listing(names: Collection[str]) -> str:
    """Names in a sentence: "a, b", with "and 11 more" where they are many, "none" where there are none."""
    shown = ", ".join(printable(name, 80) for name in list(names)[:MOST_NAMES])
    left_out = len(names) - MOST_NAMES
    return f"{shown} and {left_out:,} more" if left_out > 0 else shown or "none"


def about(name: str, reason: str) -> str:
    """A reason as a sentence: one that begins with "must" gets the name in front of it; any other is a sentence already."""
    return f"{name} {reason}" if reason.startswith("must ") else reason
