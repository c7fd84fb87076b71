"""What these tests share."""

from __future__ import annotations

import os
from pathlib import Path

import redis
from rq.job import Job

from tests.faults.jobs import MODULE
from tests.support import wait_until
from tests.workers.support import field

ALLOW = ("default", "--allow-pickle", "--allow", MODULE)


def status(client: redis.Redis, job: Job | str) -> str:
    return (field(client, job if isinstance(job, str) else job.id, "status") or b"").decode()


def ends(client: redis.Redis, job: Job | str, wanted: str, timeout: float = 20) -> None:
    wait_until(lambda: status(client, job) == wanted, description=f"the job is {wanted}", timeout=timeout)


def children(pid: int) -> list[int]:
    """The processes that it started, not those that they started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def horse_of(pid: int) -> int:
    """The process that runs the jobs of that worker, once there is one: it has a group of its own."""
    found: list[int] = []

    def look() -> bool:
        found[:] = [child for child in children(pid) if os.getpgid(child) == child]
        return bool(found)

    wait_until(look, description="there is a horse")
    return found[0]
