"""What is written about a hold, in the set of holds and in each job that it holds."""

from __future__ import annotations

import json
from typing import Any, Final

from qtui_workers.records import Record

LONGEST: Final = 300
"""Characters of what is held, and of a reason."""


class Hold(Record):
    """What is held, by whom, since when and why."""

    text: str
    """What is held: `shop.charge`, or `shop.charge customer_id=42`."""
    by: str = ""
    at: float | None = None
    """Since when, in seconds since the epoch."""
    reason: str = ""

    @property
    def function(self) -> str:
        """The function's name, or the last parts of it."""
        return self.text.partition(" ")[0]

    @property
    def field(self) -> str:
        """The keyword whose value counts, or a path from there on; '' where the whole function is held."""
        return self.text.partition(" ")[2].partition("=")[0]

    @property
    def value(self) -> str:
        """The value of that keyword, as a person types it."""
        return self.text.partition(" ")[2].partition("=")[2]


def read(raw: bytes | str | None) -> Hold | None:
    """The hold that was written so, in the set of holds or in a job's record; None where it cannot be read."""
    try:
        found: Any = json.loads(raw or b"null")
        return found and Hold(
            text=str(found["hold"])[:LONGEST],
            by=str(found["by"])[:100],
            at=float(found["at"]),
            reason=str(found["reason"])[:LONGEST],
        )
    except (ValueError, TypeError, LookupError, RecursionError, OverflowError):
        return None


def written(hold: Hold) -> str:
    """The hold as `read` reads it."""
    return json.dumps({"hold": hold.text, "by": hold.by, "at": hold.at, "reason": hold.reason[:LONGEST]}, ensure_ascii=False)
