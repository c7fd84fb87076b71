"""The user's settings: the connections in the config file, and a few preferences."""

from __future__ import annotations

from typing import Annotated

from qtui.broker.room import Rules
from qtui_workers.records import Range, Record
from qtui_workers.server.contexts import Connections


class TrashSettings(Record):
    """How removed jobs are kept: `[trash]` in the config file."""

    keep_hours: Annotated[float, Range(above=0, most=24 * 30)] = 24.0
    """For how long they can be put back."""
    max_mib: Annotated[int, Range(least=0, most=1 << 20)] = 1024
    """How much memory of the server they may take; what would take more is only removed for good."""

    @property
    def rules(self) -> Rules:
        """The same in seconds and bytes."""
        return Rules(max(1, round(self.keep_hours * 3600)), self.max_mib << 20)


class Preferences(Connections):
    """The whole content of the config file."""

    refresh: Annotated[float, Range(least=0.1, most=3600)] = 1.0
    """Seconds between two reloads of a screen."""
    trash: TrashSettings = TrashSettings()
    theme: str | None = None
    """The name of the dashboard's theme; the palette lists all themes."""
