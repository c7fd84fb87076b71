"""Whether an idle connection still leads to the server: a proxy or a firewall may stop forwarding without closing it."""

from __future__ import annotations

import time
from typing import Literal


class IdleCheck:
    """When a connection that is mostly silent has to be pinged, and when it has not answered in time."""

    def __init__(self, silence: float, patience: float) -> None:
        """A connection is pinged after `silence` seconds without a word, and has to answer within `patience` seconds."""
        self._silence = silence
        self._patience = patience
        self._ping_at = 0.0
        self._pinged_at: float | None = None
        self.note_word()

    def note_word(self) -> None:
        """Notes that the server has sent something, or that the connection is new."""
        self._ping_at = time.monotonic() + self._silence
        self._pinged_at = None

    def note_doubt(self) -> None:
        """Notes that the server should have sent something: the connection is pinged at the next check."""
        self._ping_at = 0.0

    def due(self) -> Literal["ping", "close"] | None:
        """What has to be done now; a ping counts as sent from then on."""
        now = time.monotonic()
        if self._pinged_at is not None:
            return "close" if now - self._pinged_at >= self._patience else None
        if now < self._ping_at:
            return None
        self._pinged_at = now
        return "ping"
