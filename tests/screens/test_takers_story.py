"""Which workers can take a job: each of them, with yes or why not."""

from __future__ import annotations

from pathlib import Path

import redis
from rq import Queue
from rq.command import send_stop_job_command

from qtui.broker.one_job import takers
from qtui.presentation import taker_text
from qtui_workers.enqueue.holds import place
from qtui_workers.enqueue.pause import pause
from qtui_workers.enqueue.suspension import suspend
from qtui_workers.reading.hold import Hold
from qtui_workers.reporting.events import EventKind, emit
from qtui_workers.reporting.source import Source
from qtui_workers.server import keys
from tests.broker import tasks
from tests.broker.both_kinds import worker
from tests.broker.test_listeners import register
from tests.screens.support import dashboard
from tests.support import Server, wait_until
from tests.workers import engine


def crew(client: redis.Redis) -> str:
    """Workers of every kind, and the id of a job that waits."""
    register(client, "free", "mail", ours=True)
    register(client, "busy", "mail", ours=True, busy=True)
    register(client, "stock", "mail")
    register(client, "elsewhere", "media")
    register(client, "silent", "mail", silent=True)
    register(client, "leaving", "mail", ours=True)
    client.hset(keys.worker("leaving"), "shutdown_requested_date", "2025-11-22T08:00:00.000000Z")
    register(client, "refusing", "mail", ours=True)
    job = Queue("mail", connection=client).enqueue(tasks.add, 1)
    source = Source(job="another", queue="mail", function="tests.broker.tasks.add", worker="refusing", attempt=1)
    emit(client, EventKind.REFUSED, source, {"error": "no such function here", "seconds": 2})
    return str(job.id)


def answers(client: redis.Redis, job_id: str) -> dict[str, str]:
    return {taker.each.worker.name: taker.why or taker.answer for taker in takers.load(client, job=job_id).takers}


def test_every_worker_has_an_answer(client: redis.Redis) -> None:
    job_id = crew(client)
    reasons = {"elsewhere": "elsewhere", "silent": "silent", "leaving": "stopping", "refusing": "refused"}
    assert answers(client, job_id) == {"free": "yes", "busy": "busy", "stock": "yes", **reasons}
    pause(client, ["mail"])
    assert answers(client, job_id) == {"free": "paused", "busy": "paused", "stock": "yes", **reasons, "refusing": "paused"}
    suspend(client)
    everybody = dict.fromkeys(("free", "busy", "stock", "refusing"), "suspended")
    assert answers(client, job_id) == {**reasons, **everybody}


def test_a_worker_that_has_run_such_a_job_since_refuses_it_no_more(client: redis.Redis) -> None:
    job_id = crew(client)
    source = Source(job="third", queue="mail", function="tests.broker.tasks.add", worker="refusing", attempt=1)
    emit(client, EventKind.COMPLETED, source, {"seconds": 1})
    assert answers(client, job_id)["refusing"] == "yes"


def limit(client: redis.Redis, queue: str, *, used: int) -> None:
    """At most two starts of the queue in ten minutes, of which some are used."""
    client.hset(keys.LIMITS, queue, "gateway")
    client.hset(keys.limit("gateway"), mapping={"max": 2, "per_us": 600_000_000})
    now = client.time()[0] * 1_000_000
    client.zadd(keys.limit_log("gateway"), {f"t{number}": now for number in range(used)})


def test_a_rate_limit_keeps_every_qtui_worker_from_it_until_a_slot_is_free(client: redis.Redis) -> None:
    job_id = crew(client)
    limit(client, "mail", used=1)
    assert answers(client, job_id)["free"] == "yes"
    limit(client, "mail", used=2)
    found = answers(client, job_id)
    assert (found["free"], found["busy"], found["stock"], found["refusing"]) == ("limited", "limited", "yes", "refused")
    seen = takers.load(client, job=job_id)
    reasons = [taker_text.reason(taker, seen, seen.at) for taker in seen.takers if taker.why == "limited"]
    assert reasons[0].startswith("the limit gateway lets no job start for ")


def test_a_job_that_a_hold_is_about_is_held_also_before_a_worker_has_put_it_there(client: redis.Redis) -> None:
    job_id = crew(client)
    place(client, Hold("shop.charge"))
    place(client, Hold("tasks.add customer_id=7"))
    assert answers(client, job_id)["free"] == "yes"
    place(client, Hold("tasks.add"))
    found = answers(client, job_id)
    assert (found["free"], found["busy"], found["stock"]) == ("held", "held", "yes")
    assert takers.load(client, job=job_id).hold == "tasks.add"
    client.hset(keys.job(job_id), keys.FIELD_LET, 1)
    assert answers(client, job_id)["free"] == "yes", "run-now lets it through"


async def test_l_shows_them_from_the_job_and_from_its_queue(client: redis.Redis) -> None:
    job_id = crew(client)
    async with dashboard(client, size=(120, 30)) as story:
        await story.press("L")
        assert story.place == "TakersScreen"
        said = f"tasks.add {job_id[:8]} of mail: 2 workers can take it now, 1 after what they run, 4 cannot"
        assert said in story.words
        assert "✓ free yes waits for jobs mail" in story.words
        assert "▸ busy busy runs job" in story.words
        assert "✗ elsewhere no does not listen to mail media" in story.words
        assert "✗ leaving no was asked to shut down" in story.words
        assert "✗ refusing no refused it " in story.words
        assert ": no such function here" in story.words
        assert "✗ silent no gives no sign of life for 7m 30s" in story.words
        await story.press("escape", "2", "enter")
        assert story.place == "JobScreen"
        await story.press("L")
        assert "✓ stock yes waits for jobs" in story.words


async def test_a_queue_in_which_nothing_waits_and_a_job_that_is_gone(client: redis.Redis) -> None:
    register(client, "w1", "mail")
    client.sadd(keys.QUEUES, keys.queue("mail"))
    async with dashboard(client, size=(80, 24)) as story:
        await story.press("L")
        assert "nothing waits in mail; of a job there: 1 worker can take it now" in story.words
    assert takers.load(client, job="gone").status == "of no known status"


def test_real_workers_of_both_kinds(server: Server, client: redis.Redis, home: Path) -> None:
    with worker("qtui-worker", server, home), worker("rq worker", server, home, "stock"):
        runs = Queue("default", connection=client).enqueue(engine.sleep, 600)
        wait_until(lambda: runs.get_status() == "started", description="one of them runs it")
        found = answers(client, runs.id)
        assert sorted(found.values()) == ["busy", "yes"]
        assert found[(client.hget(keys.job(runs.id), "worker_name") or b"").decode()] == "busy"
        send_stop_job_command(client, runs.id)
        wait_until(lambda: runs.get_status() == "stopped", description="it is stopped")
