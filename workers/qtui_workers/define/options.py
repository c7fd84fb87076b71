"""How jobs run: what a processor and who enqueues a job may say about it."""

from __future__ import annotations

from pydantic import Field

from qtui_workers.settings import Settings


class RetrySettings(Settings):
    """How often a job is tried again where its processor does not say."""

    job_max_retries: int | None = Field(default=None, ge=0)
    """Retries of a job whose processor names none; without it each processor's own number."""
