"""A processor in an older version, as a worker has it, and what a newer producer enqueues."""

from __future__ import annotations

from typing import Any, Literal

import redis
from pydantic import BaseModel
from rq import get_current_job

from qtui_workers import Payload, processor

MODULE = "tests.workers.refused"


class Picture(Payload):
    name: str
    format: Literal["png", "jpeg"] = "png"


class Done(BaseModel):
    attempt: int


@processor(queue="pictures", attempts=5)
def draw(payload: Picture) -> Done:
    """Draws it."""
    if payload.name == "nested":
        draw(more="the processor's own mistake")
    return Done(attempt=getattr(get_current_job(), "attempt", 0))


def give(value: Any = None) -> Any:
    return value


def failed(job: Any, connection: redis.Redis, *_: Any) -> None:
    connection.rpush("callbacks", job.id)
