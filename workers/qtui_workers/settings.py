"""What the environment says: where Redis is, how the worker works, and what the bundled processors talk to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from qtui_workers.errors import InvalidInput
from qtui_workers.validation import field_of, reason


class Settings(BaseSettings):
    """The environment variables we read, each by its field's name in capitals; an empty one counts as not set."""

    model_config = SettingsConfigDict(
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )

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
    job_concurrency: int = Field(default=1, ge=1, le=256)
    """Jobs that one `qtui-worker` runs at the same time."""
    job_max_retries: int | None = Field(default=None, ge=0)
    """Retries of a job whose processor names none; without it each processor's own number."""
    qtui_processors: Annotated[tuple[str, ...], NoDecode] = ()
    """Modules or packages in which further processors live, separated by commas."""
    qtui_embedded_dir: Path | None = None
    """Folder of the embedded server, instead of qtui/server in the user's state folder."""
    qtui_embedded_grace: float = Field(default=2.0, ge=0, le=86_400)
    """Seconds that the embedded server stays after its last user has gone."""
    smtp_host: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._:-]+$")
    """The mail server that `email` hands its messages to."""
    smtp_port: int | None = Field(default=None, ge=1, le=65535)
    """Its TCP port; by SMTP_TLS 587 (starttls), 465 (tls) or 25 (none)."""
    smtp_username: str | None = None
    """Name to log in with; without it there is no login."""
    smtp_password: SecretStr | None = None
    """Password of that name."""
    smtp_from: str | None = None
    """The sender's address, with a name or without: Example <jobs@example.org>."""
    smtp_tls: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection is encrypted; `none` only for a mail server on this machine or a network of your own."""
    database_url: SecretStr | None = None
    """Where `audit_log` and `publish_build` keep their rows, as SQLAlchemy writes it; without it an SQLite file."""
    webhook_allow_private: bool = False
    """Whether `webhook` and `fetch_area` may go to private, loopback and link-local addresses."""
    fetch_dir: Path | None = None
    """Folder in which `fetch_area` keeps a file per job, instead of qtui/fetched in the user's state folder."""
    fetch_rate: float = Field(default=2.0, ge=0.001, le=1_000)
    """Requests a second that `fetch_area` may ask of one host, all workers together."""
    build_submit_url: str | None = Field(default=None, pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$")
    """Where `publish_build` puts its artifacts, each under its publishing's id: https://host/artifacts."""
    build_submit_token: SecretStr | None = None
    """Bearer token that goes with an artifact."""

    @field_validator("qtui_processors", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return tuple(name for name in (part.strip() for part in value.split(",")) if name)

    @field_validator("qtui_processors")
    @classmethod
    def _are_modules(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if not all(part.isidentifier() for part in name.split(".")):
                raise ValueError(f"{name!r} is not the name of a module")
        return value

    def embedded_folder(self) -> Path:
        """QTUI_EMBEDDED_DIR, else `qtui/server` in the user's state folder (XDG Base Directory Specification).

        Raises InvalidInput when this user has no home to look in.
        """
        try:
            if self.qtui_embedded_dir:
                return self.qtui_embedded_dir.expanduser()
            return _state_folder() / "server"
        except RuntimeError as error:
            raise InvalidInput("QTUI_EMBEDDED_DIR: this user has no home folder; name a whole path.") from error

    def database(self) -> str:
        """DATABASE_URL, else that of the file `qtui/jobs.sqlite` in the user's state folder.

        Raises InvalidInput when this user has no home to look in.
        """
        if self.database_url:
            return self.database_url.get_secret_value()
        try:
            return f"sqlite:///{_state_folder() / 'jobs.sqlite'}"
        except RuntimeError as error:
            raise InvalidInput("DATABASE_URL: this user has no home folder; name a database.") from error

    def fetch_folder(self) -> Path:
        """FETCH_DIR, else `qtui/fetched` in the user's state folder.

        Raises InvalidInput when this user has no home to look in.
        """
        try:
            return self.fetch_dir.expanduser().absolute() if self.fetch_dir else _state_folder() / "fetched"
        except RuntimeError as error:
            raise InvalidInput("FETCH_DIR: this user has no home folder; name a whole path.") from error

    @classmethod
    def read(cls) -> Settings:
        """The settings of this process's environment; raises InvalidInput naming each bad variable and the reason."""
        try:
            return cls()
        except ValidationError as error:
            reasons = (f"{field_of(each).upper()}: {reason(each)}" for each in error.errors(include_input=False))
            raise InvalidInput("; ".join(reasons)) from None


def _state_folder() -> Path:
    """`qtui` in the user's state folder (XDG Base Directory Specification); RuntimeError where there is no home."""
    named = Path(os.environ.get("XDG_STATE_HOME", ""))
    return (named if named.is_absolute() else Path.home() / ".local" / "state") / "qtui"
