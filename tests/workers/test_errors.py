"""What a job raised is said in one line, the same everywhere, whichever worker ran it."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis
from rq import Queue

from qtui.broker import rows
from qtui.broker.one_job import job
from qtui_workers import QueueService
from qtui_workers.reporting import events
from tests.support import Server
from tests.workers.raising import MODULE, RAISED
from tests.workers.support import run_burst, run_stock


@pytest.mark.parametrize("own", [True, False])
def test_the_error_of_a_job_is_what_it_raised(client: redis.Redis, server: Server, home: Path, *, own: bool) -> None:
    queue = Queue("default", connection=client)
    ids = {queue.enqueue(f"{MODULE}.{function.__name__}").id: line for function, line in RAISED.items()}
    if own:
        log = run_burst(server, home, "default", "--allow", MODULE, "--allow-pickle")
        assert [line for line in ids.values() if f"({line})" not in log] == []
        failed = {event.source.job: event.details["error"] for event in events.read(client) if event.kind == "failed"}
        assert failed == ids
    else:
        run_stock(server, home, "default")
    service = QueueService(client)
    assert {row.id: row.error for row in rows.named(client, [(one, "") for one in ids])} == ids
    assert {one: job.load(client, one).failed_reason for one in ids} == ids
    assert {one: service.status(one).failed_reason for one in ids} == ids
