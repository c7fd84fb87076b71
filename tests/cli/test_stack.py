"""`qtui stack` and `T` on a job: where its code is, now and two seconds later."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from rq import Queue

from qtui.broker import audit
from qtui.broker.one_job import stack
from qtui.broker.status import Status
from qtui.screens.job import JobScreen
from qtui_workers.server import keys
from tests.broker import seed
from tests.cli.support import ISO, Qtui
from tests.screens.support import Story, dashboard
from tests.support import Server, wait_until
from tests.workers import stuck
from tests.workers.support import field, working


@pytest.fixture
def asleep(server: Server, client: redis.Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A job that sleeps meanwhile in a process of a qtui-worker; the second stack is asked for at once."""
    monkeypatch.setattr(stack, "AGAIN", 0.0)
    with working(server, tmp_path, "default", "--allow-pickle", "--allow", stuck.MODULE):
        job_id = Queue("default", connection=client).enqueue(stuck.waits_for_a_peer, str(tmp_path / "it")).id
        wait_until((tmp_path / "it.began").exists, description="the job has begun")
        yield job_id
        (tmp_path / "it").touch()
        wait_until(lambda: field(client, job_id, "status") == b"finished", description="the job has ended")


def test_the_stack_is_printed_twice_and_is_one_document_for_programs(qtui: Qtui, asleep: str) -> None:
    first, _, second = qtui("stack", asleep[:8]).out.partition("\n\n")
    for text in (first, second):
        assert "The main thread (most recent call last):" in text
        assert f'File "{stuck.__file__}"' in text
        assert "    ours.recv(1)" in text
    assert ", at the same line as before" in second
    document = json.loads(qtui("stack", asleep, "--once", "--json").out)
    assert list(document) == ["job", "stacks", "problem"]
    (found,) = document["stacks"]
    assert list(found) == ["at", "pid", "how", "threads"]
    assert ISO.fullmatch(found["at"])
    assert list(found["threads"][0]) == ["is_main", "frames"]
    assert found["threads"][0]["frames"][-1]["source"] == "ours.recv(1)"


def test_where_there_is_none_the_exit_code_says_so_and_who_only_looks_may_not_ask(
    qtui: Qtui, server: Server, client: redis.Redis, tmp_path: Path
) -> None:
    (job_id,) = seed.finished(client)
    problem = "it does not run: it is finished"
    assert qtui("stack", job_id, code=1).out == f"{job_id}: {problem}\n"
    assert qtui("stack", job_id, "--json", code=1).json == {"job": job_id, "stacks": [], "problem": problem}
    qtui("stack", "nowhere", code=4)
    (config := tmp_path / "config.toml").write_text(f'[contexts.prod]\nurl = "{server.url}"\nread_only = true\n')
    assert "read-only" in qtui("--context", "prod", "stack", job_id, code=5, QTUI_CONFIG=str(config)).err


async def opened(story: Story, job_id: str) -> None:
    await story.app.push_screen(JobScreen(job_id))
    await story.look()


async def test_t_shows_both_beside_each_other_at_any_size(asleep: str, client: redis.Redis) -> None:
    for size in ((80, 24), (200, 60)):
        async with dashboard(client, size=size) as story:
            await opened(story, asleep)
            await story.press("T")
            await story.look_until(lambda: ", at the same line as before" in story.words, "both stacks")
            assert "ours.recv(1)" in story.text
            await story.press("y")
            assert story.app.clipboard.count("ours.recv(1)") == 2
            await story.press("escape")
            assert story.place == "JobScreen"
    for entry in (found := audit.load(client, 10)):
        assert (entry.what, entry.ids, entry.outcome, entry.connection) == ("stack", (asleep,), "reported", "test")
    assert len(found) == 2


async def test_t_says_why_there_is_none_and_is_off_for_who_only_looks_and_for_jobs_that_do_not_run(client: redis.Redis) -> None:
    job_id = seed.everything(client).first(Status.STARTED)
    client.hset(keys.worker("lone"), mapping={"hostname": "web-1", "pid": "77"})
    client.hset(keys.job(job_id), "worker_name", "lone")
    async with dashboard(client, size=(80, 24)) as story:
        await opened(story, job_id)
        await story.press("T")
        await story.look_until(lambda: "RQ's own workers cannot tell it" in story.words, "why there is no stack")
    async with dashboard(client, read_only=True) as story:
        await opened(story, job_id)
        assert not story.can("T")
    async with dashboard(client) as story:
        await opened(story, seed.failed(client)[0])
        assert not story.can("T")
