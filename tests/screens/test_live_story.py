"""A job that really runs in a worker process, seen while it runs."""

from __future__ import annotations

from pathlib import Path

import redis
from rq.command import send_stop_job_command

from qtui.screens.job import JobScreen
from qtui.widgets.log_view import LogView
from qtui_workers.enqueue.queue_service import QueueService
from tests.screens.support import dashboard, settle
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
            before = story.table.cursor_row.progress.done
            await story.look_until(lambda: story.table.cursor_row.progress.done > before + 5, "the progress grows")
            assert f"▸ started qtui_workers.processors.report.report {job_id}" in story.words
            assert "of 1000" in story.text
            log = story.app.screen.query_one(LogView)
            await story.look_until(lambda: log.line_count > 3, "the log grows")
            assert "INFO" in story.text
            assert "of 1000 done" in story.text

            await story.press("5")
            (row,) = story.table.rows
            assert (row.status, row.current_job, row.queues) == ("busy", job_id, (QUEUE,))
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
