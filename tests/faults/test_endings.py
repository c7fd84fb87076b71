"""How a job ends that somebody has changed meanwhile; and the clock of a server that is not the last one's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
from rq import Callback, Queue, Retry

from qtui_workers import Payload, processor
from qtui_workers.enqueue.cron import Cron
from qtui_workers.enqueue.pause import pause, resume
from qtui_workers.server import keys
from tests.faults import jobs
from tests.faults.support import ALLOW, ends, status
from tests.support import Server, wait_until
from tests.workers.support import field, working


def test_a_job_enqueued_again_while_it_runs_outlives_the_first_ones_time_to_be_kept(
    server: Server, client: redis.Redis, queue: Queue, home: Path
) -> None:
    here, go = home / "here", home / "go"
    first = queue.enqueue(jobs.hold, str(here), str(go), job_id="same", result_ttl=1)
    with working(server, home, *ALLOW):
        wait_until(here.exists, description="it runs")
        pause(client, ["default"])
        queue.enqueue(jobs.note, "ran", "again", job_id="same", result_ttl=1)
        go.touch()
        wait_until(lambda: not client.exists(keys.registry("wip", "default")), description="the first has ended")
        assert (client.ttl(first.key), status(client, first)) == (-1, "queued")
        resume(client, ["default"])
        wait_until(lambda: client.llen(keys.queue("default")) == 0, description="the second is taken")
        wait_until(lambda: client.exists("ran"), description="the second runs", timeout=5)


def test_a_job_whose_count_of_attempts_was_broken_meanwhile_is_put_back(
    server: Server, client: redis.Redis, queue: Queue, home: Path
) -> None:
    here = home / "here"
    job = queue.enqueue(jobs.hold, str(here), str(home / "go"))
    with working(server, home, *ALLOW, "--shutdown-timeout", "0") as process:
        wait_until(here.exists, description="it runs")
        client.hset(keys.job(job.id), keys.FIELD_ATTEMPT, "many")
        process.terminate()
        process.wait(20)
    assert client.lrange(keys.queue("default"), 0, -1) == [job.id.encode()]


@pytest.mark.parametrize("function", [jobs.give, jobs.fail])
def test_how_a_special_job_ended_waits_for_a_server_that_takes_no_changes(
    own_server: Server, home: Path, function: Callable[[], Any]
) -> None:
    """RQ's own code ends it, and its callback is what RQ calls right before it writes that."""
    with own_server.client() as client, working(own_server, home, *ALLOW):
        client.config_resetstat()
        callbacks = {"on_success": Callback(jobs.refuse_changes), "on_failure": Callback(jobs.refuse_changes)}
        retry = Retry(max=1, interval=600)
        job = Queue("default", connection=client).enqueue(function, retry=retry, **callbacks)
        wait_until(lambda: "errorstat_NOREPLICAS" in client.info("errorstats"), description="it is refused")
        client.config_set("min-replicas-to-write", "0")
        ends(client, job, "scheduled" if function is jobs.fail else "finished")
        wait_until(lambda: client.zcard(keys.registry("wip", "default")) == 0, description="all of it is written")
        assert field(client, job.id, "retries_left") == (b"0" if function is jobs.fail else b"1")


@processor(queue="ticking", every=60)
def ticking(payload: Payload) -> Payload:
    """Does nothing."""
    return payload


def test_a_lead_of_a_server_whose_clock_was_ahead_is_free_in_time(client: redis.Redis) -> None:
    """Its leader is gone, and so is that server: the new one's clock is an hour behind."""
    Cron(client, [ticking]).tick()
    client.hincrby(keys.cron("ticking"), "until", 3_600_000)
    owner = client.hget(keys.cron("ticking"), "owner")
    after = Cron(client, [ticking])

    def is_led_anew() -> bool:
        after.tick()
        return client.hget(keys.cron("ticking"), "owner") != owner

    wait_until(is_led_anew, description="another leads it", timeout=12)
