"""Where Redis is, and how the embedded server is kept."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr

from qtui_workers.settings import Settings, folder_of


class RedisSettings(Settings):
    """The address of Redis, as a whole or in parts."""

    redis_url: SecretStr | None = None
    """The whole address: redis://, rediss://, unix:// or embedded:. Wins over the REDIS_ variables below."""
    redis_host: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._:%-]+$")
    """Name or address of the machine; localhost where only others of these are set."""
    redis_port: int | None = Field(default=None, ge=1, le=65535)
    """TCP port; 6379 where only others of these are set."""
    redis_db: int | None = Field(default=None, ge=0)
    """Number of the database; 0 where only others of these are set."""
    redis_username: str | None = None
    """Name of the ACL user; without it Redis' default user."""
    redis_password: SecretStr | None = None
    """Password of that user."""


class EmbeddedSettings(Settings):
    """The embedded server of this user."""

    qtui_embedded_dir: Path | None = None
    """Folder of the embedded server, instead of qtui/server in the user's state folder."""
    qtui_embedded_grace: float = Field(default=2.0, ge=0, le=86_400)
    """Seconds that the embedded server stays after its last user has gone."""

    def folder(self) -> Path:
        """The embedded server's folder; InvalidInput where this user has no home folder."""
        return folder_of("QTUI_EMBEDDED_DIR", self.qtui_embedded_dir, "server")
