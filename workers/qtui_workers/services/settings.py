"""The settings of the bundled processors; light to import, so that a worker can check all of them when it starts."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from qtui_workers.define.durations import as_duration
from qtui_workers.errors import InvalidInput
from qtui_workers.records import Pattern, Range, Read, Secret
from qtui_workers.settings import Settings, folder_of

_LONGEST_PAUSE: Final = timedelta(days=30)
"""For no longer a limiter can be closed (`qtui_workers.rate.limiter.Limits.close`)."""


def _pause(value: Any) -> timedelta:
    length = as_duration(value)
    if length > _LONGEST_PAUSE:
        raise InvalidInput("must be at most 30 days")
    return length


class MailSettings(Settings):
    """The mail server of `email`."""

    smtp_host: Annotated[str | None, Pattern(r"[A-Za-z0-9._:-]+")] = None
    """The mail server that `email` hands its messages to."""
    smtp_port: Annotated[int | None, Range(least=1, most=65535)] = None
    """Its TCP port; by SMTP_TLS 587 (starttls), 465 (tls) or 25 (none)."""
    smtp_username: str | None = None
    """Name to log in with; without it there is no login."""
    smtp_password: Secret | None = None
    """Password of that name."""
    smtp_from: str | None = None
    """The sender's address, with a name or without: Example <jobs@example.org>."""
    smtp_tls: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection is encrypted; `none` only for a mail server on this machine or a network of your own."""


class DatabaseSettings(Settings):
    """The database of `audit_log` and `publish_build`."""

    database_url: Secret | None = None
    """Where `audit_log` and `publish_build` keep their rows, as SQLAlchemy writes it; without it an SQLite file."""

    def url(self) -> str:
        """DATABASE_URL, else that of the file `qtui/jobs.sqlite` in the user's state folder.

        Raises InvalidInput where this user has no home folder.
        """
        if self.database_url:
            return self.database_url.reveal()
        return f"sqlite:///{folder_of('DATABASE_URL', None, 'jobs.sqlite', 'name a database')}"


class OutboundSettings(Settings):
    """Where `webhook` and `fetch_area` may go."""

    webhook_allow_private: bool = False
    """Whether `webhook` and `fetch_area` may go to addresses that are not public: private, loopback, link-local and others."""


class FetchSettings(Settings):
    """The files of `fetch_area`, and its pace."""

    fetch_dir: Path | None = None
    """Folder in which `fetch_area` keeps a file per job, instead of qtui/fetched in the user's state folder."""
    fetch_rate: Annotated[float, Range(least=0.001, most=1_000)] = 2.0
    """Requests a second that `fetch_area` may send to one host, all workers together."""
    fetch_longest_pause: Annotated[timedelta, Read(_pause)] = timedelta(days=1)
    """For how long `fetch_area` asks a host nothing, at most, where the host wants to be left alone (Retry-After)."""

    def folder(self) -> Path:
        """The folder of the files, as an absolute path; InvalidInput where this user has no home folder."""
        return folder_of("FETCH_DIR", self.fetch_dir, "fetched").absolute()


class SubmitSettings(Settings):
    """Where `publish_build` submits what it builds."""

    build_submit_url: Annotated[str | None, Pattern(r"https?://[^\s/?#@]+(/[^\s?#]*)?")] = None
    """Where `publish_build` puts its artifacts, each under its publishing's id: https://host/artifacts."""
    build_submit_token: Secret | None = None
    """Bearer token that goes with an artifact."""


TOPICS: Final[tuple[type[Settings], ...]] = (
    MailSettings,
    DatabaseSettings,
    OutboundSettings,
    FetchSettings,
    SubmitSettings,
)
"""All settings of the bundled processors."""
