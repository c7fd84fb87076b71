"""The lines of a tail: one for each event, each log line, and each change that was only seen."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple, TypeVar

from qtui.broker.status import Status
from qtui_workers.reporting.events import Event, EventKind, Value

LOG: Final = "log"
"""A line that a job printed or logged."""
NOTE: Final = "note"
"""Something about the tail itself: what it cannot see, that Redis is away."""
MISSED: Final = "missed"
"""Lines or events that were gone before they could be read."""
META: Final = "meta"
"""What a job has changed in its meta, besides its progress."""
GONE: Final = "gone"
"""The job was removed, or its record has expired."""

ENDS: Final = frozenset({Status.FINISHED.value, Status.FAILED.value, EventKind.RETRYING.value})
"""The kinds of events after which an attempt no longer runs."""
BEGUN: Final = frozenset({EventKind.STARTED.value, EventKind.PROGRESS.value})
"""The kinds of events after which an attempt runs."""
LONGEST: Final = 8_192
"""Characters of a line that are kept."""

_NOTHING: Final[Mapping[str, Value]] = MappingProxyType({})
_FAILURES: Final = frozenset(
    {EventKind.FAILED.value, EventKind.RETRYING.value, EventKind.WORKER_ERROR.value, Status.STOPPED.value, MISSED}
)
_Text = TypeVar("_Text", str, str | None)
_ERRORS: Final = frozenset({"ERROR", "CRITICAL"})


class Line(NamedTuple):
    """One line; its texts are as they were in Redis, not safe to show (`qtui_workers.text.printable`)."""

    at: float
    """Seconds since the epoch: of an event by the server's clock, of a log line by that of its worker."""
    kind: str
    """`LOG`, `NOTE`, `MISSED`, `GONE`; the word of a status; or the kind of an event (`EventKind`), `finished` for completed."""
    text: str = ""
    """What was logged or raised, or the message to show."""
    level: str = ""
    """Of a log line: a level of logging, PRINT or STDERR."""
    job: str | None = None
    queue: str | None = None
    function: str | None = None
    worker: str | None = None
    attempt: int | None = None
    details: Mapping[str, Value] = _NOTHING
    """Those of the event."""

    @property
    def is_failure(self) -> bool:
        """Whether a person who looks for trouble wants to see it."""
        return self.kind in _FAILURES or (self.kind == LOG and self.level in _ERRORS)


def of_event(event: Event) -> Line:
    """The line of an event."""
    source, details = event.source, event.details or _NOTHING
    kind = Status.FINISHED.value if event.kind == EventKind.COMPLETED else shared(event.kind)
    text = str(details.get("error") or details.get("message") or "")
    who = (shared(source.job), shared(source.queue), shared(source.function), shared(source.worker))
    return Line(event.at, kind, text, "", *who, source.attempt, details)


@lru_cache(maxsize=1_024)
def shared(text: _Text) -> _Text:
    """The same text that an earlier line has: few differ, and many lines are kept."""
    return text
