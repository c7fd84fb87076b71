"""A job whose process dies says why, and each attempt says what it used."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import redis
from rq import Queue, Retry

from qtui.broker.one_job import job as core
from qtui.broker.one_job import job_history
from qtui_workers.server import keys
from tests.faults import jobs
from tests.faults.support import ALLOW, ends, horse_of, status
from tests.support import Server, wait_until
from tests.workers.support import environment, working

MIB = 1024 * 1024
LIMIT = 300 * MIB
GROUPS = Path("/sys/fs/cgroup/memory")
GROUP = GROUPS / f"qtui-test-{os.getpid()}"


def can_limit_memory() -> bool:
    return (GROUPS / "memory.limit_in_bytes").exists() and os.access(GROUPS, os.W_OK) and os.geteuid() == 0


@pytest.fixture
def small_group() -> Iterator[Path]:
    """A control group whose processes may hold 300 MiB together."""
    GROUP.mkdir()
    (GROUP / "memory.limit_in_bytes").write_text(str(LIMIT))
    with suppress(OSError):
        (GROUP / "memory.memsw.limit_in_bytes").write_text(str(LIMIT))
    yield GROUP
    wait_until(lambda: not (GROUP / "cgroup.procs").read_text(), description="no process is left in the group")
    GROUP.rmdir()


@pytest.mark.skipif(not can_limit_memory(), reason="only root may make a control group, and only version 1 lets any process in")
def test_a_job_that_the_kernel_kills_for_its_memory_says_so(
    server: Server, client: redis.Redis, queue: Queue, home: Path, small_group: Path
) -> None:
    job = queue.enqueue(jobs.fill, 2 * LIMIT)
    after = queue.enqueue(jobs.give)
    command = [sys.executable, "-m", "qtui_workers.cli", *ALLOW, "--url", server.url, "--burst"]
    enter = f'echo $$ > {small_group}/cgroup.procs && exec "$@"'
    subprocess.run(["sh", "-c", enter, "sh", *command], env=environment(home), check=True, timeout=60)
    error = core.load(client, job.id).row.error or ""
    assert re.match(r"killed by the kernel, out of memory \(peak \d+\.\d MiB, limit 300\.0 MiB\)", error), error
    assert status(client, after) == "finished"


def test_each_attempt_has_its_memory_and_processor_time_on_record(
    server: Server, client: redis.Redis, queue: Queue, home: Path
) -> None:
    large = queue.enqueue(jobs.fill, 150 * MIB)
    small = queue.enqueue(jobs.give)
    killed = queue.enqueue(jobs.sleep, 600)
    with working(server, home, *ALLOW) as process:
        ends(client, killed, "started")
        os.kill(horse_of(process.pid), signal.SIGKILL)
        ends(client, killed, "failed")
        again = queue.enqueue(jobs.fail, retry=Retry(max=1))
        ends(client, again, "failed")
    peaks = {}
    for job in (large, small, killed, again):
        detail = core.load(client, job.id)
        [attempt] = detail.attempts
        assert attempt.cpu_seconds is not None
        peaks[job.id] = attempt.peak_memory_bytes or 0
        assert f"peak {peaks[job.id] / MIB:.1f} MiB)" in job_history.load(client, detail).moments[-1].what
    assert peaks[large.id] > 150 * MIB > max(peaks[small.id], peaks[killed.id]) > MIB
    retried = [e for _, e in client.xrange(keys.EVENTS) if e[b"event"] == b"retrying"]
    assert json.loads(retried[0][b"details"])["peak_memory"] > MIB
    error = core.load(client, killed.id).row.error or ""
    assert error.startswith("killed by signal 9 (SIGKILL")
    assert error.endswith(". Work-horse terminated unexpectedly")
