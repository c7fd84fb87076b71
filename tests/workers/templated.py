"""Processors as a team would write them, each with the options of which a test wants to see what comes."""

from __future__ import annotations

import time
from datetime import timedelta

from pydantic import BaseModel

from qtui_workers import Payload, processor
from qtui_workers.rate.limiter import Limit
from qtui_workers.reporting.job_recording import progress

MODULE = "tests.workers.templated"


class Work(Payload):
    """How it goes."""

    fail: bool = False


class Done(BaseModel):
    """When it began (seconds since the epoch), by the clock that it shares with the server."""

    at: float


def _work(payload: Work) -> Done:
    began = time.time()
    if payload.fail:
        raise ValueError("as told")
    return Done(at=began)


@processor(queue="kept", result_ttl=timedelta(hours=24), keep_finished=1_000, failure_ttl=timedelta(days=7), backoff="fixed:0s")
def kept(payload: Work) -> Done:
    """Is kept for a day, and failed for a week."""
    return _work(payload)


@processor(queue="fleeting", result_ttl=0, failure_ttl=0)
def fleeting(payload: Work) -> Done:
    """Is removed at its end."""
    return _work(payload)


@processor(queue="hundred", limit=Limit(max=100, per=1))
def hundred(payload: Work) -> Done:
    """Begins a hundred times a second at most."""
    return Done(at=time.time())


@processor(queue="counting")
def counting(payload: Work) -> Done:
    """Counts to a hundred."""
    for number in range(101):
        progress(number, 100)
    return _work(payload)
