"""What has ended is removed by age and count; what still has to run is not."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import redis
from rq import Callback, Queue

from qtui_workers.server import keys
from tests.faults.jobs import MODULE
from tests.faults.support import status
from tests.support import Server
from tests.workers.support import environment, run_burst

KEEPING = "tests.workers.keeping"
"""Of its processor `keep` two finished jobs are kept."""
CALLED = ("--allow", MODULE)


def kept_queue(client: redis.Redis) -> Queue:
    return Queue("keeping", connection=client, serializer="json")


def test_a_job_enqueued_again_is_not_removed_as_one_that_has_ended(server: Server, client: redis.Redis, home: Path) -> None:
    """As any job of a chosen id that comes again: its end of before goes when two others have ended."""
    queue = kept_queue(client)
    queue.enqueue(f"{KEEPING}.keep", job_id="again")
    run_burst(server, home, "keeping", QTUI_PROCESSORS=KEEPING)
    for _ in range(2):
        queue.enqueue(f"{KEEPING}.keep")
    again = queue.enqueue(f"{KEEPING}.keep", job_id="again")
    said = run_burst(server, home, "keeping", QTUI_PROCESSORS=KEEPING)
    assert (status(client, again), client.llen(keys.queue("keeping"))) == ("finished", 0)
    assert re.search(r"job again .*finished in", said)


def test_jobs_that_rq_ends_are_kept_by_count_too(server: Server, client: redis.Redis, home: Path) -> None:
    queue = kept_queue(client)
    for _ in range(5):
        queue.enqueue(f"{KEEPING}.keep", on_success=Callback(f"{MODULE}.done"))
    run_burst(server, home, "keeping", *CALLED, QTUI_PROCESSORS=KEEPING)
    assert client.zcard(keys.registry("finished", "keeping")) == 2


def test_the_newest_end_by_the_servers_clock_whatever_that_of_a_worker_says(
    server: Server, client: redis.Redis, home: Path
) -> None:
    """The worker of the third job has a clock that is an hour late."""
    queue = kept_queue(client)
    for _ in range(2):
        queue.enqueue(f"{KEEPING}.keep")
    run_burst(server, home, "keeping", QTUI_PROCESSORS=KEEPING)
    newest = queue.enqueue(f"{KEEPING}.keep")
    late = (
        "import sys, time, qtui_workers.cli; real = time.time; time.time = lambda: real() - 3600; "
        f"sys.argv = {['qtui-worker', '--burst', '--url', server.url, 'keeping']!r}; qtui_workers.cli.main()"
    )
    variables = environment(home, QTUI_PROCESSORS=KEEPING)
    subprocess.run([sys.executable, "-c", late], env=variables, check=True, capture_output=True, timeout=60)
    assert client.zscore(keys.registry("finished", "keeping"), newest.id)
