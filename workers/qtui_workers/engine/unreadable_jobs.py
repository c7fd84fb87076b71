"""Jobs whose record cannot be read."""

# mypy: allow-untyped-calls
# (RQ's reader of jobs has no types)

from __future__ import annotations

from typing import Any, Final

import redis
from rq.job import JOB_ID_PATTERN, Job

from qtui_workers.server.replies import is_wrong_type

AWAY: Final = (redis.ConnectionError, redis.TimeoutError, OSError)
"""Errors of the connection, which are not the fault of a job's record."""


def why_unreadable(connection: redis.Redis, job_id: str, serializer: Any) -> str | None:
    """Why RQ cannot read a job; None where it can. Raises redis.RedisError or OSError."""
    if not JOB_ID_PATTERN.fullmatch(job_id):
        return "its id is none that RQ allows"
    try:
        Job.fetch(job_id, connection=connection, serializer=serializer)
    except (redis.RedisError, OSError) as error:
        if not is_wrong_type(error):
            raise
        return "its key holds no hash"
    except Exception as error:  # noqa: BLE001 - whatever a record holds, the others must get their turn
        return f"{type(error).__name__}: {error}"
    return None
