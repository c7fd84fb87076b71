"""A server that refuses, is busy or full, and keys of a wrong type: one sentence that is true, with the next step."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis
from rq import Queue

from qtui_workers.enqueue.pause import pause
from qtui_workers.server import keys
from qtui_workers.server.rights import LOOKING
from tests.broker import seed
from tests.broker.tasks import add
from tests.cli.support import Qtui, keyspace
from tests.rights import user
from tests.support import Server, wait_until
from tests.workers.support import run_burst

LOOKS = [
    *(
        "queues",
        "workers",
        "jobs",
        "failures",
        "schedule",
        "count --by function",
        "limits",
        "stats",
        "audit",
        "orphans",
        "doctor",
    ),
    *("undo --list", "hold", "--snapshot", "tail {id}", "job {id}"),
]
"""Every command that only looks."""


def test_all_that_looks_needs_no_right_beyond_those_of_looking(qtui: Qtui, server: Server, client: redis.Redis) -> None:
    ended = seed.finished(client)[0]
    with user(server, client, LOOKING, "+echo") as url:  # doctor asks for more, and says what it lacks
        for look in LOOKS:
            assert qtui(*look.format(id=ended).split(), REDIS_URL=url).code == 0, look


def test_a_frame_says_at_once_which_right_is_missing(qtui: Qtui, server: Server, client: redis.Redis) -> None:
    with user(server, client, LOOKING, "-smembers") as url:
        assert "ACL SETUSER USER +smembers" in qtui.fails(3, "--snapshot", REDIS_URL=url)


@contextmanager
def endless_script(server: Server) -> Iterator[None]:
    """Inside the block the server is busy with a script."""
    with server.client() as control, server.client() as client:
        control.config_set("lua-time-limit", 10)

        def run() -> None:
            with pytest.raises(redis.ResponseError):
                client.eval("while true do end", 0)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            wait_until(lambda: _is_busy(control), description="the server is busy")
            yield
        finally:
            control.script_kill()
            thread.join()


def _is_busy(client: redis.Redis) -> bool:
    try:
        client.ping()
    except redis.ResponseError:
        return True
    return False


def test_a_server_that_is_busy_with_a_script_is_reported_as_that(bare: Qtui, own_server: Server) -> None:
    there = Qtui(bare.home, {"REDIS_URL": own_server.url})
    with endless_script(own_server):
        for command in ("queues", "enqueue test_job", "retry abcdefgh --yes"):
            said = there.fails(3, *command.split())
            assert "is busy with a script" in said
            assert "SCRIPT KILL" in said
            assert "address" not in said


def test_what_only_looks_works_on_a_server_without_memory(bare: Qtui, own_server: Server) -> None:
    there = Qtui(bare.home, {"REDIS_URL": own_server.url})
    there("enqueue", "test_job", "--id", "ended")
    run_burst(own_server, bare.home, "main-queue")
    with own_server.client() as client:
        client.config_set("maxmemory", 1)
        for look in LOOKS:
            if look != "doctor":
                assert there(*look.format(id="ended").split()).code == 0, look


def test_a_change_that_is_refused_is_one_sentence(bare: Qtui, own_server: Server) -> None:
    there = Qtui(bare.home, {"REDIS_URL": own_server.url})
    with own_server.client() as client:
        Queue("mail", connection=client).enqueue(add, 1, 2)
        client.config_set("min-replicas-to-write", 1)
        scripts_are_refused = int(client.info("server")["redis_version"].split(".")[0]) >= 7
    by_script = ("enqueue test_job", "hold add --yes") if scripts_are_refused else ()  # a server before 7.0 lets a script write
    for command in ("pause mail --yes", "suspend --yes", *by_script):
        assert "has too few replicas" in there.fails(3, *command.split())


def spoil(client: redis.Redis, key: str) -> None:
    """The key is of a type that none of ours has there."""
    client.delete(key)
    client.set(key, "x")


EVERYWHERE = [keys.QUEUES, keys.WORKERS, keys.PAUSED, keys.TRASH, keys.queue("mail"), keys.registry("failed", "mail")]


@pytest.mark.parametrize("key", EVERYWHERE)
def test_check_and_doctor_name_a_key_of_a_wrong_type(qtui: Qtui, client: redis.Redis, key: str) -> None:
    seed.finished(client, "mail")
    spoil(client, key)
    advice = qtui("doctor", code=1).out
    assert f"{key} is a string, not a " in advice
    assert f"RENAME {key} " in advice
    assert f"{key} is a string, not a " in qtui("check", code=2).out


def test_a_key_of_a_wrong_type_is_no_fault_of_the_address(qtui: Qtui, client: redis.Redis) -> None:
    spoil(client, keys.queue("main-queue"))
    said = qtui.fails(3, "enqueue", "test_job")
    assert "a key that is of another type" in said
    assert "the command doctor of qtui" in said
    assert "address" not in said


def test_a_queue_is_resumed_whatever_its_own_key_is(qtui: Qtui, client: redis.Redis) -> None:
    Queue("mail", connection=client).enqueue(add, 1, 2)
    pause(client, ["mail"])
    spoil(client, keys.queue("mail"))
    assert qtui("resume", "mail", "--yes").out == "mail: resumed\n"
    assert not client.exists(keys.PAUSED)


@pytest.mark.parametrize(("key", "whose"), [(keys.queue("mail"), "queue's"), (keys.TRASH, "trash's")])
def test_what_cannot_be_removed_is_left_as_it_was(qtui: Qtui, client: redis.Redis, key: str, whose: str) -> None:
    job = Queue("mail", connection=client).enqueue(add, 1, 2)
    spoil(client, key)
    before = keyspace(client)
    assert f"the {whose} key has the wrong type" in qtui("remove", job.id, "--yes", code=1).out
    after = keyspace(client)
    assert {name: value for name, value in after.items() if name != keys.AUDIT.encode()} == before
