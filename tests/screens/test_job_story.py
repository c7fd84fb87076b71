"""One job whole, from what went in to why it failed."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from rq import Queue
from rq.job import Job
from rq.registry import DeferredJobRegistry
from rq.utils import utcformat
from textual.geometry import Region

from qtui.screens.job import PANES, JobScreen
from qtui.widgets.panes import Pane, Panes
from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.server import keys
from qtui_workers.server.connection import connect
from tests.broker import seed, tasks
from tests.screens.support import Story, dashboard, settle
from tests.support import Server


async def opened(story: Story, job_id: str) -> JobScreen:
    """A job's screen."""
    screen = JobScreen(job_id)
    await story.app.push_screen(screen)
    await settle(story.pilot)
    return screen


def tab(story: Story) -> str:
    """The pane that has the keys."""
    panes = story.app.screen.query_one(Panes)
    assert panes.pane(panes.active).has_keys
    return panes.active


async def test_a_failed_job_opens_on_its_traceback_with_its_story_beside_it(client: redis.Redis) -> None:
    (job_id,) = seed.failed(client)
    async with dashboard(client, size=(120, 40)) as story:
        await opened(story, job_id)
        assert tab(story) == "traceback"
        assert "ValueError: message 0" in story.text
        assert "raise ValueError(message)" in story.text
        left = [line[:40] for line in story.text.splitlines()]
        wanted = ["created", "enqueued", "started on burst", "✗ attempt 1 failed"]
        assert [word for line in left for word in wanted if word in line] == wanted
        assert any("queue" in line and "mail" in line for line in left)


async def test_a_finished_job_opens_on_its_result_and_the_tabs_show_the_rest(client: redis.Redis) -> None:
    (job_id,) = seed.finished(client, meta={"customer": 7})
    async with dashboard(client) as story:
        await opened(story, job_id)
        assert tab(story) == "result"
        seen = {}
        for _ in range(8):
            seen[tab(story)] = story.words
            await story.press("right_square_bracket")
        assert tab(story) == "result"
        assert set(seen) == {"payload", "result", "traceback", "attempts", "log", "meta", "related", "about"}
        assert "kwargs" in seen["payload"]
        assert "customer" in seen["meta"]
        assert "No traceback." in seen["traceback"]
        assert "No log lines." in seen["log"]


async def test_a_waiting_job_opens_on_its_payload_and_is_followed_to_its_end(client: redis.Redis) -> None:
    job = Queue("mail", connection=client).enqueue(tasks.add, 40, b=2)
    async with dashboard(client) as story:
        await opened(story, job.id)
        assert tab(story) == "payload"
        assert "queued" in story.text.splitlines()[2]
        seed.work(client, "mail")
        await story.look()
        assert "finished" in story.text.splitlines()[2]
        assert tab(story) == "payload"
        await story.press("right_square_bracket", "right_square_bracket")
        assert (tab(story), "42" in story.text) == ("result", True)


async def test_the_payload_of_our_own_jobs_is_shown_by_its_fields(client: redis.Redis) -> None:
    job = QueueService(client).enqueue("test_job", {"message": "hello there"})
    async with dashboard(client) as story:
        await opened(story, job.id)
        assert "hello there" in story.text
        assert "args" not in story.text


async def test_a_job_that_disappears_while_it_is_looked_at_leaves_its_last_facts_under_a_banner(client: redis.Redis) -> None:
    (job_id,) = seed.failed(client)
    async with dashboard(client) as story:
        await opened(story, job_id)
        Job.fetch(job_id, connection=client).delete()
        await story.look()
        assert "may have expired, or been removed" in story.words
        assert "ValueError: message 0" in story.text
        assert " away" not in story.text.splitlines()[0]
        assert not client.exists(keys.job(job_id))
        await story.press("escape")
        assert story.place == "QueuesScreen"


async def test_an_id_that_is_nowhere_says_so(client: redis.Redis) -> None:
    async with dashboard(client) as story:
        await opened(story, "nobody-at-all")
        assert "there is no job 'nobody-at-all'" in story.words


async def test_what_is_not_loaded_yet_is_not_said_to_be_none(own_server: Server) -> None:
    with connect(own_server.url) as client:
        (job_id,) = seed.failed(client)
        async with dashboard(client, size=(100, 30)) as story:
            own_server.kill()
            screen = await opened(story, job_id)
            for name in PANES:
                pane = screen.query_one(Panes).pane(name)
                shown = [row[pane.region.x : pane.region.right] for row in story.text.splitlines()]
                body = " ".join("".join(shown[pane.region.y : pane.region.bottom]).split())
                assert (screen.query_one(Panes).active, body.rpartition(" ")[2]) == (name, "…")
                await story.press("right_square_bracket")


async def test_a_job_without_any_time_opens(client: redis.Redis) -> None:
    client.hset(keys.job("bare"), mapping={"status": "queued", "origin": "mail", "data": b'["shop.pay", null, [], {}]'})
    for size in ((80, 24), (120, 30), (200, 60)):
        async with dashboard(client, size=size) as story:
            await opened(story, "bare")
            assert tab(story) == "payload"
            assert "shop.pay" in story.text


async def test_y_copies_the_id(client: redis.Redis) -> None:
    (job_id,) = seed.finished(client)
    async with dashboard(client) as story:
        await opened(story, job_id)
        await story.press("y")
        assert story.app.clipboard == job_id


def seen_panes(story: Story) -> dict[str, Region]:
    """The panes that are seen, and where."""
    return {pane.id or "": pane.region for pane in story.app.screen.query(Pane) if pane.region.size.area}


async def test_a_small_terminal_gives_its_whole_width_to_one_pane_under_the_axis_of_its_life(client: redis.Redis) -> None:
    (job_id,) = seed.failed(client)
    async with dashboard(client, size=(80, 24)) as story:
        await opened(story, job_id)
        assert {name: region.width for name, region in seen_panes(story).items()} == {"traceback": 80}
        place = next(number for number, line in enumerate(story.text.splitlines()) if line.rstrip().endswith((" ago", " now")))
        bar, words = story.text.splitlines()[place : place + 2]
        assert re.fullmatch(r" [0-9:]{8} ─+█*✗ (now|\d+[smhd] ago)\s*", bar)
        assert re.fullmatch(r" +queued [0-9.<]+ m?s  +✗ failed [0-9.<]+ m?s\s*", words)
        assert seen_panes(story)["traceback"].height >= 15
        await story.press("left_square_bracket")
        assert tab(story) == "about"
        assert "started on burst" in story.text


async def test_a_large_terminal_shows_all_of_it_side_by_side(client: redis.Redis) -> None:
    (job_id,) = seed.failed(client)
    async with dashboard(client, size=(200, 60)) as story:
        await opened(story, job_id)
        found = seen_panes(story)
        assert set(found) == {"about", "traceback", "payload", "log"}
        assert found["about"].right <= found["traceback"].x
        assert found["traceback"].right <= found["payload"].x
        assert found["payload"].x == found["log"].x
        await story.press("right_square_bracket", "right_square_bracket")
        assert (tab(story), set(seen_panes(story))) == ("payload", set(found))


async def test_where_there_is_nothing_in_a_column_others_have_its_room(client: redis.Redis) -> None:
    job = Queue("mail", connection=client).enqueue(tasks.add, 40, b=2)
    async with dashboard(client, size=(200, 60)) as story:
        await opened(story, job.id)
        assert set(seen_panes(story)) == {"about", "payload", "log"}


async def test_j_and_k_move_what_is_open_at_once(client: redis.Redis) -> None:
    job = Queue("mail", connection=client).enqueue(tasks.fail, "\n".join(f"line {n}" for n in range(100)))
    seed.work(client, "mail")
    async with dashboard(client, size=(80, 24)) as story:
        screen = await opened(story, job.id)
        view = screen.query_one("TracebackView")
        await story.press("g", "j", "j")
        assert view.scroll_target_y == 2
        await story.press("k")
        assert view.scroll_target_y == 1


async def test_what_a_deferred_job_waits_for_in_vain_is_first_and_opens(client: redis.Redis) -> None:
    queue = Queue("mail", connection=client)
    (bad,) = seed.failed(client)
    good = queue.enqueue(tasks.add, 1, 2)
    child = queue.enqueue(tasks.add, 3, 4, depends_on=[good, Job.fetch(bad, connection=client)])
    assert child.id in DeferredJobRegistry(queue=queue).get_job_ids()
    async with dashboard(client) as story:
        await opened(story, child.id)
        assert tab(story) == "related"
        (first, second) = (line for line in story.text.splitlines() if "waits for" in line)
        assert (bad[:8] in first, "failed" in first, good.id[:8] in second) == (True, True, True)
        await story.press("enter")
        assert story.app.screen.job_id == bad
        await story.press("minus")
        assert story.app.screen.job_id == child.id
        await story.press("j", "enter")
        assert story.app.screen.job_id == good.id
        await story.press("left_square_bracket", "left_square_bracket")
        await story.press("right_square_bracket", "right_square_bracket", "escape")
        assert story.app.screen.job_id == child.id
    async with dashboard(client) as story:
        await opened(story, good.id)
        await story.press("left_square_bracket", "left_square_bracket", "left_square_bracket")
        assert "needed by" in story.text
        assert child.id[:8] in story.text


async def test_a_parent_that_is_gone_is_said_and_opens_no_empty_screen(client: redis.Redis) -> None:
    queue = Queue("mail", connection=client)
    parent = queue.enqueue(tasks.add, 1, 2)
    child = queue.enqueue(tasks.add, 3, 4, depends_on=parent)
    client.delete(keys.job(parent.id))
    async with dashboard(client, size=(120, 30)) as story:
        await opened(story, child.id)
        assert "gone" in story.text
        await story.press("enter")
        assert "there is no job" in story.words


async def test_a_running_job_says_how_long_of_how_long_and_when_its_worker_was_heard(client: redis.Redis) -> None:
    seeded = seed.everything(client)
    (job_id,) = (raw.decode().rpartition(":")[0] for raw in client.zrange("rq:wip:mail", 0, -1))
    assert seeded.worker
    for size in ((80, 24), (200, 60)):
        async with dashboard(client, size=size) as story:
            await opened(story, job_id)
            (line,) = [line for line in story.text.splitlines() if "running" in line and " of 3m, " in line]
            assert "left, heartbeat " in line
            assert "on w1" in line


async def test_a_running_job_says_what_its_function_usually_takes_and_that_it_takes_far_longer(client: redis.Redis) -> None:
    for job_id in seed.finished(client, count=6):
        ended = Job.fetch(job_id, connection=client).ended_at
        assert ended is not None
        client.hset(keys.job(job_id), "started_at", utcformat(ended - timedelta(seconds=4)))
    running = Queue("mail", connection=client).enqueue(tasks.add, 1, b=2)
    client.hset(keys.job(running.id), mapping={"status": "started", "started_at": "2026-01-01T00:00:00.000000Z"})
    async with dashboard(client, size=(120, 40)) as story:
        await opened(story, running.id)
        assert ", usually 4.0 s ⚠" in story.words
        assert "usually 4.0 s, p95 4.0 s, of 6" in story.words


async def test_a_waiting_job_says_which_workers_can_take_it(client: redis.Redis) -> None:
    seed.everything(client)
    for queue, said in (("mail", "1 rq worker listens"), ("empty", "nobody listens")):
        job = Queue(queue, connection=client).enqueue(tasks.add, 1, b=2)
        async with dashboard(client, size=(200, 60)) as story:
            await opened(story, job.id)
            assert f"can take it {queue}: {said}" in " ".join(" ".join(line[:50] for line in story.text.splitlines()).split())


def tried_again(client: redis.Redis, attempts: int) -> str:
    """A job that failed, was retried by hand, and failed again with another error."""
    job = Queue("mail", connection=client).enqueue(tasks.fail, "message 1")
    for number in range(2, attempts + 2):
        seed.work(client, "mail")
        if number <= attempts:
            again = Job.fetch(job.id, connection=client)
            assert again.func_name  # which reads the call, of which only the arguments are changed
            again.args = (f"message {number}" if number < attempts else "\x1b[2Jother\nlines",)
            again.save()
            again.requeue()
    return job.id


async def test_attempts_are_compared_two_at_a_time_in_a_small_terminal(client: redis.Redis) -> None:
    job_id = tried_again(client, 4)
    async with dashboard(client, size=(80, 24)) as story:
        await opened(story, job_id)
        await story.press("right_square_bracket")
        assert tab(story) == "attempts"
        assert "‹ 2 more attempt 3 attempt 4 " in story.words
        assert "how ✗ failed ✗ failed" in story.words
        assert "error ValueError: message 3 ≠ ValueError: ␛[2Jother" in story.words
        assert "peak memory – –" in story.words
        await story.press("h")
        assert "‹ 1 more attempt 2 attempt 3 1 more › " in story.words
        assert "error ValueError: message 2 ValueError: message 3" in story.words, "only their numbers differ"
        await story.press("h", "h", "h")
        assert "attempt 1 attempt 2 2 more ›" in story.words
        await story.look()
        assert "attempt 1 attempt 2 2 more ›" in story.words
        await story.press("right", "right", "right")
        assert "‹ 2 more attempt 3 attempt 4 " in story.words
        await story.press("G")
        assert "raise ValueError(message)" in story.text
        await story.press("g")
        assert "how ✗ failed ✗ failed" in story.words
        assert story.can("h")


async def test_attempts_have_the_whole_width_of_a_large_terminal_with_their_tracebacks(client: redis.Redis) -> None:
    job_id = tried_again(client, 3)
    async with dashboard(client, size=(200, 60)) as story:
        await opened(story, job_id)
        await story.press("right_square_bracket")
        assert set(seen_panes(story)) == {"about", "attempts"}
        (raised,) = [line for line in story.text.splitlines() if line.count("raise ValueError(message)") == 3]
        assert "≠" not in raised
        assert not story.can("h")
        assert "✗ attempt 1 failed" in story.text
        assert "✗ attempt 3 failed" in story.text
        await story.press("right_square_bracket")
        assert set(seen_panes(story)) == {"about", "traceback", "payload", "log"}


async def test_a_job_that_was_never_tried_says_so(client: redis.Redis) -> None:
    job = Queue("mail", connection=client).enqueue(tasks.add, 40, b=2)
    async with dashboard(client, size=(60, 20)) as story:
        await opened(story, job.id)
        await story.press("left_square_bracket")
        assert (tab(story), "No attempts." in story.text) == ("attempts", True)
        assert "· queued" in story.text
        assert " about" in story.text, "the names of all panes have room"


async def test_every_name_of_a_pane_is_clicked_where_it_is_seen(client: redis.Redis) -> None:
    (job_id,) = seed.failed(client)
    for size in ((60, 20), (80, 24)):
        async with dashboard(client, size=size) as story:
            await opened(story, job_id)
            names = story.app.screen.query_one("PaneNames")
            for name in ("about", "meta", "attempts", "log"):
                line = story.text.splitlines()[names.region.y]
                await story.pilot.click("PaneNames", offset=(line.index(f"{name} ") - names.region.x, 0))
                assert tab(story) == name


async def test_a_pane_is_saved_whole_with_control_characters_as_symbols(
    client: redis.Redis, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    lines = "\n".join(f"line {n}" for n in range(3000))
    job = Queue("mail", connection=client).enqueue(tasks.fail, f"\x1b[2J{lines}")
    seed.work(client, "mail")
    for key in (keys.job, keys.results):
        client.rename(key(job.id), key("../odd/id"))
    async with dashboard(client, size=(80, 24)) as story:
        await opened(story, "../odd/id")
        await story.press("colon")
        await story.paste("Save this pane")
        await story.press("enter")
        (file,) = home.glob("qtui-*.txt")
        assert file.name.startswith("qtui-traceback-.._odd_id-")
        assert file.stat().st_mode & 0o077 == 0
        text = file.read_text()
        assert text.count("\n") > 3000
        assert "␛[2Jline 0" in text
        assert "\x1b" not in text
        assert any("Saved in" in said for said in story.app.said)


async def test_the_whole_text_of_every_pane_is_there(client: redis.Redis) -> None:
    job_id = tried_again(client, 2)
    async with dashboard(client) as story:
        screen = await opened(story, job_id)
        texts = {}
        for _ in PANES:
            texts[tab(story)] = screen.pane_text()[1]
            await story.press("right_square_bracket")
    assert set(texts) == set(PANES)
    assert texts["meta"] == texts["result"] == texts["log"] == texts["related"] == "Nothing.\n"
    assert "raise ValueError(message)" in texts["traceback"]
    assert texts["attempts"].count("Traceback (most recent call last)") == 2
    assert json.loads(texts["payload"])["args"] == ["\x1b[2Jother\nlines"]
    assert "✗ attempt 2 failed" in texts["about"]
    assert all("\x1b" not in text for text in texts.values())


async def test_where_there_is_no_terminal_v_says_so_and_goes_on(client: redis.Redis) -> None:
    (job_id,) = seed.failed(client)
    async with dashboard(client) as story:
        await opened(story, job_id)
        await story.press("v")
        assert story.app.said == ["There is no terminal here for a pager; the palette (:) saves the pane as a file."]
        assert story.place == "JobScreen"
