"""A job of many steps, with progress and log lines."""

from __future__ import annotations

import logging
import time

from pydantic import BaseModel, Field

from qtui_workers.define.decorator import processor
from qtui_workers.define.payload import Payload
from qtui_workers.reporting.job_recording import progress

log = logging.getLogger(__name__)


class Report(Payload):
    """What a report holds."""

    title: str = Field("Report", min_length=1, max_length=200, description="Its heading.")
    steps: int = Field(10, ge=1, le=10_000, description="In how many steps it is made.")
    seconds_per_step: float = Field(0.1, ge=0, le=3_600, description="How long each step takes, in seconds.")
    fail_at: int | None = Field(None, ge=1, description="The step in which it fails; none: it succeeds.")


class ReportResult(BaseModel):
    """A finished report."""

    title: str
    steps: int


class ReportFailed(Exception):
    """The failure that the payload requested."""


@processor(timeout=3_600)
def report(payload: Report) -> ReportResult:
    """Makes a report step by step, telling how far it is."""
    log.info("report '%s' begins: %d steps", payload.title, payload.steps)
    progress(0, payload.steps, "begins")
    for step in range(1, payload.steps + 1):
        time.sleep(payload.seconds_per_step)
        if step == payload.fail_at:
            raise ReportFailed(f"told to fail at step {step} of {payload.steps}")
        progress(step, payload.steps, f"step {step} of {payload.steps}")
        log.info("step %d of %d done", step, payload.steps)
    return ReportResult(title=payload.title, steps=payload.steps)
