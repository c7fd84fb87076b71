"""Processors of which only the newest jobs are kept, or only some may start at a time."""

from __future__ import annotations

import time

from pydantic import BaseModel
from rq import get_current_job

from qtui_workers import Payload, processor
from qtui_workers.define.limit import Limit


class Kept(Payload):
    """Whether it fails."""

    fail: bool = False


class KeptResult(BaseModel):
    """Nothing much."""


@processor(queue="keeping", keep_finished=2, keep_failed=1)
def keep(payload: Kept) -> KeptResult:
    """Succeeds, or fails as it is told."""
    if payload.fail:
        raise ValueError("as told")
    return KeptResult()


@processor(queue="limited", limit=Limit(max=2, per=1.0))
def note_start(payload: Kept) -> KeptResult:
    """Notes when it starts, before it does anything else, by the clock that it shares with the server."""
    started = time.time()
    job = get_current_job()
    assert job is not None
    job.connection.rpush("starts", started)
    return KeptResult()
