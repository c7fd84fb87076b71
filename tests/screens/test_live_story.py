"""A job that really runs in a worker process, seen while it runs."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis
from rq import Queue
from rq.command import send_stop_job_command
from rq.executions import prepare_execution
from rq.job import Job
from textual.widgets import Static

from qtui.broker.lists import running
from qtui.broker.status import Status
from qtui.screens.job import JobScreen
from qtui.widgets.stream_view import StreamView
from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.reporting.events import EventKind, emit
from qtui_workers.reporting.source import Source
from qtui_workers.server import keys
from tests.broker import seed, tasks
from tests.screens.support import Story, dashboard, settle
from tests.support import Server, wait_until
from tests.workers.support import working

QUEUE = "reports"


async def test_a_running_report_is_seen_growing_on_every_screen_that_shows_it(
    server: Server, client: redis.Redis, tmp_path: Path
) -> None:
    service = QueueService(client)
    with working(server, tmp_path, QUEUE):
        async with dashboard(client) as story:
            job_id = service.enqueue("report", {"title": "Sales", "steps": 1_000, "seconds_per_step": 0.02}, queue=QUEUE).id
            wait_until(lambda: service.status(job_id).progress, description="the report tells its progress")

            await story.press("4")
            assert story.ids == [job_id]
            before = story.table.cursor_row.row.progress.done
            await story.look_until(lambda: story.table.cursor_row.row.progress.done > before + 5, "the progress grows")
            assert "of 1000" in story.text
            view = story.app.screen.query_one(StreamView)
            await story.look_until(lambda: view.line_count > 5, "the log grows")
            assert [line.kind for line in view.shown()][:3] == ["queued", "started", "log"]
            assert "INFO" in story.text
            assert "of 1000 done" in story.text

            await story.press("5")
            (row,) = story.table.rows
            assert (row.worker.status, row.worker.current_job, row.worker.queues) == ("busy", job_id, (QUEUE,))
            assert "busy" in story.text
            await story.press("enter")
            assert (story.place, story.app.screen.job_id) == ("JobScreen", job_id)
            assert "step" in story.text

            await story.press("q", "1")
            assert "reports: nothing waits, 1 running." in story.words
        send_stop_job_command(client, job_id)
        wait_until(lambda: service.status(job_id).status == "stopped", description="the report is stopped")


async def test_a_report_is_followed_to_its_result(server: Server, client: redis.Redis, tmp_path: Path) -> None:
    with working(server, tmp_path, QUEUE):
        job_id = QueueService(client).enqueue("report", {"steps": 5, "seconds_per_step": 0.05}, queue=QUEUE).id
        async with dashboard(client) as story:
            await story.app.push_screen(JobScreen(job_id))
            await settle(story.pilot)
            await story.look_until(lambda: "✓ finished" in story.text, "the report ends")
            assert "100 %" in story.text
            assert "step 5 of 5" in story.text


def started(client: redis.Redis, number: int) -> list[str]:
    """Jobs that a worker runs, each begun a minute after the one before; their ids, the longest against their usual first."""
    queue = Queue("mail", connection=client)
    worker = seed.Worker([queue], connection=client)
    worker.register_birth()
    jobs = []
    for place in range(number):
        job = queue.enqueue(tasks.fail if place % 2 else tasks.add, 1)
        client.lpop(queue.key)
        prepare_execution(worker, job)
        with client.pipeline() as pipe:
            job.prepare_for_execution(worker.name, pipe)
            pipe.execute()
        begun = f"2025-11-22T08:{place:02}:00.000000Z"
        client.hset(keys.job(job.id), mapping={"started_at": begun, keys.FIELD_ATTEMPT: 9 - place})
        jobs.append(job.id)
    return jobs


def end(client: redis.Redis, job_id: str, status: Status) -> None:
    """A job ends, as RQ writes it."""
    wip = keys.registry("wip", "mail")
    client.zrem(wip, *(entry for entry in client.zrange(wip, 0, -1) if entry.startswith(job_id.encode())))
    client.hset(keys.job(job_id), mapping={"status": status.value, "ended_at": "2025-11-22T08:26:34.000000Z"})


def rows(story: Story) -> list[str]:
    """What the table shows, one row a line, from its glyph on."""
    lines = story.text.splitlines()
    top = story.table.region.y + 1
    return [line[3:].strip() for line in lines[top : top + len(story.table.rows)]]


async def test_what_ends_stays_in_its_place_for_a_while_and_says_how_it_ended(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = started(client, 6)
    async with dashboard(client, size=(80, 30)) as story:
        client.set_response_callback("TIME", lambda *_, **__: (1_763_800_000, 0))
        await story.press("4", "j")
        assert story.ids == ids
        end(client, ids[0], Status.FINISHED)
        end(client, ids[1], Status.FAILED)
        end(client, ids[2], Status.SCHEDULED)
        end(client, ids[3], Status.FINISHED)
        Job.fetch(ids[3], connection=client).delete()
        (later,) = started(client, 1)
        client.hset(keys.job(later), "started_at", "2025-11-22T08:20:00.000000Z")
        await story.look()
        assert story.ids == [*ids, later]
        assert story.table.cursor_row.id == ids[1]
        shown = [" ".join(row.split()) for row in rows(story)]
        assert shown[0] == f"✓ {ids[0][:8]} tasks.add 26m 34s – finished 5s ago"
        assert shown[1] == f"✗ {ids[1][:8]} tasks.fail 25m 34s – failed 5s ago"
        assert shown[2].endswith("scheduled again")
        assert shown[3].endswith("ended, its hash is gone")
        assert shown[4].startswith(f"▸ {ids[4][:8]} tasks.add 22m 40s / 3m")
        title = str(story.app.screen.query_one("#crumb", Static).render())
        assert title == "3 running · 4 just ended · longest against their usual first"
        monkeypatch.setattr(running, "KEPT", 0.0)
        await story.look()
        assert story.ids == [ids[4], ids[5], later]
        assert story.table.cursor_row.id == ids[4]


async def test_what_has_ended_pushes_no_running_job_out_of_sight(client: redis.Redis) -> None:
    ids = started(client, 10)
    async with dashboard(client, size=(80, 24)) as story:
        client.set_response_callback("TIME", lambda *_, **__: (1_763_800_000, 0))
        await story.press("4", "j")
        assert story.table.page < 10
        for job_id in ids[:7]:
            end(client, job_id, Status.FINISHED)
        await story.look()
        assert story.ids == [ids[1], *ids[7:], ids[0], *ids[2:7]]
        assert story.table.cursor_row.id == ids[1]
        await story.press("j")
        await story.look()
        assert story.ids == [*ids[7:], ids[0], ids[1], *ids[2:7]], "the one that the cursor has left goes to the others"
        await story.press("G")
        await story.look()
        assert story.ids == [*ids[7:], *ids[:7]], "what stands below does not come back up"


async def test_live_is_sorted_by_the_same_fields_as_other_lists(client: redis.Redis) -> None:
    ids = started(client, 4)
    async with dashboard(client, size=(110, 30)) as story:
        client.set_response_callback("TIME", lambda *_, **__: (1_763_800_000, 0))
        await story.press("4", "s")
        assert "by attempts ↓" in story.text
        assert story.ids == ids
        await story.press("o")
        assert story.ids == ids[::-1]
        await story.press("s")
        assert "by function ↑" in story.text
        assert [run.row.function[-3:] for run in story.table.rows] == ["add", "add", "ail", "ail"]
        end(client, ids[0], Status.FINISHED)
        await story.look()
        assert set(story.ids[:2]) == {ids[0], ids[2]}
        await story.press("s", "s", "s", "s")
        assert "newest first" in story.text
        assert story.ids == ids[::-1]


async def test_more_running_jobs_than_are_listed_are_said(client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "MOST", 2)
    started(client, 3)
    async with dashboard(client) as story:
        await story.press("4")
        assert "3 running, of which 2 are listed · longest against their usual first" in story.text


async def test_what_takes_far_longer_than_usual_comes_first_and_has_a_sign(client: redis.Redis) -> None:
    ids = started(client, 4)  # add, fail, add, fail, each a minute shorter
    for number in range(8):
        source = Source(f"before-{number}", "mail", "tests.broker.tasks.fail")
        emit(client, EventKind.COMPLETED, source, {"seconds": 60.0 + number})
    async with dashboard(client, size=(110, 30)) as story:
        client.set_response_callback("TIME", lambda *_, **__: (1_763_800_000, 0))
        await story.press("4")
        assert story.ids == [ids[1], ids[3], ids[0], ids[2]]
        shown = [" ".join(row.split()) for row in rows(story)]
        assert "25m 40s / 3m 1m 3s ⚠" in shown[0]
        assert "26m 40s / 3m – –" in shown[2]
        await story.press("s", "o")
        assert [run.row.attempts for run in story.table.rows] == [6, 7, 8, 9]
