"""Where Redis is, and how the embedded server is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from qtui_workers.records import Pattern, Range, Secret
from qtui_workers.settings import Settings, folder_of

if TYPE_CHECKING:
    from pathlib import Path


class RedisSettings(Settings):
    """The address of Redis, as a whole or in parts."""

    redis_url: Secret | None = None
    """The whole address: redis://, rediss://, unix:// or embedded:. Wins over the REDIS_ variables below."""
    redis_host: Annotated[str | None, Pattern(r"[A-Za-z0-9._:%-]+")] = None
    """Name or address of the machine; localhost where only others of these are set."""
    redis_port: Annotated[int | None, Range(least=1, most=65535)] = None
    """TCP port; 6379 where only others of these are set."""
    redis_db: Annotated[int | None, Range(least=0)] = None
    """Number of the database; 0 where only others of these are set."""
    redis_username: str | None = None
    """Name of the ACL user; without it Redis' default user."""
    redis_password: Secret | None = None
    """Password of that user."""


class EmbeddedSettings(Settings):
    """The embedded server of this user."""

    qtui_embedded_dir: str | None = None
    """Folder of the embedded server, instead of qtui/server in the user's state folder."""
    qtui_embedded_grace: Annotated[float, Range(least=0, most=86_400)] = 2.0
    """Seconds that the embedded server stays after its last user has gone."""

    def folder(self) -> Path:
        """The embedded server's folder; InvalidInput where this user has no home folder."""
        return folder_of("QTUI_EMBEDDED_DIR", self.qtui_embedded_dir, "server")
