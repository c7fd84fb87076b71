"""The schedule: cron jobs of RQ's schedulers and of ours, and scheduled jobs of all queues."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import redis
from rq import Queue, cron_scheduler_registry
from rq.cron import CronScheduler

from qtui.broker import holds, limits
from qtui.broker.lists import schedule
from qtui.broker.lists.schedule import CronRow
from qtui.broker.status import Status
from qtui.presentation.cron_text import words
from qtui_workers.define.limit import Limit
from qtui_workers.enqueue import pause
from qtui_workers.enqueue.cron import Cron
from qtui_workers.enqueue.holds import parse
from qtui_workers.rate.limiter import Limits
from qtui_workers.server import keys
from tests.broker.tasks import add
from tests.workers.test_cron import HOUR, NOON, scheduled


def report(client: redis.Redis, scheduler: CronScheduler) -> None:
    """What a stock scheduler writes when it starts."""
    scheduler.save()
    with client.pipeline() as pipe:
        cron_scheduler_registry.register(scheduler, pipe)
        pipe.execute()


def test_cron_jobs_of_a_stock_scheduler_are_there_while_it_lives(client: redis.Redis) -> None:
    scheduler = CronScheduler(connection=client)
    scheduler.register(add, "mail", cron="30 2 * * 1", args=(1, 2))
    scheduler.register(add, "nightly", interval=600, args=(1, 2), name="tidy")
    report(client, scheduler)
    found = {row.name: row for row in schedule.load(client).crons}
    by_name, tidy = found["tests.broker.tasks.add"], found["tidy"]
    assert (by_name.queue, by_name.function, by_name.cron, by_name.every) == (
        "mail",
        "tests.broker.tasks.add",
        "30 2 * * 1",
        None,
    )
    assert (tidy.queue, tidy.every, tidy.scheduler, tidy.last) == ("nightly", 600.0, scheduler.name, None)
    assert by_name.due is not None
    client.delete(keys.cron_scheduler(scheduler.name))
    assert schedule.load(client).crons == ()


def test_a_cron_job_of_ours_is_remembered_when_nobody_enqueues_it_any_more(client: redis.Redis) -> None:
    cron = Cron(client, [scheduled(cron="0 * * * *")])
    cron.tick(NOON - 2)
    cron.tick(NOON)
    (row,) = schedule.load(client).crons
    assert (row.name, row.queue, row.cron, row.timezone) == ("tidy", "q", "0 * * * *", "UTC")
    assert (row.last, row.due, row.last_job) == (NOON, NOON + HOUR, "cron-tidy-20260501T120000")
    assert row.scheduler == cron.name
    cron.close()
    (row,) = schedule.load(client).crons
    assert (row.scheduler, row.cron, row.last, row.last_job) == (None, "0 * * * *", NOON, "cron-tidy-20260501T120000")


def test_the_last_jobs_of_a_cron_job_are_told_with_how_they_went(client: redis.Redis) -> None:
    cron = Cron(client, [scheduled(cron="0 * * * *")])
    for hour in range(schedule.RUNS + 2):
        cron.tick(NOON - 2 + hour * HOUR)
        cron.tick(NOON + hour * HOUR)
    (row,) = schedule.load(client).crons
    newest, before = row.runs[:2]
    client.hset(keys.job(newest.job), "status", "failed")
    client.delete(keys.job(before.job))
    (row,) = schedule.load(client).crons
    assert len(row.runs) == schedule.RUNS
    assert [run.status for run in row.runs[:3]] == [Status.FAILED, None, Status.QUEUED]
    assert [run.at for run in row.runs[:2]] == [NOON + 6 * HOUR, NOON + 5 * HOUR]
    assert row.last_job == newest.job


def test_damaged_records_are_left_out(client: redis.Redis) -> None:
    for name, text in {
        "a": "{", "b": '{"x": 1}', "c": json.dumps([1, {"name": 5, "interval": "x", "func_name": "f" * 900}]), "d": "[" * 5_000,
    }.items():  # fmt: skip
        client.zadd(keys.CRON_SCHEDULERS, {name: 1})
        client.hset(keys.cron_scheduler(name), "cron_jobs", text)
    client.zadd(keys.CRON_SCHEDULERS, {"large": 1})
    client.hset(keys.cron_scheduler("large"), "cron_jobs", json.dumps([{"name": "x" * schedule.READ}]))
    client.zadd(keys.CRON_JOBS, {"odd": 1})
    client.set(keys.cron("odd"), "no hash")
    (odd, row) = schedule.load(client).crons
    assert odd == CronRow("odd")
    assert (row.name, row.every, row.scheduler) == ("f" * 500, None, "c")


def test_scheduled_jobs_of_all_queues_are_in_the_order_in_which_they_are_due(client: redis.Redis) -> None:
    mail, bulk = (Queue(name, connection=client) for name in ("mail", "bulk"))
    last = mail.enqueue_in(timedelta(hours=3), add, 1, 2).id
    second = bulk.enqueue_in(timedelta(minutes=1), add, 1, 2).id
    late = mail.enqueue_in(timedelta(minutes=-5), add, 1, 2).id
    found = schedule.load(client)
    assert [(row.id, row.queue) for row in found.jobs] == [(late, "mail"), (second, "bulk"), (last, "mail")]
    assert found.jobs[0].scheduled_for == client.zscore(keys.registry("scheduled", "mail"), late)
    assert (found.total, found.late) == (3, {"mail"})
    assert [row.id for row in schedule.load(client, 1).jobs] == [late]
    client.set(keys.scheduler_lock("mail"), 1)
    assert schedule.load(client).late == frozenset()


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (CronRow("x", cron="30 2 * * 1"), "at 02:30, only on Monday"),
        (CronRow("x", cron="0 9 * * *", timezone="Europe/Berlin"), "at 09:00 (Europe/Berlin)"),
        (CronRow("x", cron="* * * * * */10"), "every 10 seconds"),
        (CronRow("x", cron="@daily"), "at 00:00"),
        (CronRow("x", cron="not a cron"), "not a cron"),
        (CronRow("x", every=5_400.0), "every 1h 30m"),
        (CronRow("x"), "–"),
    ],
)
def test_a_cron_job_is_put_in_words(row: CronRow, text: str) -> None:
    assert words(row) == text


def test_limits_are_those_of_ours_those_of_rq_paused_queues_and_holds(client: redis.Redis) -> None:
    assert limits.load(client) == ()
    with Limits(client).acquire(Limit(2, 600, "core.example")):
        Limits(client).close(Limit(1, 2.5, "core.later"), 3_600, "it asked")
    client.sadd(keys.RATE_LIMIT_KEYS, "customer")
    client.hset(keys.rate_limit("customer"), "concurrency", 3)
    client.zadd(keys.rate_limit_allowed("customer"), {"a": 1})
    client.zadd(keys.rate_limited("customer"), {"b": 1, "c": 2})
    Queue("mail", connection=client).enqueue(add, 1, 2)
    pause.pause(client, ["mail"])
    holds.place(client, parse(["shop.charge", "customer_id=42"]), "gateway")
    rate, closed, concurrency, paused, held = limits.load(client)
    assert (rate.kind, rate.name, rate.used, rate.most, rate.per, rate.free_in) == ("rate", "core.example", 1, 2, 600, 0)
    assert (closed.name, closed.because, closed.fraction) == ("core.later", "it asked", 0)
    assert closed.closed_until is not None
    assert (concurrency.kind, concurrency.name, concurrency.used, concurrency.most, concurrency.waiting) == (
        "concurrency", "customer", 1, 3, 2,
    )  # fmt: skip
    assert (paused.kind, paused.name, paused.most, paused.waiting, paused.fraction) == ("paused", "mail", None, 1, None)
    assert (held.kind, held.name, held.waiting, held.because) == ("held", "shop.charge customer_id=42", 0, "gateway")
    assert [row.is_closed for row in (rate, closed, concurrency, paused, held)] == [False, True, False, True, True]
