"""Held functions: no worker of ours runs them, nothing is lost or done twice, and they go back in their order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import redis
from rq import Queue, Retry
from rq.job import Job, JobStatus
from rq.rate_limit import RateLimit
from rq.registry import clean_registries
from rq.serializers import JSONSerializer

from qtui.broker import holds
from qtui.broker.lists import jobs
from qtui.broker.status import Status
from qtui_workers.enqueue.holds import lift, parse
from qtui_workers.errors import InvalidInput
from qtui_workers.reading.hold import Hold
from qtui_workers.reporting import events
from qtui_workers.server import keys
from tests.support import Server, wait_until
from tests.workers import charging
from tests.workers.support import field, run_burst, run_stock, working

CHARGE = f"{charging.MODULE}.charge"
REFUND = f"{charging.MODULE}.refund"
ALLOWED = ("--allow", charging.MODULE, "--allow-pickle")
KNOWN = {"QTUI_PROCESSORS": charging.MODULE}


def charges(client: redis.Redis, *customers: int, **options: Any) -> list[str]:
    """Jobs of our processor, one for each customer."""
    queue = Queue("payments", connection=client, serializer=JSONSerializer)
    return [queue.enqueue(CHARGE, kwargs={"customer_id": number}, **options).id for number in customers]


def refunds(client: redis.Redis, *customers: int, **options: Any) -> list[str]:
    """Pickled jobs, as a plain RQ program enqueues them."""
    queue = Queue("payments", connection=client)
    return [queue.enqueue(charging.refund, customer_id=number, **options).id for number in customers]


def hold(client: redis.Redis, *words: str, reason: str = "", sweep: bool = False) -> Hold:
    wanted = parse(words)
    assert holds.place(client, wanted, reason)
    if sweep:
        holds.sweep(client, wanted)
    return wanted


def ran(client: redis.Redis) -> list[str]:
    """The jobs that were run, in their order."""
    return [entry.decode().split(" ")[1] for entry in client.lrange("ran", 0, -1)]


def held(client: redis.Redis) -> list[str]:
    """The jobs in hold, the first first."""
    found = client.zrangebyscore(keys.registry("deferred", "payments"), keys.HELD_FROM, "+inf")
    return [job_id.decode() for job_id in found]


def work(server: Server, home: Path, *arguments: str) -> str:
    return run_burst(server, home, "payments", *ALLOWED, *arguments, **KNOWN)


@pytest.mark.parametrize("mode", [[], ["--in-process"]])
def test_a_worker_runs_no_job_that_is_held_and_uses_no_attempt(
    server: Server, client: redis.Redis, home: Path, mode: list[str]
) -> None:
    first = charges(client, 1, 2, retry=Retry(max=3))
    plain = refunds(client, 1)
    hold(client, "charging.charge", reason="the gateway is down")
    log = work(server, home, *mode)
    assert ran(client) == plain
    assert held(client) == first
    job = Job.fetch(first[0], connection=client, serializer=JSONSerializer)
    assert (job.get_status(), job.retries_left, job.worker_name, job.started_at) == ("deferred", 3, None, None)
    assert field(client, first[0], keys.FIELD_ATTEMPT) == b"0"
    mark = json.loads(field(client, first[0], keys.FIELD_HELD) or b"")
    assert (mark["hold"], mark["reason"]) == ("charging.charge", "the gateway is down")
    assert "is held (charging.charge): it did not run" in log
    assert [event.details["hold"] for event in events.read(client) if event.kind == "held"] == ["charging.charge"] * 2
    assert client.exists(keys.executions(first[0]), keys.registry("wip", "payments")) == 0


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("charge",), {"charge 42", "charge 43"}),
        (("charge", "customer_id=42"), {"charge 42"}),
        ((CHARGE, "customer_id=4*"), {"charge 42", "charge 43"}),
        (("refund", "customer_id=42"), {"refund 42"}),
        (("refund", "args.0=42"), set()),
        (("charging",), set()),
        (("arge",), set()),
    ],
)
def test_what_a_hold_is_about(
    server: Server, client: redis.Redis, home: Path, words: tuple[str, ...], expected: set[str]
) -> None:
    names = {charges(client, n)[0]: f"charge {n}" for n in (42, 43)} | {refunds(client, n)[0]: f"refund {n}" for n in (42, 43)}
    seen = holds.preview(client, parse(words))
    hold(client, *words)
    work(server, home)
    assert {names[job_id] for job_id in held(client)} == expected
    assert {names[job_id] for job_id in ran(client)} == set(names.values()) - expected
    assert seen.plan.doable == len(expected)


def test_a_hold_puts_aside_at_once_what_is_queued_and_release_brings_it_back_in_its_order(
    server: Server, client: redis.Redis, home: Path
) -> None:
    ids: list[str] = []
    for number in range(250):
        ids += charges(client, number)
        refunds(client, number)
    front = charges(client, 999, at_front=True)
    wanted = hold(client, "charge", sweep=True)
    assert held(client) == [*front, *ids]
    assert len(Queue("payments", connection=client)) == 250
    late = charges(client, 1000)
    run_burst(server, home, "payments", "--max-jobs", "251", *ALLOWED, **KNOWN)
    assert held(client) == [*front, *ids, *late]
    newest = refunds(client, 0)
    (found,) = holds.load(client)
    assert (found.hold.text, found.placed, found.waiting) == ("charge", True, {"payments": 252})
    lifted, report = holds.release(client, wanted.text)
    assert (lifted, report.done, report.skipped) == (True, 252, 0)
    assert Queue("payments", connection=client).get_job_ids() == [*front, *ids, *late, *newest]
    assert client.exists(keys.HOLDS, keys.registry("deferred", "payments")) == 0
    assert field(client, ids[0], keys.FIELD_HELD) is None
    client.delete("ran")
    work(server, home)
    assert ran(client) == [*front, *ids, *late, *newest]


def test_stock_tools_see_and_remove_held_jobs_and_leave_nothing_behind(server: Server, client: redis.Redis, home: Path) -> None:
    deleted, canceled, left = charges(client, 1, 2, 3)
    before = {key for key in client.scan_iter() if b":job:" not in key}
    hold(client, "charge", sweep=True)
    queue = Queue("payments", connection=client, serializer=JSONSerializer)
    assert queue.deferred_job_registry.get_job_ids() == [deleted, canceled, left]
    assert (
        queue.deferred_job_registry.get_expiration_time(Job.fetch(left, connection=client, serializer=JSONSerializer)).year > 2200
    )
    clean_registries(queue)
    queue.empty()
    assert held(client) == [deleted, canceled, left]
    Job.fetch(deleted, connection=client, serializer=JSONSerializer).delete()
    Job.fetch(canceled, connection=client, serializer=JSONSerializer).cancel()
    assert held(client) == [left]
    assert client.exists(keys.job(deleted)) == 0
    Job.fetch(left, connection=client, serializer=JSONSerializer).delete()
    client.delete(keys.HOLDS)
    rest = {key for key in client.scan_iter() if b":job:" not in key}
    assert rest - before <= {keys.registry("canceled", "payments").encode()}
    assert holds.load(client) == ()


def test_with_qtui_gone_rq_enqueues_a_held_job_and_runs_it(server: Server, client: redis.Redis, home: Path) -> None:
    (job_id,) = refunds(client, 1)
    hold(client, "refund", sweep=True)
    queue = Queue("payments", connection=client)
    job = Job.fetch(job_id, connection=client)
    queue.deferred_job_registry.remove(job)
    job.set_status(JobStatus.CREATED)
    queue.enqueue_job(job)
    run_stock(server, home, "payments")
    assert ran(client) == [job_id]
    assert held(client) == []


def test_released_while_a_worker_gives_the_job_back_it_goes_to_the_head(client: redis.Redis, server: Server, home: Path) -> None:
    hold(client, "charge")
    with working(server, home, "payments", *ALLOWED, **KNOWN):
        for number in range(30):
            (job_id,) = charges(client, number)
            lift(client, "charge")
            holds.release(client, "charge")
            wait_until(lambda job_id=job_id: job_id in ran(client) or held(client), description="it ran, or is in hold")
            holds.release(client, "charge")
            wait_until(lambda job_id=job_id: job_id in ran(client), description="it ran")
            hold(client, "charge")
    assert len(ran(client)) == len(set(ran(client))) == 30


def test_a_place_in_a_limit_of_rq_is_given_back_and_requested_again(client: redis.Redis, server: Server, home: Path) -> None:
    limit = RateLimit("gateway", concurrency=1)
    first, second = refunds(client, 1, 2, rate_limit=limit)
    hold(client, "refund", "customer_id=1", sweep=True)
    assert client.zrange(keys.rate_limit_allowed("gateway"), 0, -1) == [second.encode()]
    holds.release(client, "refund customer_id=1")
    assert jobs.counts(client, "payments")[Status.QUEUED] == 1
    work(server, home)
    assert ran(client) == [second, first]


def test_what_waits_for_a_held_job_goes_on_waiting_and_runs_after_it(client: redis.Redis, server: Server, home: Path) -> None:
    (parent,) = refunds(client, 1)
    (child,) = refunds(client, 2, depends_on=parent)
    hold(client, "refund", "customer_id=1", sweep=True)
    work(server, home)
    assert ran(client) == []
    assert held(client) == [parent]
    holds.release(client, "refund customer_id=1")
    work(server, home)
    assert ran(client) == [parent, child]


def test_a_job_that_its_parent_makes_ready_is_held_too(client: redis.Redis, server: Server, home: Path) -> None:
    (parent,) = refunds(client, 1)
    (child,) = refunds(client, 2, depends_on=parent)
    hold(client, "refund", "customer_id=2")
    work(server, home)
    assert (ran(client), held(client)) == ([parent], [child])


def test_a_second_hold_of_the_same_says_so_and_bad_ones_are_refused(client: redis.Redis) -> None:
    hold(client, "charge")
    assert not holds.place(client, parse(["charge"]))
    for words in (["cha*ge"], [""], ["charge", "customer_id"], ["charge", "a=1", "b=2"], ["a b"], ["charge", "=1"]):
        with pytest.raises(InvalidInput):
            parse(words)


def test_jobs_left_by_a_release_that_was_interrupted_are_named_and_released_again(client: redis.Redis) -> None:
    charges(client, 1, 2, 3)
    hold(client, "charge", sweep=True)
    client.hdel(keys.HOLDS, "charge")  # as a release does before it moves the jobs
    (found,) = holds.load(client)
    assert (found.placed, found.count) == (False, 3)
    assert holds.release(client, "charge")[1].done == 3
