"""What a person may set: the connections of the config file, and a few preferences beside them."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from qtui_workers.server.contexts import Connections


class Preferences(Connections):
    """The config file, whole."""

    model_config = ConfigDict(extra="forbid")

    refresh: float = Field(default=1.0, ge=0.1, le=3600)
    """Seconds between two looks."""
    theme: str | None = None
    """A theme of the dashboard; the palette lists them."""
