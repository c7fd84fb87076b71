"""Planning and running operations: what is counted, what is skipped, and what a failing server leaves."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import redis
from rq import Queue
from rq.job import Job

from qtui.broker.bulk import chunked_run
from qtui.broker.lists import jobs
from qtui.broker.operations import OPERATIONS, Chosen, Matching, plan, run
from qtui.broker.operations.remove import REMOVE
from qtui.broker.operations.retry import RETRY
from qtui.broker.status import STATUSES, Status
from qtui_workers.errors import InvalidInput
from qtui_workers.server import keys
from tests.broker import seed, tasks
from tests.broker.watching import digest, watching
from tests.support import Server, reads_with, wait_until

FAILED_MAIL = Matching("mail", Status.FAILED)


def test_operations_are_found_in_their_order_and_each_applies_somewhere() -> None:
    assert list(OPERATIONS) == ["retry", "cancel", "run-now", "move", "stop", "requeue", "fail", "remove"]
    assert all(operation.statuses for operation in OPERATIONS.values())
    assert all(operation.usual is None or operation.applies_to(operation.usual) for operation in OPERATIONS.values())


OF_STATUS = {
    Status.QUEUED: ["cancel", "run-now", "move", "remove"], Status.STARTED: ["stop", "requeue", "fail"],
    Status.SCHEDULED: ["cancel", "run-now", "move", "remove"], Status.DEFERRED: ["cancel", "run-now", "remove"],
    Status.READY_TO_ENQUEUE: ["cancel", "remove"], Status.RATE_LIMITED: ["cancel", "run-now"],
    Status.FAILED: ["retry", "remove"], Status.STOPPED: ["retry", "remove"], Status.FINISHED: ["remove"],
    Status.CANCELED: ["remove"], Status.CREATED: [], None: [],
}  # fmt: skip


def test_what_can_be_done_to_a_job_follows_from_its_status() -> None:
    assert set(STATUSES) <= set(OF_STATUS)
    for status, names in OF_STATUS.items():
        assert [operation.name for operation in OPERATIONS.values() if operation.applies_to(status)] == names


def test_operations_have_keys_of_their_own_in_uppercase() -> None:
    found = [operation.key for operation in OPERATIONS.values()]
    assert len(set(found)) == len(found)
    assert all(key.isupper() for key in found)


def test_a_plan_says_what_would_be_done_and_changes_nothing(client: redis.Redis) -> None:
    ids = seed.failed(client, count=7)
    client.hset(keys.job(ids[0]), "status", "queued")
    before = digest(client)

    found = plan(client, RETRY, FAILED_MAIL)

    assert (found.matched, found.doable, found.reasons) == (7, 6, {"no longer failed": 1})
    assert len(found.sample) == 5
    assert {row.id for row in found.sample} <= set(ids)
    assert found.oldest is not None
    assert found.newest is not None
    assert found.oldest <= found.newest
    assert digest(client) == before


def test_retrying_all_failed_jobs_puts_them_in_their_queue_oldest_first(client: redis.Redis) -> None:
    ids = seed.failed(client, count=5)
    client.zadd(keys.registry("failed", "mail"), {job_id: 2e9 + n for n, job_id in enumerate(ids)})

    report = run(client, RETRY, FAILED_MAIL)

    assert (report.matched, report.done, report.skipped, report.failed, report.reasons) == (5, 5, 0, 0, {})
    assert client.lrange(keys.queue("mail"), 0, -1) == [job_id.encode() for job_id in ids]
    assert client.exists(keys.registry("failed", "mail")) == 0


def test_a_retried_job_is_worked_by_a_plain_rq_worker(client: redis.Redis) -> None:
    (job_id,) = seed.failed(client)
    Job.fetch(job_id, connection=client)
    client.hset(keys.job(job_id), "data", Job.create(tasks.add, args=(1, 2), connection=client).to_dict()["data"])

    run(client, RETRY, Chosen((job_id,)))
    seed.work(client, "mail")

    assert Job.fetch(job_id, connection=client).return_value() == 3


def test_a_retried_job_no_longer_expires(client: redis.Redis) -> None:
    (job_id,) = seed.failed(client, failure_ttl=60)
    assert client.ttl(keys.job(job_id)) > 0
    run(client, RETRY, Chosen((job_id,)))
    assert client.ttl(keys.job(job_id)) == -1


def test_a_retried_job_gets_fresh_attempts_where_our_producer_said_how_many(client: redis.Redis) -> None:
    (job_id,) = seed.failed(client)
    client.hset(keys.job(job_id), mapping={keys.FIELD_ATTEMPTS: 4, keys.FIELD_ATTEMPT: 4, "retries_left": 0})
    run(client, RETRY, Chosen((job_id,)))
    assert client.hmget(keys.job(job_id), keys.FIELD_ATTEMPT, "retries_left") == [b"0", b"3"]


def test_a_retried_job_queued_at_is_the_servers_time_as_rq_writes_it(client: redis.Redis) -> None:
    (job_id,) = seed.failed(client)
    before = client.time()
    run(client, RETRY, Chosen((job_id,)))
    after = client.time()
    enqueued_at = Job.fetch(job_id, connection=client).enqueued_at
    assert enqueued_at is not None
    assert before[0] + before[1] / 1e6 <= enqueued_at.timestamp() <= after[0] + after[1] / 1e6


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda c, i: c.delete(keys.job(i)), "the job is gone"),
        (lambda c, i: (c.delete(keys.job(i)), c.set(keys.job(i), "x")), "the job's key is not a hash"),
        (lambda c, i: c.hset(keys.job(i), "status", "started"), "no longer failed"),
        (lambda c, i: c.zrem(keys.registry("failed", "mail"), i), "no longer failed"),
        (lambda c, i: c.hset(keys.job(i), "origin", "media"), "no longer failed"),
        (lambda c, i: c.hdel(keys.job(i), "origin"), "the job names no queue"),
        (lambda c, i: c.set(keys.queue("mail"), "x"), "the queue's key has the wrong type"),
        (lambda c, i: c.hset(keys.job(i), mapping={"rate_limit_key": "k"}), "its rate limit cannot be read"),
    ],
)
def test_a_job_that_cannot_be_retried_is_left_alone_with_the_reason(client: redis.Redis, spoil: object, reason: str) -> None:
    (job_id,) = seed.failed(client)
    assert callable(spoil)
    spoil(client, job_id)
    before = digest(client)

    report = run(client, RETRY, Chosen((job_id,)))

    assert (report.done, report.skipped, report.reasons) == (0, 1, {reason: 1})
    assert digest(client) == before


def test_a_job_chosen_twice_is_retried_once(client: redis.Redis) -> None:
    (job_id,) = seed.failed(client)
    assert run(client, RETRY, Chosen((job_id, job_id))).matched == 1
    assert client.llen(keys.queue("mail")) == 1


def test_two_retries_at_once_queue_a_job_once(client: redis.Redis, server: Server) -> None:
    seed.failed(client, count=30)
    found = plan(client, RETRY, FAILED_MAIL)
    barrier, done = threading.Barrier(2), []

    def retry() -> None:
        with server.client() as own:
            barrier.wait()
            done.append(run(own, RETRY, found).done)

    threads = [threading.Thread(target=retry) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(done) == 30
    assert client.llen(keys.queue("mail")) == 30


def test_all_stopped_jobs_are_retried_and_failed_ones_stay(client: redis.Redis) -> None:
    seeded = seed.everything(client)
    report = run(client, RETRY, Matching(None, Status.STOPPED))
    assert report.done == len(seeded.ids[Status.STOPPED])
    assert jobs.window(client, None, Status.FAILED, 0, 50).total == len(seeded.ids[Status.FAILED])


def test_an_operation_refuses_a_status_it_does_not_apply_to(client: redis.Redis) -> None:
    with pytest.raises(InvalidInput, match="queued jobs: retry applies to failed, stopped jobs only"):
        plan(client, RETRY, Matching(None, Status.QUEUED))


@pytest.mark.parametrize("status", REMOVE.statuses)
def test_purging_all_jobs_of_a_status_leaves_no_trace_of_them(client: redis.Redis, status: Status) -> None:
    seeded = seed.everything(client)
    ids = seeded.ids[status] + (seeded.ids[Status.STOPPED] if status is Status.FAILED else [])

    report = run(client, REMOVE, plan(client, REMOVE, Matching(None, status), purge=True))

    assert (report.done, report.skipped, report.failed) == (len(ids), 0, 0)
    left = "\n".join(key.decode() for key in client.scan_iter())
    assert [job_id for job_id in ids if job_id in left] == []
    assert {row.id for row in jobs.window(client, None, status, 0, 50).rows}.isdisjoint(ids)


def test_a_running_job_is_not_removed(client: redis.Redis) -> None:
    seeded = seed.everything(client)
    report = run(client, REMOVE, Chosen((seeded.first(Status.STARTED),)))
    assert (report.done, report.reasons) == (0, {"running: stop it first": 1})
    assert client.exists(keys.job(seeded.first(Status.STARTED)))


def test_a_queued_job_that_a_worker_has_just_taken_is_not_removed(client: redis.Redis) -> None:
    job = Queue("mail", connection=client).enqueue(tasks.add, 1)
    client.lpop(keys.queue("mail"))
    assert run(client, REMOVE, Chosen((job.id,))).reasons == {"a worker has just taken it": 1}
    assert client.exists(keys.job(job.id))


def test_a_plan_tells_of_jobs_that_wait_for_what_is_removed(client: redis.Redis) -> None:
    queue = Queue("mail", connection=client)
    parent = queue.enqueue(tasks.add, 1)
    queue.enqueue(tasks.add, 2, depends_on=parent)
    found = plan(client, REMOVE, Chosen((parent.id,)))
    assert found.doable == 1
    assert found.reasons == {"removed, though other jobs wait for it and will not run": 1}


@pytest.mark.parametrize("matching", [True, False])
def test_ghosts_are_removed(client: redis.Redis, matching: bool) -> None:
    Queue("mail", connection=client).enqueue(tasks.add, 1)
    client.zadd(keys.registry("failed", "mail"), {"ghost": 2e9})
    client.set(keys.job("text"), "no hash")
    client.zadd(keys.registry("failed", "mail"), {"text": 2e9})
    selection = FAILED_MAIL if matching else Chosen(("ghost", "text"))
    assert run(client, REMOVE, selection).done == 2
    assert client.exists(keys.registry("failed", "mail"), keys.job("text")) == 0
    assert client.llen(keys.queue("mail")) == 1


def test_a_ghost_in_a_queue_is_removed(client: redis.Redis) -> None:
    Queue("mail", connection=client).enqueue(tasks.add, 1)
    client.rpush(keys.queue("mail"), "ghost")
    assert run(client, REMOVE, Chosen(("ghost",))).done == 1
    assert client.lpos(keys.queue("mail"), "ghost") is None


def test_progress_is_reported_after_each_chunk_and_ends_at_the_total(client: redis.Redis) -> None:
    seed.failed(client, count=5)
    for number in range(400):
        client.zadd(keys.registry("failed", "mail"), {f"ghost-{number}": 2e9})
    told: list[tuple[int, int]] = []
    run(client, RETRY, FAILED_MAIL, on_progress=lambda done, total: told.append((done, total)))
    assert [total for _, total in told] == [405] * len(told)
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert told[-1] == (405, 405)


def test_stopping_leaves_the_rest_and_says_so(client: redis.Redis) -> None:
    seed.failed(client, count=60)
    asked: Iterator[bool] = iter([False, True])
    report = run(client, RETRY, FAILED_MAIL, stop=lambda: next(asked))
    assert report.done + report.skipped == report.matched == 60
    assert report.reasons == {chunked_run.STOPPED: report.skipped}
    assert client.llen(keys.queue("mail")) == report.done
    assert report.skipped > 0


def test_a_server_that_dies_between_chunks_leaves_a_report_of_what_was_done(own_server: Server) -> None:
    with own_server.client() as client:
        seed.failed(client, count=60)

        def die(done: int, total: int) -> None:
            own_server.kill()

        report = run(client, RETRY, FAILED_MAIL, on_progress=die)
        assert 0 < report.done < 60
        assert report.done + report.failed == 60
        assert sum(report.reasons.values()) == report.failed
        own_server.start()
        wait_until(lambda: client.ping(), description="the server is back")
        assert client.llen(keys.queue("mail")) == report.done


def test_a_server_that_refuses_us_changes_nothing_and_says_why(own_server: Server) -> None:
    with own_server.client() as client:
        seed.failed(client, count=3)
        client.acl_setuser("viewer", enabled=True, nopass=True, categories=["+@all", "-@write"], keys=["*"])
        before = digest(client)
        with redis.Redis(unix_socket_path=own_server.socket, username="viewer", password="") as viewer:
            report = run(viewer, RETRY, FAILED_MAIL)
        assert (report.done, report.failed) == (0, 3)
        assert "permission" in next(iter(report.reasons))
        assert digest(client) == before


def test_a_plan_is_carried_out_on_exactly_its_jobs(client: redis.Redis) -> None:
    seed.failed(client, count=2)
    found = plan(client, RETRY, FAILED_MAIL)
    seed.failed(client, count=1)
    assert run(client, RETRY, found).done == 2
    assert client.zcard(keys.registry("failed", "mail")) == 1


def test_a_chunk_is_one_script(client: redis.Redis) -> None:
    seed.failed(client, count=20)
    run(client, RETRY, Chosen(("warm",)))
    chunks: list[int] = []
    with watching(client) as seen:
        run(client, RETRY, FAILED_MAIL, on_progress=lambda done, matched: chunks.append(done))
    timed = ["TIME", "EVALSHA", "TIME"]  # the size of a chunk follows what the chunks before took
    sent = [command.split()[0] for command in seen.sent]
    assert sent[:2] == ["ZREVRANGE", "multi"]  # asks once for its rights, in a transaction that is thrown away
    assert sent[sent.index("discard") :] == ["discard", "exec", reads_with(client), *timed * len(chunks)]
    assert chunks[-1] == 20


def test_a_report_is_summed_up_in_a_sentence(client: redis.Redis) -> None:
    ids = seed.failed(client, count=2)
    report = run(client, RETRY, Chosen((*ids, "nobody")))
    assert RETRY.summary(report) == "2 retried; 1 × the job is gone"
