"""The user's settings: the connections in the config file, and a few preferences."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from qtui.broker.room import Rules
from qtui_workers.server.contexts import Connections


class TrashSettings(BaseModel):
    """How removed jobs are kept: `[trash]` in the config file."""

    model_config = ConfigDict(extra="forbid")

    keep_hours: float = Field(default=24.0, gt=0, le=24 * 30)
    """For how long they can be put back."""
    max_mib: int = Field(default=1024, ge=0, le=1 << 20)
    """How much memory of the server they may take; what would take more is only removed for good."""

    @property
    def rules(self) -> Rules:
        """The same in seconds and bytes."""
        return Rules(max(1, round(self.keep_hours * 3600)), self.max_mib << 20)


class Preferences(Connections):
    """The whole content of the config file."""

    model_config = ConfigDict(extra="forbid")

    refresh: float = Field(default=1.0, ge=0.1, le=3600)
    """Seconds between two reloads of a screen."""
    trash: TrashSettings = TrashSettings()
    theme: str | None = None
    """The name of the dashboard's theme; the palette lists all themes."""
