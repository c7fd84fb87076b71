"""What happens, in one stream: followed, frozen, filtered, searched, wrapped, saved, of all jobs or of some."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import redis
from rq import Queue
from rq.job import JobStatus
from textual.widgets import Input, Static

from qtui.broker.tail.lines import LOG, Line
from qtui.screens.job import JobScreen
from qtui.screens.jobs import JobsScreen
from qtui.screens.live import LiveScreen
from qtui.widgets.stream_view import KEEP, StreamView
from qtui_workers.reporting.events import EventKind, emit
from qtui_workers.reporting.source import Source
from qtui_workers.server import keys
from tests.broker import tasks
from tests.broker.test_tail import begin, talk
from tests.screens.support import Story, dashboard, settle
from tests.support import Server


def view(story: Story) -> StreamView:
    return story.app.screen.query_one(StreamView)


def title(story: Story) -> str:
    return str(story.app.screen.query_one("#stream-title", Static).render())


def seen(story: Story) -> list[str]:
    """The lines of the stream in view, without their times."""
    lines, region = story.text.splitlines(), view(story).region
    shown = [line[region.x : region.right] for line in lines[region.y : region.bottom]]
    return [" ".join(line.rstrip("▐ ").split()[1:]) for line in shown if line.rstrip("▐ ")]


def happen(client: redis.Redis, number: int, kind: EventKind = EventKind.QUEUED, queue: str = "mail", first: int = 0) -> None:
    with client.pipeline(transaction=False) as pipe:
        for place in range(first, first + number):
            details = {"error": f"TimeoutError: number {place}", "seconds": 2.0} if kind is EventKind.FAILED else None
            emit(pipe, kind, Source(f"{queue}-{place}", queue, "shop.charge", attempt=1), details)
        pipe.execute()


async def until(predicate: Callable[[], object], description: str) -> None:
    """Wait for what comes by itself, also on a busy machine and after a try of a second or two."""
    deadline = time.monotonic() + 20
    while not predicate():
        assert time.monotonic() < deadline, f"did not happen: {description}"
        await asyncio.sleep(0.02)


@asynccontextmanager
async def live(client: redis.Redis, size: tuple[int, int] = (100, 30)) -> AsyncIterator[Story]:
    async with dashboard(client, size=size) as story:
        await story.press("4")
        yield story


async def test_events_come_one_below_the_other_with_the_newest_in_view(client: redis.Redis) -> None:
    async with live(client) as story:
        assert "Nothing has happened yet." in story.text
        happen(client, 30)
        happen(client, 1, EventKind.FAILED)
        await story.look()
        assert seen(story)[-1] == "failed mail mail-0 shop.charge after 2.0 s: TimeoutError: number 0"
        assert seen(story)[-2] == "queued mail mail-29 shop.charge"
        assert title(story) == "logs and events"


async def test_a_filter_hides_lines_and_says_how_many(client: redis.Redis) -> None:
    async with live(client) as story:
        happen(client, 1_204)
        happen(client, 3, EventKind.FAILED)
        await story.look()
        await story.press("slash", *"error:timeout", "enter")
        assert title(story) == "logs and events · 1,204 hidden · filter: error:timeout"
        assert [line[:6] for line in seen(story)] == ["failed"] * 3
        happen(client, 2, first=5_000)
        await story.look()
        assert "1,206 hidden" in title(story)
        await story.press("ctrl+f")
        story.app.screen.query_one(Input).value = "payload.a:1"
        await story.press("enter")
        assert "a line does not tell 'payload'" in story.text
        await story.press("escape", "slash")
        story.app.screen.query_one(Input).value = ""
        await story.press("enter")
        assert title(story) == "logs and events"
        assert len(view(story).shown()) == 1_209


async def test_where_no_line_fits_the_filter_it_says_so_and_how_to_see_all(client: redis.Redis) -> None:
    async with live(client) as story:
        happen(client, 191)
        await story.look()
        await story.press("slash", *"error:nowhere", "enter")
        assert "No line fits the filter: 191 hidden. Press / and enter an empty text to show all." in story.words.replace(
            "│ ", ""
        )
        assert "Nothing has happened yet" not in story.text
        happen(client, 2, first=5_000)
        await story.look()
        assert "No line fits the filter: 193 hidden." in story.text
        await story.press("slash")
        story.app.screen.query_one(Input).value = ""
        await story.press("enter")
        assert "No line fits" not in story.text


async def test_a_filter_can_ask_for_the_payload_and_the_age_of_the_jobs_of_lines_old_and_new(client: redis.Redis) -> None:
    queue = Queue("mail", connection=client)
    wanted, other, old, later = (queue.enqueue(tasks.add, customer_id=number).id for number in (42, 7, 42, 42))
    client.hset(keys.job(old), "enqueued_at", "2020-01-01T00:00:00.000000Z")

    def happens(*jobs: str) -> None:
        for job in jobs:
            emit(client, EventKind.STARTED, Source(job, "mail", "shop.charge", attempt=1))

    async with live(client) as story:
        happens(wanted, other, old, other)
        await story.look()
        await story.press("slash", *"payload.customer_id:42", "enter")
        assert [line.job for line in view(story).shown()] == [wanted, old]
        assert title(story) == "logs and events · 2 hidden · filter: payload.customer_id:42"
        happens(later, other)
        await story.look()
        assert [line.job for line in view(story).shown()] == [wanted, old, later]
        assert "3 hidden" in title(story)
        await story.press("slash")
        story.app.screen.query_one(Input).value = "payload.customer_id:42 age<1h"
        await story.press("enter")
        assert [line.job for line in view(story).shown()] == [wanted, later]
        assert "4 hidden" in title(story)
        await story.press("slash")
        story.app.screen.query_one(Input).value = "-payload.customer_id:42"
        await story.press("enter")
        assert {line.job for line in view(story).shown()} == {other}


async def test_lines_that_come_a_moment_late_stand_where_their_time_says(client: redis.Redis) -> None:
    async with live(client) as story:
        view(story).extend([_line(number / 100) for number in range(100)])
        view(story).extend([_line(0.985), _line(0.995)])
        assert [line.text for line in view(story).shown()][-4:] == ["line 0.98", "line 0.985", "line 0.99", "line 0.995"]
        view(story).settle()
        await story.press("left_square_bracket")
        before = seen(story)
        view(story).extend([_line(0.105), _line(0.205)])
        view(story).settle()
        await settle(story.pilot)
        assert seen(story) == before
        view(story).extend([_line(-60.0)])
        assert view(story).shown()[-1].text == "line -60.0", "clocks that differ by more tell no order"


async def test_n_goes_to_failures_or_to_what_is_looked_for_and_enter_opens_the_job(client: redis.Redis) -> None:
    job = Queue("mail", connection=client).enqueue(tasks.add, 1)
    async with live(client) as story:
        happen(client, 1, EventKind.FAILED)
        happen(client, 50)
        happen(client, 1, EventKind.FAILED, first=9)
        emit(client, EventKind.STARTED, Source(job.id, "mail", "shop.refund", attempt=1))
        happen(client, 50, first=100)
        await story.look()
        await story.press("N")
        (found,) = [line for line in story.text.splitlines()[view(story).region.y :] if line.startswith("▌")]
        assert "TimeoutError: number 9" in found
        assert any("TimeoutError: number 9" in line for line in seen(story))
        assert "scrolled back" in title(story)
        await story.press("N")
        assert any("TimeoutError: number 0" in line for line in seen(story))
        await story.press("N")
        assert story.app.said == ["No failure above."]
        await story.press("n", "n")
        assert story.app.said[-1] == "No failure below."
        await story.press("ctrl+f", *"func:refund", "enter")
        assert "n N: func:refund" in title(story)
        assert any("started mail" in line for line in seen(story))
        await story.press("tab", "enter")
        assert (story.place, story.app.screen.job_id) == ("JobScreen", job.id)


async def test_while_it_is_frozen_nothing_moves_and_what_comes_is_counted(client: redis.Redis) -> None:
    async with live(client) as story:
        happen(client, 100)
        await story.look()
        before = seen(story)
        await story.press("f")
        happen(client, 40, first=500)
        story.app.screen.stream.look(story.app.screen.data, 0, 0)
        story.app.screen.stream.fetch(at_once=True)
        await settle(story.pilot)
        assert seen(story) == before
        assert title(story) == "logs and events · frozen (f), 40 newer"
        await story.press("left_square_bracket")
        assert seen(story) != before
        await story.press("f")
        assert seen(story)[-1] == "queued mail mail-539 shop.charge"
        assert title(story) == "logs and events"


async def test_scrolled_back_it_stays_on_its_lines_until_it_comes_to_the_end_again(client: redis.Redis) -> None:
    async with live(client) as story:
        happen(client, 100)
        await story.look()
        await story.press("left_square_bracket")
        before = seen(story)
        happen(client, 5, first=500)
        await story.look()
        assert seen(story) == before
        assert title(story) == "logs and events · scrolled back (]), 5 newer"
        await story.press(*["right_square_bracket"] * 3)
        assert seen(story)[-1] == "queued mail mail-504 shop.charge"
        assert title(story) == "logs and events"


async def test_long_lines_are_cut_or_wrapped_and_what_they_hold_controls_nothing(client: redis.Redis) -> None:
    job = Queue("mail", connection=client).enqueue(tasks.add, 1)
    begin(client, job)
    talk(client, job.id, "[red]\x1b[31m" + "a long line " * 20, "first\nsecond")
    async with live(client, (80, 24)) as story:
        assert [line[:5] for line in seen(story)][-3:] == ["INFO ", "INFO ", ""] or "second" in story.text
        assert "[red]␛[31ma long line" in story.text
        rows = view(story).line_count
        await story.press("w")
        assert view(story).line_count > rows + 3
        assert "wrapped" in title(story)
        assert story.words.count("a long line") > 5
        await story.press("w")
        assert view(story).line_count == rows


async def test_the_lines_that_are_shown_are_saved(client: redis.Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with live(client) as story:
        happen(client, 3, EventKind.FAILED)
        happen(client, 5)
        await story.look()
        await story.press("slash", *"error:number", "enter", "ctrl+s")
        (path,) = tmp_path.glob("qtui-live-*.log")
        assert story.app.said == [f"3 lines saved in {path}"]
        assert [line[14:20] for line in path.read_text().splitlines()] == ["failed"] * 3
        path.chmod(0o400)
        monkeypatch.chdir("/proc")
        await story.press("ctrl+s")
        assert story.app.said[-1].startswith("The lines were not saved: ")


async def test_jobs_that_were_chosen_stay_with_how_they_ended(client: redis.Redis) -> None:
    queue = Queue("mail", connection=client)
    jobs = [queue.enqueue(tasks.add, number) for number in range(3)]
    async with dashboard(client) as story:
        await story.app.push_screen(JobsScreen("mail"))
        await settle(story.pilot)
        await story.press("space", "space", "t")
        assert story.place == "LiveScreen"
        chosen = set(story.ids)
        assert chosen < {job.id for job in jobs}
        assert len(chosen) == 2
        for job in jobs:
            job.set_status(JobStatus.FINISHED)
            emit(client, EventKind.COMPLETED, Source(job.id, "mail", "tasks.add"), {"seconds": 1.0})
        await story.look()
        assert "2 jobs › 0 running · 2 of 2 ended" in story.text
        assert [line.split()[0] for line in seen(story)][-2:] == ["finished", "finished"]
        assert {line.job for line in view(story).shown()} == chosen
        await story.press("t")
        assert len(story.ids) == 1
        assert "log and events" in title(story)
        await story.press("q", "q")
        assert story.place == "JobsScreen"


async def test_a_queue_or_a_job_is_tailed_from_where_it_is_seen(client: redis.Redis) -> None:
    job = Queue("mail", connection=client).enqueue(tasks.add, 1)
    async with dashboard(client) as story:
        await story.press("t")
        assert isinstance(story.app.screen, LiveScreen)
        happen(client, 1, queue="mail")
        happen(client, 1, queue="shop")
        await story.look()
        assert seen(story) == ["queued mail-0 shop.charge"]
        assert "mail › 0 running" in story.text
        await story.press("q")
        await story.app.push_screen(JobScreen(job.id))
        await settle(story.pilot)
        await story.press("t")
        assert seen(story) == ["queued tasks.add"]


async def test_marked_jobs_are_acted_on_together(client: redis.Redis) -> None:
    for number in range(3):
        begin(client, Queue("mail", connection=client).enqueue(tasks.add, number))
    async with live(client) as story:
        await story.press("space", "space", "S")
        assert "2 × " in story.text
        await story.press("escape", "escape", "H")
        assert story.question().startswith("Hold: which jobs?")


async def test_by_itself_it_shows_what_comes_and_says_when_redis_is_away_and_back(own_server: Server) -> None:
    with own_server.client() as client:
        async with dashboard(client, refresh_seconds=0.2) as story:
            await story.press("4")
            happen(client, 1)
            await until(lambda: "mail-0" in story.text, "the event is seen")
            await story.press("1")
            happen(client, 1, first=7)
            await story.press("4")
            await until(lambda: "mail-7" in story.text, "what came while it was hidden is seen")
            own_server.kill()
            await until(lambda: "Trying again." in " ".join(seen(story)), "it says that Redis is away")
            own_server.start()
            happen(client, 1, first=8)
            await until(lambda: "mail-8" in story.text, "it goes on")
            assert any("Redis answers again" in line for line in seen(story))


async def test_a_fast_stream_is_bounded_and_its_newest_line_in_view(client: redis.Redis) -> None:
    async with live(client) as story:
        view(story).extend([_line(number) for _ in range(3) for number in range(10_000)])
        assert view(story).line_count == KEEP
        await until(lambda: "line 9999" in story.text, "the newest line is painted")
        assert client.xlen(keys.EVENTS) == 0


def _line(number: float) -> Line:
    return Line(1_763_800_000.0 + number, LOG, f"line {number}", "INFO", "a", "mail")
