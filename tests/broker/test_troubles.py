"""What is wrong with a queue: ranked by harm, in a few words, and in a sentence that says what to do."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import redis
from rq import Queue
from rq.serializers import JSONSerializer

from qtui.broker.diagnosis import acknowledged, queue_failures, queue_look, troubles
from qtui.broker.diagnosis.queue_failures import FailureLooks
from qtui.broker.models import Overview, QueueRow, ServerInfo
from qtui.broker.queues import overview
from qtui.broker.queues.throughput import Throughput
from qtui.broker.status import Status
from qtui.presentation import labels
from qtui_workers.enqueue.pause import pause
from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.records import replace
from qtui_workers.server import keys
from qtui_workers.server.rq_format import format_time
from tests.broker import seed, tasks
from tests.broker.seed import copies


def row(name: str = "mail", queued: int = 0, failed: int = 0, workers: int = 1, **more: Any) -> QueueRow:
    started = more.pop("started", 0)
    counts = {Status.QUEUED: queued, Status.FAILED: failed, Status.STARTED: started}
    counts |= {status: more.pop(status, 0) for status in (Status.DEFERRED, Status.SCHEDULED)}
    return QueueRow(name, counts, workers, **more)


def seen(*rows: QueueRow) -> Overview:
    return Overview(ServerInfo(None, None, None, None, None), rows, 1, False, 0.0)


FAILING = row("failing", 9, 1, lately_finished=0, lately_failed=80, finished_per_second=0.0, failed_per_second=80.1)
DEAD = row("dead", 3, 12_000, workers=0, silent=1)
LOST = row("lost", started=2, lost=2)
LATE = row("late", overdue=10)
ELSEWHERE = row("elsewhere", 50, workers=1, busy=1)
GROWING = row("growing", 5, 99, enqueued_per_second=9.0, finished_per_second=1.0, failed_per_second=0.5)
DEFERRED = row("deferred", deferred=40)
UNTAKEN = row("untaken", 50, workers=1, oldest_seconds=61.0, lately_finished=0, lately_failed=0)
PAUSED = row("paused", 100_000, workers=0, paused=True)
ALONE = row("alone", 1, workers=0)
QUIET = row("quiet", workers=0, silent=2)
FAILED = row("failed", 0, 400)
CALM = row("calm", 20, workers=2, busy=1)


def test_queues_are_ranked_by_harm_and_then_by_how_many_jobs_it_is_about() -> None:
    ranked = [
        FAILING,
        DEAD,
        replace(ALONE, name="many", counts={Status.QUEUED: 7}),
        ALONE,
        LOST,
        LATE,
        ELSEWHERE,
        UNTAKEN,
        GROWING,
    ]
    ranked += [PAUSED, QUIET, DEFERRED, FAILED, CALM]
    assert sorted(sorted(ranked, key=troubles.ORDERS["name"]), key=troubles.ORDERS["trouble"]) == ranked


@pytest.mark.parametrize(
    ("queue", "why", "sentence"),
    [
        (FAILING, "✗ every attempt fails", "failing: every attempt fails, 80 in the last minute. 1 failed. Enter its causes"),
        (
            replace(FAILING, lately_finished=1),
            "✗ 99 % fail",
            "failing: 99 % of the attempts of the last minute failed, 80 in the last minute.",
        ),
        (
            DEAD,
            "⚠ worker is silent",
            "dead: its only worker gives no sign of life, 3 jobs wait. 12,000 failed. Start a worker",
        ),
        (ALONE, "⚠ nobody listens", "alone: nobody listens and 1 job waits. Start a worker for it"),
        (
            LOST,
            "⚠ 2 lost their worker",
            "lost: 2 jobs lost the worker while running and can be put back. Enter them, B puts",
        ),
        (
            LATE,
            "◷ 10 overdue, no scheduler",
            "late: 10 jobs should have been queued by now, and no scheduler is alive. Start",
        ),
        (replace(LATE, scheduler=True, overdue=1), "◷ 1 overdue", "late: 1 job should have been queued by now: the sched"),
        (ELSEWHERE, "⚠ worker busy elsewhere", "elsewhere: its only worker is busy with jobs of other queues: 50 jobs wait. L "),
        (UNTAKEN, "⚠ nothing is taken", "untaken: 1 worker listens, but takes nothing, 50 jobs wait. L shows each and why not"),
        (GROWING, "▲ grows by 7.5/s", "growing is falling behind by 450 a minute: 5 jobs wait. 99 failed. Start another worker"),
        (PAUSED, "‖ paused", "paused is paused until somebody resumes it: 100,000 jobs wait. P resumes it"),
        (QUIET, "⚠ 2 workers silent", "quiet: none of its 2 workers gives a sign of life. Start a worker for it"),
        (DEFERRED, "⋯ 40 wait for others", "deferred: 40 jobs wait for other jobs to finish."),
        (FAILED, "", "failed: nothing waits, nothing runs; 1 worker listens. 400 failed."),
        (CALM, "", "calm: 20 jobs wait, 0 running."),
    ],
    ids=lambda value: value.name if isinstance(value, QueueRow) else "",
)
def test_each_is_said_in_a_few_words_and_in_a_sentence(queue: QueueRow, why: str, sentence: str) -> None:
    assert troubles.why(queue) == why
    assert str(troubles.verdict(queue, seen(queue))).startswith(sentence)


STEADY = row("steady", 12, enqueued_per_second=5.0, finished_per_second=5.0, failed_per_second=0.0, oldest_seconds=2.0)


@pytest.mark.parametrize(
    ("queue", "said"),
    [
        (CALM, "–"),
        (FAILED, "empty now"),
        (STEADY, "keeps up"),
        (replace(STEADY, enqueued_per_second=9.0), "keeps up"),
        (replace(STEADY, finished_per_second=6.0), "12s"),
        (replace(STEADY, oldest_seconds=90.0), "not shrinking"),
        (replace(STEADY, oldest_seconds=90.0, enqueued_per_second=35.0), "grows 1,800/min"),
        (GROWING, "grows 450/min"),
    ],
)
def test_when_a_queue_will_be_empty_is_said_in_words(queue: QueueRow, said: str) -> None:
    assert labels.drain(queue) == said


def test_a_burst_that_is_being_taken_is_no_trouble() -> None:
    burst = replace(STEADY, enqueued_per_second=9.0)
    assert troubles.why(burst) == ""
    assert troubles.why(replace(burst, oldest_seconds=11.0)) == "▲ grows by 4.0/s"


def test_where_several_things_are_wrong_all_are_said_the_worst_first() -> None:
    both = replace(DEAD, overdue=2, scheduler=False)
    said = troubles.verdict(both, seen(both)).text
    assert said.index("no sign of life") < said.index("2 jobs should have been queued") < said.index("12,000 failed.")


def test_a_queue_is_in_trouble_while_most_attempts_fail() -> None:
    assert troubles.why(replace(FAILING, lately_finished=80)) == "✗ 50 % fail"
    assert troubles.why(replace(FAILING, lately_finished=81)) == ""
    assert troubles.why(replace(FAILING, lately_finished=1, lately_failed=999)) == "✗ 99 % fail"
    assert troubles.why(replace(FAILING, lately_finished=None, lately_failed=None)) == ""


@pytest.mark.parametrize("change", [{"oldest_seconds": 59.0}, {"busy": 1}, {"lately_finished": 1}, {"lately_finished": None}])
def test_a_job_that_waits_for_its_turn_is_no_trouble(change: dict[str, Any]) -> None:
    assert "nothing is taken" not in troubles.why(replace(UNTAKEN, **change))


def test_the_number_of_waiting_jobs_is_said_once() -> None:
    row = replace(GROWING, workers=0, busy=0, silent=0)
    said = troubles.verdict(row, seen(row)).text
    assert said.startswith("growing: nobody listens and 5 jobs wait. It is falling behind by 450 a minute.")
    assert said.count("5 jobs wait") == 1


def test_a_silent_worker_is_not_reported_twice() -> None:
    said = str(troubles.verdict(DEAD, seen(DEAD)))
    assert said.count("3 jobs wait") == said.count("Start a worker") == 1


@pytest.mark.parametrize(
    ("queue", "opened"),
    [
        (FAILING, "causes"),
        (replace(FAILING, lately_finished=1), "causes"),
        (DEAD, Status.QUEUED),
        (row("dead", 0, 12_000, workers=0, silent=1), Status.FAILED),
        (LOST, Status.STARTED),
        (row("late", overdue=1, scheduled=1), Status.SCHEDULED),
        (ELSEWHERE, Status.QUEUED),
        (GROWING, Status.FAILED),
        (DEFERRED, Status.DEFERRED),
        (FAILED, Status.FAILED),
        (CALM, None),
    ],
    ids=lambda value: value.name if isinstance(value, QueueRow) else "",
)
def test_enter_opens_where_the_trouble_is(queue: QueueRow, opened: troubles.Opens | None) -> None:
    assert troubles.opens(queue) == opened


NOW = 2e9
IDLE = row("idle", workers=2)


@pytest.mark.parametrize(
    "queue",
    [
        FAILING, DEAD, ALONE, LOST, LATE, ELSEWHERE, PAUSED, DEFERRED, FAILED, CALM,
        replace(IDLE, paused=True),
        replace(IDLE, silent=1),
        replace(IDLE, moved_at=NOW - 599),
        row("later", scheduled=1),
        row("running", started=1),
    ],
    ids=lambda queue: queue.name,
)  # fmt: skip
def test_a_queue_with_anything_to_see_is_not_idle(queue: QueueRow) -> None:
    assert not troubles.is_idle(queue, NOW)


def test_a_queue_is_idle_without_workers_too_and_whatever_has_ended_well() -> None:
    ended = {Status.FINISHED: 4_000, Status.CANCELED: 2}
    assert troubles.is_idle(replace(IDLE, moved_at=NOW - 600), NOW)
    assert troubles.is_idle(replace(IDLE, workers=0, counts=ended), NOW)


def test_the_causes_of_the_newest_failures_are_reported(client: redis.Redis) -> None:
    seed.failed(client, "mail", 3)
    looks = FailureLooks()
    found = loaded(client, "mail")
    failures = looks.load(client, "mail", found.count(Status.FAILED))
    look = dataclasses.replace(queue_look.load(client, "mail"), failures=failures)
    assert "3 failed, 3 × ValueError: message <n> (new)." in troubles.verdict(found, seen(found), look).text
    failing = replace(found, lately_finished=0, lately_failed=3)
    assert troubles.verdict(failing, seen(failing), look) == troubles.Verdict(
        "mail: every attempt fails, 3 × ValueError: message <n> (new). 3 failed.", "Enter its causes"
    )
    (cause,) = failures.causes if failures else ()
    acknowledged.acknowledge(client, cause.value or "", "", 2e9)
    assert looks.load(client, "mail", 3) is failures, "as many failures are looked at once"
    assert FailureLooks().load(client, "mail", 0) is None
    again = FailureLooks().load(client, "mail", 3)
    assert again
    assert again.state(cause) == "known"


def test_of_many_failures_only_the_newest_are_looked_at_and_it_is_said(client: redis.Redis) -> None:
    (job_id,) = seed.failed(client, "mail")
    copies(client, job_id, queue_failures.NEWEST)
    failed = queue_failures.NEWEST + 1
    failures = FailureLooks().load(client, "mail", failed)
    assert failures
    assert (failures.read, failures.total, failures.is_whole) == (100, 101, False)
    found = loaded(client, "mail")
    look = dataclasses.replace(queue_look.load(client, "mail"), failures=failures)
    assert "101 failed, the newest 100: no traceback is kept (new)." in troubles.verdict(found, seen(found), look).text


def test_a_look_has_the_workers_of_the_queue_and_what_they_run(client: redis.Redis) -> None:
    seeded = seed.everything(client)
    look = queue_look.load(client, "mail", at=client.time()[0], most_workers=10)
    (at_work,) = look.workers
    assert (at_work.worker.name, at_work.worker.is_silent, look.registered) == ("w1", False, 1)
    assert at_work.job
    assert (at_work.job.id, at_work.job.function) == (seeded.first(Status.STARTED), "tests.broker.tasks.add")
    client.delete(keys.worker("w1"), keys.worker_executions("w1"))
    (at_work,) = queue_look.load(client, "mail", most_workers=10).workers
    assert (at_work.worker.is_silent, at_work.job) == (True, None)
    client.sadd(keys.queue_workers("mail"), keys.worker("w2"))
    look = queue_look.load(client, "mail", most_workers=1)
    assert (len(look.workers), look.registered) == (1, 2)


def loaded(client: redis.Redis, name: str) -> QueueRow:
    return next(found for found in overview.load(client).queues if found.name == name)


def test_a_queue_whose_jobs_all_fail_is_found_by_two_looks(client: redis.Redis) -> None:
    throughput = Throughput()
    seed.finished(client, "mail", 1)
    throughput.feed(overview.load(client))
    seed.failed(client, "mail", 3)
    (found,) = throughput.feed(overview.load(client)).queues
    assert (found.lately_finished, found.lately_failed, found.finished_per_second) == (0, 3, 0.0)
    assert troubles.why(found) == "✗ every attempt fails"


def test_a_worker_whose_heartbeat_is_late_does_not_count_as_listening(client: redis.Redis) -> None:
    seed.everything(client)
    assert (loaded(client, "mail").workers, loaded(client, "mail").silent) == (1, 0)
    client.expire(keys.worker("w1"), 30)  # as a qtui-worker's record is kept
    assert (loaded(client, "mail").workers, loaded(client, "mail").silent) == (1, 0)
    client.hset(keys.worker("w1"), "last_heartbeat", format_time(client.time()[0] - 60))
    assert (loaded(client, "mail").workers, loaded(client, "mail").silent) == (0, 1)
    client.delete(keys.worker("w1"))
    assert (loaded(client, "mail").workers, loaded(client, "mail").silent) == (0, 1)
    whole = overview.load(client)
    assert (whole.workers, whole.silent) == (0, 1)


def test_what_is_overdue_and_who_would_enqueue_it(client: redis.Redis) -> None:
    ids = seed.everything(client).ids[Status.SCHEDULED]
    scheduled = keys.registry("scheduled", "mail")
    mine = next(job_id for job_id in ids if client.zscore(scheduled, job_id))
    assert loaded(client, "mail").overdue == 0
    client.zadd(scheduled, {mine: client.time()[0] - 3600})
    assert (loaded(client, "mail").overdue, loaded(client, "mail").scheduler) == (1, False)
    client.set(keys.scheduler_lock("mail"), "pid", ex=60)
    assert loaded(client, "mail").scheduler


def test_a_worker_that_works_for_another_queue_is_busy_elsewhere(client: redis.Redis) -> None:
    worker = seed.everything(client).worker
    assert worker
    client.hset(keys.worker("w1"), "queues", "mail,slow")
    Queue("slow", connection=client).enqueue(tasks.add, 1)
    assert troubles.why(loaded(client, "slow")) == "⚠ worker busy elsewhere"


def test_a_started_job_whose_entry_has_expired_is_lost(client: redis.Redis) -> None:
    seed.everything(client)
    wip = keys.registry("wip", "mail")
    assert loaded(client, "mail").lost == 0
    client.zadd(wip, {client.zrange(wip, 0, 0)[0]: client.time()[0] - 1})
    assert loaded(client, "mail").lost == 1


def plain_json(client: redis.Redis, queue: str) -> None:
    Queue(queue, connection=client, serializer=JSONSerializer).enqueue("shop.tasks.charge", 1)


HEADS: dict[str, tuple[Callable[[redis.Redis, str], object], str]] = {
    "pickled": (lambda client, queue: Queue(queue, connection=client).enqueue("shop.charge", 1), "rq worker 'stock sync;x'"),
    "plain JSON": (plain_json, "qtui-worker 'stock sync;x' --allow shop"),
}


@pytest.mark.parametrize(("enqueue", "command"), HEADS.values(), ids=HEADS)
def test_the_advice_is_a_worker_that_can_run_the_job_at_the_head(
    client: redis.Redis, enqueue: Callable[[redis.Redis, str], object], command: str
) -> None:
    enqueue(client, "stock sync;x")
    look = queue_look.load(client, "stock sync;x")
    assert look.start == command
    said = troubles.verdict(loaded(client, "stock sync;x"), overview.load(client), look)
    assert (said.text, said.step) == ("stock sync;x: nobody listens and 1 job waits.", f"Start a worker: {command}")


def test_the_advice_for_a_job_of_a_processor_is_a_plain_qtui_worker(client: redis.Redis) -> None:
    QueueService(client).enqueue("test_job", {"message": "x"}, queue="tests")
    assert queue_look.load(client, "tests").start == "qtui-worker tests"


def test_there_is_no_advice_where_the_head_cannot_be_read(client: redis.Redis) -> None:
    client.rpush(keys.queue("mail"), "gone")
    assert queue_look.load(client, "mail") == queue_look.QueueLook("mail", None, None)
    client.delete(keys.queue("mail"))
    client.set(keys.queue("mail"), "x")
    client.set(keys.registry("deferred", "mail"), "x")
    assert queue_look.load(client, "mail") == queue_look.QueueLook("mail", None, None)


@pytest.mark.parametrize("ending", ["failed", "canceled", "gone"])
def test_deferred_jobs_whose_parent_did_not_finish_are_reported_with_it(client: redis.Redis, ending: str) -> None:
    queue = Queue("mail", connection=client)
    parent = queue.enqueue(tasks.fail, "x")
    for _ in range(3):
        queue.enqueue(tasks.add, 1, depends_on=parent)
    assert queue_look.load(client, "mail").blocked is None
    if ending == "canceled":
        parent.cancel()
    else:
        seed.work(client, "mail")
    if ending == "gone":
        client.delete(keys.job(parent.id))
    look = queue_look.load(client, "mail")
    assert look.blocked
    assert look.blocked.id == parent.id
    said = str(troubles.verdict(loaded(client, "mail"), overview.load(client), look))
    assert "3 deferred jobs stay: what they wait for will not finish by itself" in said
    assert f"such as {parent.id[:8]}, which is {ending}." in said
    assert said.endswith(f"p opens {parent.id[:8]}")


def test_a_paused_queue_is_no_queue_that_nobody_listens_to(client: redis.Redis) -> None:
    Queue("mail", connection=client).enqueue(tasks.add, 1)
    pause(client, ["mail"])
    assert troubles.why(loaded(client, "mail")) == "‖ paused"


def test_a_queue_whose_jobs_are_held_says_so_and_what_to_press() -> None:
    row = QueueRow("mail", {Status.DEFERRED: 3}, workers=1, held=3)
    assert troubles.why(row) == "‖ 3 held"
    assert troubles.of(row)[-1].keys == "Enter them, H releases"
