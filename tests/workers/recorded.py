"""A job to be recorded, and what came of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import redis
from rq import Queue
from rq.serializers import JSONSerializer

from qtui_workers.engine.job import Job
from qtui_workers.server import keys
from tests.workers.support import log_of


def enqueued(client: redis.Redis, job_id: str = "one", **options: Any) -> Job:
    queue = Queue("somewhere", connection=client, serializer=JSONSerializer, job_class=Job)
    job = queue.enqueue("os.getcwd", job_id=job_id, **options)
    assert isinstance(job, Job)
    return job


def stored(job: Job) -> dict[str, Any]:
    raw = job.connection.hget(job.key, keys.FIELD_PROGRESS)
    return dict(json.loads(raw or b"{}"))


def writes(job: Job) -> int:
    return int(job.connection.info("commandstats").get("cmdstat_evalsha", {}).get("calls", 0))


def texts(job: Job) -> list[bytes]:
    return [line.text.encode() for line in log_of(job.connection, job.id)]


def notes(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.name == "qtui_workers.reporting.recorder"]
