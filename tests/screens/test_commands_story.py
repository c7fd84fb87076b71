"""Stop, cancel, pause and the commands to workers: the question, the result, and what the screens then show."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis
from rq import Queue

from qtui.broker.status import Status
from qtui.screens.jobs import JobsScreen
from qtui.screens.parts.confirm import MOST_NOTES
from qtui_workers.enqueue.pause import paused
from qtui_workers.server import keys
from tests.broker import seed, tasks
from tests.broker.both_kinds import worker
from tests.screens.support import Story, dashboard, settle
from tests.support import ONCE, Server, wait_until
from tests.workers import engine


async def jobs_of(story: Story, status: Status, queue: str | None = "mail") -> None:
    """The jobs of a queue in a status."""
    await story.app.push_screen(JobsScreen(queue, status))
    await settle(story.pilot)


def status_of(client: redis.Redis, job_id: str) -> str:
    return (client.hget(keys.job(job_id), "status") or b"").decode()


async def test_p_pauses_the_queue_under_the_cursor_and_resumes_it(client: redis.Redis) -> None:
    for _ in range(3):
        Queue("mail", connection=client).enqueue(tasks.add, 1)
    async with dashboard(client, name="prod-eu", size=(80, 24)) as story:
        assert "P Pause" in story.words
        await story.press("P")
        assert story.question() == "Pause mail on prod-eu? 3 jobs wait."
        assert "A plain rq worker knows no pause." in story.text
        await story.press("enter")
        assert (story.place, paused(client)) == ("QueuesScreen", set())
        await story.press("P", "y")
        assert paused(client) == {"mail"}
        assert story.app.said == ["mail is paused"]
        assert "‖ mail" in story.text
        assert "mail is paused until somebody resumes it: 3 jobs wait." in story.words
        assert "P Resume" in story.words
        await story.press("P")
        assert story.question() == "Resume mail on prod-eu? 3 jobs wait."
        await story.press("y")
        assert paused(client) == set()
        assert story.app.said[1:] == ["mail is resumed"]
        assert "P Pause" in story.words


@pytest.mark.parametrize("way", ["key", "palette"])
async def test_all_workers_are_suspended_and_resumed(client: redis.Redis, way: str) -> None:
    async def begin() -> None:
        if way == "key":
            await story.press("5", "P")
            return
        await story.press("colon")
        await story.paste("all workers")
        await story.press("enter")
        await story.press("enter") if story.place == "CommandPalette" else None

    seed.everything(client)
    async with dashboard(client, name="prod-eu", size=(80, 24)) as story:
        await begin()
        assert story.question().startswith("Suspend 1 worker on prod-eu? ")
        assert "job waits." in story.question() or "jobs wait." in story.question()
        assert "an rq worker that already waits for a job" in story.text
        assert "qtui resume --workers or rq resume" in story.text
        assert "qtui suspend" in story.text
        await story.press("n")
        assert not client.exists(keys.SUSPENDED)
        await begin()
        await story.press("y")
        assert client.exists(keys.SUSPENDED)
        assert story.app.said == ["all workers are suspended: P on Workers resumes them"]
        assert "all workers suspended" in story.text
        await begin()
        assert story.question().startswith("Resume 1 worker on prod-eu? ")
        assert "qtui resume --workers" in story.text
        await story.press("y")
        assert not client.exists(keys.SUSPENDED)
        assert story.app.said[1:] == ["all workers take jobs again"]
        assert client.xlen(keys.AUDIT) == 2


async def test_a_wide_screen_says_paused_in_a_word(client: redis.Redis) -> None:
    Queue("mail", connection=client).enqueue(tasks.add, 1)
    async with dashboard(client, size=(200, 30)) as story:
        await story.press("P", "y")
        assert "‖ paused" in story.text


async def test_a_queue_that_another_person_paused_meanwhile_is_reported(client: redis.Redis) -> None:
    Queue("mail", connection=client).enqueue(tasks.add, 1)
    async with dashboard(client) as story:
        await story.press("P")
        client.sadd(keys.PAUSED, "mail")
        await story.press("y")
        assert story.app.said == ["mail was already paused"]


async def test_p_where_there_is_no_queue_does_nothing(client: redis.Redis) -> None:
    async with dashboard(client) as story:
        await story.press("P")
        assert story.place == "QueuesScreen"


@pytest.mark.parametrize(("screen", "kind"), [("jobs", "qtui-worker"), ("live", "rq worker"), ("job", "rq worker")])
async def test_s_stops_the_running_job(server: Server, client: redis.Redis, home: Path, screen: str, kind: str) -> None:
    with worker(kind, server, home):
        job = Queue("default", connection=client).enqueue(engine.sleep, 600)
        wait_until(lambda: job.get_status() == "started", description="the job runs")
        async with dashboard(client, name="prod-eu") as story:
            if screen == "jobs":
                await jobs_of(story, Status.STARTED, None)
            else:
                await story.press("4", *(["enter"] if screen == "job" else []))
            await story.press("S")
            assert story.question() == "Stop 1 job on prod-eu? The work done so far may be lost."
            assert "1 × through worker w1" in story.text
            await story.press("tab", "enter")
            assert story.app.said == ["1 asked to stop; 1 × through worker w1"]
            await story.look_until(lambda: status_of(client, job.id) == "stopped", "the job is stopped")


async def test_a_job_whose_worker_is_gone_cannot_be_stopped_and_the_dialog_says_why(client: redis.Redis) -> None:
    seed.everything(client)
    client.delete(keys.worker("w1"))
    async with dashboard(client) as story:
        await jobs_of(story, Status.STARTED)
        await story.press("a", "S")
        assert story.question() == "Nothing to stop on test."
        assert "1 × its worker is gone" in story.text
        assert story.button("yes").disabled


async def test_c_cancels_what_waits_and_the_buttons_leave_no_doubt(client: redis.Redis) -> None:
    queue = Queue("mail", connection=client)
    ids = [queue.enqueue(tasks.add, n).id for n in range(3)]
    async with dashboard(client) as story:
        await jobs_of(story, Status.QUEUED)
        await story.press("C")
        assert story.question() == "Cancel 1 job on test?"
        assert [str(story.button(name).label) for name in ("no", "yes")] == ["No", "Yes, cancel"]
        await story.press("n", "a", "C")
        assert story.question() == "Cancel 3 queued jobs in mail on test?"
        await story.press("y")
        assert story.app.said == ["3 canceled"]
        assert {status_of(client, job_id) for job_id in ids} == {"canceled"}
        assert "No queued jobs here." in story.text
        assert "Queued: waits for a worker." in story.text


async def test_jobs_that_a_limit_holds_back_are_canceled(client: redis.Redis) -> None:
    held = seed.everything(client).ids[Status.RATE_LIMITED]
    async with dashboard(client) as story:
        await jobs_of(story, Status.RATE_LIMITED)
        await story.press("a", "C", "y")
        assert {status_of(client, job_id) for job_id in held} == {"canceled"}


async def test_a_dialog_with_many_reasons_stays_short(client: redis.Redis) -> None:
    for number in range(40):
        job_id = f"job-{number}"
        fields = {"status": "started", "origin": "mail", "worker_name": f"w{number}"}
        client.hset(keys.job(job_id), mapping=fields)
        client.hset(keys.worker(f"w{number}"), "queues", "mail")
        client.zadd(keys.registry("wip", "mail"), {f"{job_id}:e": 2e9})
    client.sadd(keys.QUEUES, keys.queue("mail"))
    pubsub = client.pubsub()
    pubsub.subscribe(*(keys.commands(f"w{number}") for number in range(40)))
    wait_until(lambda: client.pubsub_numsub(keys.commands("w39"))[0][1], description="somebody listens")
    async with dashboard(client, size=(80, 24)) as story:
        await jobs_of(story, Status.STARTED)
        await story.press("a", "S")
        assert story.question() == "Stop 40 started jobs in mail on test? The work done so far may be lost."
        assert f"… and {40 - MOST_NOTES + 1} notes more" in story.text
        assert "Yes, stop" in story.text
    pubsub.close()


async def test_the_worker_under_the_cursor_stops_its_job_and_leaves(server: Server, client: redis.Redis, home: Path) -> None:
    with worker("qtui-worker", server, home) as process:
        job = Queue("default", connection=client).enqueue(engine.sleep, 600)
        wait_until(lambda: job.get_status() == "started", description="the job runs")
        async with dashboard(client, name="prod-eu") as story:
            await story.press("5", "S")
            assert story.question() == f"Stop job {job.id[:8]} of worker w1 on prod-eu?"
            await story.press("tab", "enter")
            assert story.app.said == ["Stop job was sent to w1"]
            await story.look_until(lambda: job.get_status() == "stopped", "the job is stopped")
            await story.look_until(lambda: not story.table.cursor_row.worker.current_job, "the worker is idle")
            await story.press("S")
            assert story.question() == "Nothing to do: w1: it runs no job."
            await story.press("escape", "X")
            assert story.question() == "Shut down worker w1 on prod-eu?"
            await story.press("tab", "enter")
            assert process.wait(20) == 0
            await story.look()
            assert "No worker is registered." in story.text


async def test_a_worker_that_hears_nothing_is_reported(client: redis.Redis) -> None:
    seed.everything(client)
    async with dashboard(client) as story:
        await story.press("5", "X", "tab", "enter")
        assert story.app.said == ["w1: it hears no commands"]


async def test_a_read_only_connection_refuses_all_of_them(client: redis.Redis) -> None:
    seed.everything(client)
    async with dashboard(client, read_only=True) as story:
        assert not story.can("P")
        story.app.screen.action_pause()
        await story.press("4")
        assert not story.can("S")
        await story.press("5")
        assert (story.can("S"), story.can("X")) == (False, False)
        story.app.screen.action_command("shutdown")
        assert story.app.said == ["test is read-only."] * 2
        await jobs_of(story, Status.QUEUED)
        assert not story.can("C")
        assert paused(client) == set()


async def test_a_server_that_goes_away_is_reported(own_server: Server) -> None:
    with own_server.client(retry=ONCE) as client:
        Queue("mail", connection=client).enqueue(tasks.add, 1)
        async with dashboard(client, name="prod-eu") as story:
            await story.press("P")
            own_server.kill()
            await story.press("y")
            (said,) = story.app.said
            assert said.startswith("Redis at prod-eu does not run")
