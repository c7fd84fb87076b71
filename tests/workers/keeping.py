"""Processors of which only the newest jobs are kept, or only some may start at a time."""

from __future__ import annotations

from pydantic import BaseModel
from rq import get_current_job

from workers.limit import Limit
from workers.processor import Payload, processor


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
    """Notes when it starts, by the server's clock."""
    job = get_current_job()
    assert job is not None
    seconds, micros = job.connection.time()
    job.connection.rpush("starts", seconds + micros / 1e6)
    return KeptResult()
