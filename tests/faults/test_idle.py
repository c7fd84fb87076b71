"""What a worker costs that has nothing to do."""

from __future__ import annotations

from pathlib import Path

import redis
from rq import Queue

from qtui_workers.server import keys
from tests.faults import jobs
from tests.faults.support import ALLOW, ends
from tests.support import Server, wait_until
from tests.workers.support import working

NAME = "idle"


def commands(client: redis.Redis) -> int:
    """How many commands the server has carried out, those of scripts too, but not those of this test."""
    ours = {"cmdstat_info", "cmdstat_hmget", "cmdstat_config|resetstat"}
    return sum(row["calls"] for name, row in client.info("commandstats").items() if name not in ours)


def test_an_idle_worker_sends_five_commands_a_heartbeat_however_many_its_queues_and_is_quick_all_the_same(
    server: Server, client: redis.Redis, queue: Queue, home: Path
) -> None:
    names = ["default", *(f"q{number}" for number in range(20))]
    for name in names:  # another worker's scheduler sees to scheduled jobs
        client.set(f"rq:scheduler-lock:{name}", "another", ex=600)
    seen: set[object] = set()

    def beats(number: int) -> bool:
        seen.add(client.hmget(keys.worker(NAME), "last_heartbeat")[0])
        return len(seen) > number

    with working(server, home, *ALLOW, *names[1:], "--name", NAME, "--lease", "3", log_name="worker.log"):
        ends(client, queue.enqueue(jobs.give), "finished")
        wait_until(lambda: beats(2), description="it is idle")
        client.config_resetstat()
        seen.clear()
        wait_until(lambda: beats(3), description="three heartbeats")
        assert commands(client) <= 4 * 5 + 6, "and a few pings"
        ends(client, queue.enqueue(jobs.give), "finished", timeout=2)
