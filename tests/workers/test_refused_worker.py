"""A worker whose user lacks a right: it says which, at once, and works where it can."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis
from rq import Queue, Retry

from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.server import keys
from qtui_workers.server.rights import WORKING
from tests import launcher
from tests.faults import jobs
from tests.faults.support import ALLOW, ends
from tests.rights import refused, user
from tests.support import Server, reads_with, wait_until
from tests.workers.support import environment, working

LIMITED = """
from pydantic import BaseModel
from qtui_workers import Payload, Unrecoverable, limits, processor, progress
from qtui_workers.define.limit import Limit

class Nothing(Payload): pass
class Done(BaseModel): pass

@processor(queue="limited", limit=Limit(max=100, per=1), attempts=2, backoff="fixed:0s", keep_finished=2, keep_failed=2)
def limited(payload: Nothing) -> Done:
    progress(1, 2, "half")
    print("a line")
    with limits.acquire(Limit(100, 1, "other")):
        return Done()

@processor(queue="limited", attempts=2, keep_failed=2)
def failing(payload: Nothing) -> Done:
    raise RuntimeError("no")

@processor(queue="limited", every=1)
def ticking(payload: Nothing) -> Done: return Done()
"""


def test_a_worker_with_the_rights_for_working_can_do_all(
    server: Server, client: redis.Redis, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "rightful.py").write_text(LIMITED)
    monkeypatch.syspath_prepend(str(home))
    monkeypatch.setenv("QTUI_PROCESSORS", "rightful")
    variables = {"QTUI_PROCESSORS": "rightful", "PYTHONPATH": f"{home}:{Path(__file__).parents[2]}"}
    client.script_flush()
    queue = Queue("default", connection=client)
    service = QueueService(client)
    with user(server, client, WORKING) as url:
        with working(server, home, "default", "limited", "--lease", "3", *ALLOW, "--url", url, **variables):
            again = queue.enqueue(jobs.fail, retry=Retry(max=1))
            parent = queue.enqueue(jobs.give)
            child = queue.enqueue(jobs.give, depends_on=parent)
            for name in ("limited", "limited", "limited", "failing"):
                service.enqueue(name, {})
            service.enqueue("limited", {}, delay=1)
            for job, status in ((again, "failed"), (parent, "finished"), (child, "finished")):
                ends(client, job, status, timeout=60)
            wait_until(lambda: client.zcard(keys.registry("failed", "limited")) == 1, description="one failed", timeout=60)
            wait_until(
                lambda: not client.zcard(keys.registry("scheduled", "limited")), description="the delayed one ran", timeout=60
            )
            wait_until(lambda: client.exists(keys.cron("ticking")), description="a tick", timeout=60)
        assert refused(client) == []


@pytest.mark.parametrize("without", ["+time", "+hincrby", f"~{keys.ALL}"])
def test_a_worker_that_lacks_a_right_does_not_start_and_names_it(
    server: Server, client: redis.Redis, home: Path, without: str
) -> None:
    more = ["~app:*"] if without.startswith("~") else []
    with user(server, client, WORKING, *more, without=without) as url:
        done = launcher.run("qtui_workers.cli", ["qtui-worker", "default", "--url", url], environment(home))
    assert done.returncode == 3
    assert f"needs {without})" in done.stderr
    assert client.keys() == []


def test_a_worker_that_may_not_subscribe_says_once_that_it_hears_no_commands_and_works(
    server: Server, client: redis.Redis, home: Path
) -> None:
    rule = f"&{keys.commands('*')}"
    arguments = ("--lease", "3", *ALLOW)
    with (
        user(server, client, WORKING, without=rule) as url,
        working(server, home, "default", *arguments, "--url", url, "--name", "deaf"),
    ):
        ends(client, Queue("default", connection=client).enqueue(jobs.give), "finished")
        beats = [client.hget(keys.worker("deaf"), "last_heartbeat")]
        for _ in range(3):
            wait_until(lambda: client.hget(keys.worker("deaf"), "last_heartbeat") != beats[-1], description="a heartbeat")
            beats.append(client.hget(keys.worker("deaf"), "last_heartbeat"))
        log = (home / "worker.log").read_text()
    assert log.count("No command is heard") == 1
    assert rule in log
    assert "Waiting for it" not in log


def test_a_worker_that_loses_a_right_waits_and_says_when_it_may_work_again(
    server: Server, client: redis.Redis, home: Path
) -> None:
    log = home / "worker.log"
    with (
        user(server, client, WORKING) as url,
        working(server, home, "default", "--lease", "3", *ALLOW, "--url", url),
    ):
        client.execute_command("ACL", "SETUSER", WORKING.name, "-hset")
        wait_until(lambda: "have it granted (ACL SETUSER USER +hset)" in log.read_text(), description="it says what it lacks")
        job = Queue("default", connection=client).enqueue(jobs.give)
        client.execute_command("ACL", "SETUSER", WORKING.name, "+hset")
        ends(client, job, "finished")
        assert "Redis lets this worker work again after" in log.read_text()
        assert "Redis is back" not in log.read_text()
        client.acl_log_reset()


def test_a_worker_whose_user_may_not_use_client_works(server: Server, client: redis.Redis, home: Path) -> None:
    rules = [rule for rule in WORKING.rules(read_only_scripts=reads_with(client) == "EVALSHA_RO").split() if "client" not in rule]
    client.execute_command("ACL", "SETUSER", "nameless", "reset", "on", ">p", *rules)
    try:
        url = f"unix://nameless:p@{server.socket}"
        with working(server, home, "default", *ALLOW, "--url", url):
            ends(client, Queue("default", connection=client).enqueue(jobs.give), "finished")
    finally:
        client.acl_deluser("nameless")
