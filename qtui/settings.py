"""The user's settings: the connections in the config file, and a few preferences."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from qtui_workers.server.contexts import Connections


class Preferences(Connections):
    """The whole content of the config file."""

    model_config = ConfigDict(extra="forbid")

    refresh: float = Field(default=1.0, ge=0.1, le=3600)
    """Seconds between two reloads of a screen."""
    theme: str | None = None
    """The name of the dashboard's theme; the palette lists all themes."""
