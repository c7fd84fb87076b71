"""Whether the server can be looked at: what one screen of a session learns holds for all of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from qtui.lazy import Lazy
from qtui.presentation import labels
from qtui_workers.errors import RedisUnavailable

if TYPE_CHECKING:
    import redis

    from qtui_workers.server import redis_errors
else:
    redis, redis_errors = Lazy("redis"), Lazy("qtui_workers.server.redis_errors")

BACKOFF: Final = (1.0, 2.0, 4.0, 8.0)
"""Seconds to wait after each failed look; the last value is repeated."""


@dataclass(frozen=True, slots=True)
class LookFailure:
    """A look at Redis that failed, and when the next one is due."""

    reason: str
    """A sentence."""
    is_away: bool
    """Whether the server does not answer at all; one that refuses something does."""
    failures: int
    """How many looks have failed one after the other, those aside that were made before one was due."""
    next_look: float
    """When the next one is due, by the clock of `time.monotonic`."""

    @property
    def wait(self) -> int:
        """Whole seconds until the next look."""
        return max(0, round(self.next_look - time.monotonic()))


class Reach:
    """What a session knows of its connection; any thread may report."""

    def __init__(self, connection: str) -> None:
        """`connection`: its name."""
        self.outage: LookFailure | None = None
        """Why the server is away; None while it answers, as far as is known."""
        self.on_change: Callable[[], object] = lambda: None
        """Called when that is another reason than before, or none; in whichever thread has found that out."""
        self._connection = connection
        self._lock = threading.Lock()

    def failed(self, error: Exception, before: LookFailure | None = None) -> LookFailure:
        """What a failure means, after the one `before`, which was no outage.

        An error that is none of Redis says nothing about the server.
        """
        with self._lock:
            trouble = _after(error, self._connection, self.outage or before)
            if trouble.is_away or isinstance(error, redis.RedisError):
                self._keep(trouble if trouble.is_away else None)
        return trouble

    def answered(self) -> None:
        """The server has answered some command."""
        if self.outage:
            with self._lock:
                self._keep(None)

    def _keep(self, outage: LookFailure | None) -> None:
        before, self.outage = self.outage, outage
        if (before and before.reason) != (outage and outage.reason):
            self.on_change()


def _after(error: Exception, connection: str, before: LookFailure | None) -> LookFailure:
    now = time.monotonic()
    is_away = isinstance(error, RedisUnavailable) or redis_errors.is_away(error)
    reason = labels.sentence(error, connection)
    if before and now < before.next_look:  # of a look that had begun before, or that the operator wanted
        return LookFailure(reason, is_away, before.failures, before.next_look)
    failures = before.failures if before else 0
    return LookFailure(reason, is_away, failures + 1, now + BACKOFF[min(failures, len(BACKOFF) - 1)])
