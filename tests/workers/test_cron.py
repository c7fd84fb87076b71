"""Every tick once, whatever happens to the processes that enqueue it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis
from rq import Queue, cron_job_registry, cron_scheduler_registry
from rq.cron import CronScheduler, get_cron_job_history_key, get_cron_job_ids
from rq.job import Job
from rq.serializers import JSONSerializer

from qtui_workers.define.decorator import Processor, processor
from qtui_workers.enqueue.cron import LEASE, Cron
from qtui_workers.processors.report import Report, ReportResult
from qtui_workers.server import keys
from tests.support import Server, wait_until
from tests.workers.support import environment

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC).timestamp()
HOUR = 3_600.0


def scheduled(**options: Any) -> Processor[Report, ReportResult]:
    """A processor of that schedule; nothing runs it here, so that the jobs of its ticks wait."""
    return processor(**{"queue": "q", "name": "tidy", "every_tick": True} | options)(report)


def report(payload: Report) -> ReportResult:
    """Writes a report."""
    return ReportResult(title=payload.title, steps=payload.steps)


def waiting(client: redis.Redis, queue: str = "q") -> list[str]:
    return [job_id.decode() for job_id in client.lrange(keys.queue(queue), 0, -1)]


def forget_leader(client: redis.Redis, name: str = "tidy") -> None:
    """What eight seconds without a sign of life amount to."""
    client.hset(keys.cron(name), "until", 0)


def test_a_tick_is_enqueued_once_when_it_comes_with_an_id_that_tells_it(client: redis.Redis) -> None:
    cron = Cron(client, [scheduled(cron="0 * * * *")])
    assert cron.tick(NOON - 2) <= 2
    assert waiting(client) == []
    for now in (NOON, NOON + 1, NOON + HOUR - 1):
        cron.tick(now)
        assert waiting(client) == ["cron-tidy-20260501T120000"]
    cron.tick(NOON + HOUR)
    assert waiting(client)[1:] == ["cron-tidy-20260501T130000"]


def test_an_interval_is_enqueued_at_its_multiples(client: redis.Redis) -> None:
    cron = Cron(client, [scheduled(every=90)])
    for second in range(0, 361, 10):
        cron.tick(NOON + second)
    assert [job_id[-6:] for job_id in waiting(client)] == ["120130", "120300", "120430", "120600"]


def test_a_job_of_a_tick_is_as_the_processor_says_and_readable_by_rq(client: redis.Redis) -> None:
    cron = Cron(client, [scheduled(every=60, attempts=3, timeout=77)])
    cron.tick(NOON)
    cron.tick(NOON + 60)
    (job_id,) = waiting(client)
    job = Job.fetch(job_id, connection=client, serializer=JSONSerializer)
    assert (job.timeout, job.retries_left, job.origin, job.get_status()) == (77, 2, "q", "queued")
    assert job.kwargs == {}
    assert Queue.all(connection=client) == [Queue("q", connection=client)]


def test_ticks_missed_while_no_worker_was_there_are_made_up_for_by_one_job(client: redis.Redis) -> None:
    Cron(client, [scheduled(cron="0 * * * *")]).tick(NOON)
    forget_leader(client)
    Cron(client, [scheduled(cron="0 * * * *")]).tick(NOON + 5.5 * HOUR)
    assert waiting(client) == ["cron-tidy-20260501T170000"]


def test_while_a_job_waits_no_other_tick_is_enqueued_and_after_that_the_next_one_is(client: redis.Redis) -> None:
    cron = Cron(client, [scheduled(every=1, every_tick=False)])
    for second in range(26):
        cron.tick(NOON + second)
    assert waiting(client) == ["cron-tidy-20260501T120001"]
    client.lpop(keys.queue("q"))  # a worker takes it
    client.hset(keys.job("cron-tidy-20260501T120001"), "status", "started")
    cron.tick(NOON + 25.5)
    assert waiting(client) == [], "no tick is made up for"
    cron.tick(NOON + 26)
    assert waiting(client) == ["cron-tidy-20260501T120026"]


def held_back(client: redis.Redis, job_id: str) -> None:
    client.delete(keys.queue("q"))
    client.hset(keys.job(job_id), mapping={"status": "rate_limited", "rate_limit_key": "limit"})
    client.zadd(keys.rate_limited("limit"), {job_id: 1})


def between_attempts(client: redis.Redis, job_id: str) -> None:
    client.delete(keys.queue("q"))
    client.hset(keys.job(job_id), "status", "scheduled")
    client.zadd(keys.registry("scheduled", "q"), {job_id: 1})


STATES: dict[str, tuple[bool, Callable[[redis.Redis, str], object]]] = {
    "its entry is gone": (False, lambda client, job_id: client.delete(keys.queue("q"))),
    "it is gone": (False, lambda client, job_id: client.delete(keys.job(job_id), keys.queue("q"))),
    "its record is broken": (False, lambda client, job_id: client.set(keys.job(job_id), 1)),
    "it is canceled": (False, lambda client, job_id: client.hset(keys.job(job_id), "status", "canceled")),
    "it waits for an attempt": (True, between_attempts),
    "it is held back": (True, held_back),
    "many jobs wait before it": (True, lambda client, job_id: client.lpush(keys.queue("q"), *range(20_000))),
    "many jobs wait behind it": (True, lambda client, job_id: client.rpush(keys.queue("q"), *range(20_000))),
}


@pytest.mark.parametrize(("waits", "become"), STATES.values(), ids=STATES.keys())
def test_whether_a_job_still_waits_is_not_taken_from_its_status_alone(
    client: redis.Redis, waits: bool, become: Callable[[redis.Redis, str], object]
) -> None:
    cron = Cron(client, [scheduled(every=60, every_tick=False)])
    cron.tick(NOON)
    cron.tick(NOON + 60)
    (first,) = waiting(client)
    become(client, first)
    cron.tick(NOON + 120)
    assert ("cron-tidy-20260501T120200" in waiting(client)) is not waits


def test_a_schedule_that_is_new_makes_up_for_nothing(client: redis.Redis) -> None:
    Cron(client, [scheduled(cron="0 0 * * *")]).tick(NOON)
    assert waiting(client) == []


def test_of_many_processes_one_enqueues(client: redis.Redis) -> None:
    crons = [Cron(client, [scheduled(every=60), scheduled(every=60, name="other")]) for _ in range(5)]
    for second in range(0, 301, 30):
        for cron in crons:
            cron.tick(NOON + second)
    assert len(waiting(client)) == len(set(waiting(client))) == 10
    assert [scheduler.name for scheduler in CronScheduler.all(client)] == [crons[0].name]


def test_a_follower_rests_until_the_lead_may_be_free(client: redis.Redis) -> None:
    leader, follower = (Cron(client, [scheduled(cron="0 0 1 1 *")]) for _ in range(2))
    assert leader.tick(NOON) <= LEASE / 2
    assert LEASE - 2 < follower.tick(NOON) <= LEASE + 0.1


def test_who_gives_up_the_lead_is_followed_by_another_at_once(client: redis.Redis) -> None:
    leader, follower = (Cron(client, [scheduled(every=60)]) for _ in range(2))
    for cron in (leader, follower):
        cron.tick(NOON)
    leader.close()
    follower.tick(NOON + 60)
    assert len(waiting(client)) == 1
    assert [scheduler.name for scheduler in CronScheduler.all(client)] == [follower.name]


def asleep_once_it_leads(monkeypatch: pytest.MonkeyPatch, cron: Cron, meanwhile: Callable[[], object]) -> Cron:
    """The same, stopped by its machine right after it renewed its lead, while this happens."""
    renew = cron._lead

    def renew_and_sleep(lease: float, now: float | None) -> tuple[float, float]:
        answer = renew(lease, now)
        meanwhile()
        return answer

    monkeypatch.setattr(cron, "_lead", renew_and_sleep)
    return cron


def test_a_leader_that_slept_is_no_second_leader(client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    sleeper, other = (Cron(client, [scheduled(every=60)]) for _ in range(2))
    sleeper.tick(NOON)

    def taken_over() -> None:
        forget_leader(client)
        other.tick(NOON + 60)

    asleep_once_it_leads(monkeypatch, sleeper, taken_over).tick(NOON + 120)
    assert waiting(client) == ["cron-tidy-20260501T120100"]


def test_two_that_both_lead_enqueue_a_tick_once_even_when_its_job_is_done_and_gone(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleeper, other = (Cron(client, [scheduled(every=60)]) for _ in range(2))
    other._token = sleeper._token
    sleeper.tick(NOON)

    def done() -> None:
        other.tick(NOON + 60)
        assert waiting(client) == ["cron-tidy-20260501T120100"]
        client.delete(keys.queue("q"), keys.job("cron-tidy-20260501T120100"))

    asleep_once_it_leads(monkeypatch, sleeper, done).tick(NOON + 60)
    assert waiting(client) == []


def test_a_clock_that_is_put_back_brings_no_tick_twice(client: redis.Redis) -> None:
    cron = Cron(client, [scheduled(every=60)])
    for now in (NOON, NOON + 120, NOON + 60, NOON + 121):
        cron.tick(now)
        forget_leader(client)
    assert waiting(client) == ["cron-tidy-20260501T120200"]


def test_a_tick_whose_job_is_there_is_not_enqueued_again_when_what_is_known_of_it_is_lost(client: redis.Redis) -> None:
    Cron(client, [scheduled(every=60)]).tick(NOON - 1)
    forget_leader(client)
    Cron(client, [scheduled(every=60)]).tick(NOON)
    client.delete(keys.cron("tidy"))
    again = Cron(client, [scheduled(every=60)])
    again.tick(NOON - 1)
    again.tick(NOON)
    assert waiting(client) == ["cron-tidy-20260501T120000"]


def test_a_changed_expression_takes_effect_while_the_old_leader_lives(client: redis.Redis) -> None:
    old, new = Cron(client, [scheduled(cron="0 * * * *")]), Cron(client, [scheduled(cron="30 * * * *")])
    old.tick(NOON - 60)
    new.tick(NOON - 30)
    for now in (NOON, NOON + HOUR / 2, NOON + HOUR, NOON + 1.5 * HOUR):
        old.tick(now)
        new.tick(now)
    assert waiting(client) == ["cron-tidy-20260501T123000", "cron-tidy-20260501T133000"]


def test_a_changed_expression_makes_up_for_no_tick_of_its_past(client: redis.Redis) -> None:
    Cron(client, [scheduled(cron="0 0 * * *")]).tick(NOON)
    Cron(client, [scheduled(cron="59 * * * *")]).tick(NOON + 10)
    assert waiting(client) == []


def test_what_no_process_knows_any_more_is_neither_enqueued_nor_shown(client: redis.Redis) -> None:
    old = Cron(client, [scheduled(every=60), scheduled(every=60, name="gone")])
    old.tick(NOON)
    old.close()
    new = Cron(client, [scheduled(every=60)])
    new.tick(NOON)
    new.tick(NOON + 60)
    assert waiting(client) == ["cron-tidy-20260501T120100"]
    assert [job.name for scheduler in CronScheduler.all(client) for job in scheduler.get_jobs()] == ["tidy"]
    assert client.ttl(keys.cron("gone")) > 0


def test_machines_with_different_processors_each_enqueue_their_own(client: redis.Redis) -> None:
    left, right = Cron(client, [scheduled(every=60)]), Cron(client, [scheduled(every=60, name="other")])
    for now in (NOON, NOON + 60):
        left.tick(now)
        right.tick(now)
    assert len(waiting(client)) == 2


def test_without_schedules_nothing_is_requested_of_the_server(client: redis.Redis) -> None:
    assert Cron(client, [processor(name="idle")(report)]).tick(NOON) >= 60
    assert client.dbsize() == 0


def test_a_concurrency_limit_of_rq_holds_ticks_back(client: redis.Redis) -> None:
    cron = Cron(client, [scheduled(every=60, concurrency=1)])
    for minute in range(3):
        cron.tick(NOON + 60 * minute)
    assert waiting(client) == ["cron-tidy-20260501T120100"]
    assert client.zrange(keys.rate_limited("tidy"), 0, -1) == [b"cron-tidy-20260501T120200"]


def test_names_that_no_job_id_may_hold_get_ids_of_their_own(client: redis.Redis) -> None:
    cron = Cron(client, [scheduled(every=60, name="a b"), scheduled(every=60, name="a/b")])
    for now in (NOON, NOON + 60):
        cron.tick(now)
    ids = waiting(client)
    assert len(set(ids)) == 2
    assert all(Job.fetch(job_id, connection=client, serializer=JSONSerializer).id == job_id for job_id in ids)


def test_rqs_own_readers_see_the_scheduler_its_cron_jobs_and_their_jobs(client: redis.Redis) -> None:
    cron = Cron(client, [scheduled(cron="0 * * * *", timeout=77), scheduled(every=7_200, name="slow")], name="host:1")
    cron.tick(NOON - 1)
    cron.tick(NOON)
    (seen,) = CronScheduler.all(client)
    assert (seen.name, seen.pid, seen.config_file) == ("host:1", os.getpid(), "")
    assert seen.last_heartbeat is not None
    tidy, slow = sorted(seen.get_jobs(), key=lambda job: job.name, reverse=True)
    assert (tidy.name, tidy.cron, tidy.interval, tidy.queue_name) == ("tidy", "0 * * * *", None, "q")
    assert (slow.name, slow.cron, slow.interval) == ("slow", None, 7_200)
    assert tidy.func_name == f"{__name__}.report"
    assert tidy.job_options["job_timeout"] == 77
    assert tidy.latest_enqueue_time == datetime.fromtimestamp(NOON, UTC)
    assert tidy.next_enqueue_time == datetime.fromtimestamp(NOON + HOUR, UTC)
    assert get_cron_job_ids("tidy", client) == ["cron-tidy-20260501T120000"]
    assert set(cron_job_registry.get_names(client, cleanup=False)) == {"tidy", "slow"}


def test_the_keys_are_those_of_rq(client: redis.Redis) -> None:
    assert cron_scheduler_registry.get_registry_key() == keys.CRON_SCHEDULERS
    assert cron_job_registry.get_registry_key() == keys.CRON_JOBS
    assert get_cron_job_history_key("n") == keys.cron_job_history("n")
    assert CronScheduler(client, name="n").key == keys.cron_scheduler("n")


def test_the_record_for_rqs_readers_goes_when_the_leader_leaves(client: redis.Redis) -> None:
    cron = Cron(client, [scheduled(every=60)])
    cron.tick(NOON)
    assert 0 < client.ttl(keys.cron_scheduler(cron.name)) <= 120
    cron.close()
    assert client.exists(keys.cron_scheduler(cron.name), keys.CRON_SCHEDULERS) == 0


def test_a_cron_goes_on_after_an_absence_of_redis(own_server: Server) -> None:
    with own_server.client() as client:
        cron = Cron(client, [scheduled(every=60)])
        cron.tick(NOON - 1)
        cron.tick(NOON)
        own_server.kill()
        with pytest.raises(redis.RedisError):
            cron.tick(NOON + 60)
        own_server.start()
        cron.tick(NOON + 60)
        assert len(waiting(client)) == 2


@contextmanager
def cron_process(server: Server, home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that enqueues a job a second, until it is ended; its lead is free three seconds after its last sign of life."""
    code = (
        "import redis, time\nfrom tests.workers.test_cron import scheduled\nfrom qtui_workers.enqueue import cron\n"
        "cron.LEASE, cron._RENEWAL = 3.0, 1.0\n"
        f"led = cron.Cron(redis.Redis(unix_socket_path={server.socket!r}), [scheduled(every=1)])\n"
        "while True: time.sleep(led.tick())"
    )
    process = subprocess.Popen([sys.executable, "-c", code], env=environment(home))
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.long
def test_the_lead_of_a_process_that_was_killed_or_stopped_is_taken_over_and_no_tick_comes_twice(
    server: Server, client: redis.Redis, home: Path
) -> None:
    with cron_process(server, home) as first, cron_process(server, home) as second:
        wait_until(lambda: len(cron_scheduler_registry.get_keys(client)) == 1, description="one leads")
        leader, other = sorted((first, second), key=lambda p: not leads(client, p))
        os.kill(leader.pid, signal.SIGSTOP)
        wait_until(lambda: leads(client, other), description="the other takes over", timeout=3 * LEASE)
        os.kill(leader.pid, signal.SIGCONT)
        enqueued = len(waiting(client))
        wait_until(lambda: len(waiting(client)) > enqueued + 2, description="it enqueues")
        other.kill()
        wait_until(lambda: leads(client, leader), description="the first takes over again", timeout=3 * LEASE)
    assert len(waiting(client)) == len(set(waiting(client)))


def leads(client: redis.Redis, process: subprocess.Popen[bytes]) -> bool:
    """Whether the process is the last one to have entered itself as a scheduler."""
    newest = client.zrange(keys.CRON_SCHEDULERS, -1, -1)
    return bool(newest) and client.hget(keys.cron_scheduler(newest[0].decode()), "pid") == str(process.pid).encode()
