"""A job to try things with: it can take its time, and fail on demand."""

from __future__ import annotations

import logging
import time
from typing import ClassVar

from pydantic import BaseModel, Field

from qtui_workers.define.decorator import processor
from qtui_workers.define.payload import Payload
from qtui_workers.reporting.current_job import current_attempt

log = logging.getLogger(__name__)


class TestJob(Payload):
    """What a test job does."""

    __test__: ClassVar[bool] = False
    """Keeps pytest from taking it for a test."""

    message: str = Field("hello", max_length=10_000, description="The text it logs.")
    seconds: float = Field(0, ge=0, le=3_600, description="How long it takes, in seconds.")
    fail: bool = Field(False, description="Fail in every attempt.")
    fail_first: int = Field(0, ge=0, le=1_000, description="Fail in that many attempts, then succeed.")


class TestJobResult(BaseModel):
    """What a test job returns."""

    __test__: ClassVar[bool] = False
    """Keeps pytest from taking it for a test."""

    message: str
    attempt: int
    """The attempt that succeeded; the first is 1."""


class TestJobFailed(Exception):
    """The failure that the payload requested."""

    __test__: ClassVar[bool] = False
    """Keeps pytest from taking it for a test."""


@processor(timeout=3_660)
def test_job(payload: TestJob) -> TestJobResult:
    """Logs its message; takes a while or fails on demand."""
    attempt = current_attempt()
    log.info("%s", payload.message)
    time.sleep(payload.seconds)
    if payload.fail:
        raise TestJobFailed(f"told to fail: {payload.message}")
    if attempt <= payload.fail_first:
        raise TestJobFailed(f"told to fail attempt {attempt} of the first {payload.fail_first}")
    return TestJobResult(message=payload.message, attempt=attempt)
