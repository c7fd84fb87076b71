"""A job, the form that edits it and the dialog: with much to see, with nothing, with damaged records, without the server."""

from __future__ import annotations

import zlib
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
import redis
from textual.pilot import Pilot

from qtui.broker.status import Status
from qtui.screens.job import JobScreen
from qtui.screens.jobs import JobsScreen
from qtui_workers.server import keys
from qtui_workers.server.connection import connect
from screenshots.keyspace import NOW, freeze, seed
from screenshots.scenes import LARGE, SCENES, SMALL, Scene, Size, make_app, press, settle
from tests.pictures.test_pictures import SIZES, Compare, looks_the_same
from tests.support import Server

pytestmark = pytest.mark.xdist_group("pictures")  # one process, one gallery

AWAY = {"job": ("failed-job", "r"), "confirm": ("failed", "R")}
"""A scene, and the key that is pressed after the server is lost."""
MOMENTS = ("created_at", "enqueued_at", "started_at", "ended_at")
TIMES = {name: f"2026-05-12T12:0{minute}:00.000000Z" for minute, name in enumerate(MOMENTS)}
START = NOW - 271
"""Noon."""
CALL = b'["shop.pay", null, [], {"order": 7}]'


@SIZES
@pytest.mark.parametrize("pressed", [("e",), ("D",)], ids=["edit", "remove"])
def test_what_keys_open_from_a_job(
    snap_compare: Compare, gallery_client: redis.Redis, pressed: tuple[str, ...], size: Size
) -> None:
    assert looks_the_same(snap_compare, gallery_client, Scene("from-a-job", (*SCENES["failed-job"].keys, *pressed), size=size))


@SIZES
@pytest.mark.parametrize("name", AWAY)
def test_an_outage_over_the_last_good_data(snap_compare: Compare, own_server: Server, name: str, size: Size) -> None:
    scene, key = AWAY[name]
    with connect(own_server.url) as client:
        seed(client)
        freeze(client)

        async def lose_the_server(pilot: Pilot[Any]) -> None:
            await SCENES[scene].play(pilot)
            own_server.kill()
            await press(pilot, key)

        assert snap_compare(make_app(client), terminal_size=size, run_before=lose_the_server)


def store(client: redis.Redis, job_id: str, status: str, data: bytes = CALL, **more: str) -> None:
    """A job of the queue `shop`."""
    client.hset(keys.job(job_id), mapping={"status": status, "origin": "shop", "data": data, **TIMES, **more})
    client.sadd(keys.QUEUES, keys.queue("shop"))


def relatives(client: redis.Redis) -> None:
    """A deferred job that waits for one that failed and for one that is gone, and for which another one waits."""
    store(client, "child", "deferred", dependency_ids='["parent", "nobody"]', started_at="", ended_at="", timeout="180")
    store(client, "parent", "failed")
    store(client, "grandchild", "deferred", started_at="", ended_at="")
    client.sadd(keys.dependencies("child"), "parent", "nobody")
    client.sadd(keys.dependents("child"), "grandchild")
    client.zadd(keys.registry("deferred", "shop"), {"child": 1, "grandchild": 2})


def broken(client: redis.Redis) -> None:
    """A job of which hardly anything can be read."""
    store(client, "child", "unheard-of", b"\x80garbage", created_at="yesterday", meta="{", description="\x1b[2J")
    client.set(keys.results("child"), "no stream")


def tried(client: redis.Redis) -> None:
    """A job that failed in three attempts, of which one is only in events and one has another error than the others."""
    times = {"enqueued_at": "12:02:58", "started_at": "12:03:00", "ended_at": "12:03:04"}
    newest = {name: f"2026-05-12T{time}.000000Z" for name, time in times.items()}
    store(client, "child", "failed", **{keys.FIELD_ATTEMPT: "3", keys.FIELD_ATTEMPTS: "3"}, **newest)
    trace = 'Traceback (most recent call last):\n  File "/srv/shop/pay.py", line {}, in pay\n    {}\n{}\n'
    for number, began, took, line, code, error in (
        (1, 60, 30, 41, "ask(gateway)", "TimeoutError: gateway did not answer in 30 s"),
        (3, 180, 4, 52, "book(order)", "KeyError: 'currency'"),
    ):
        text = zlib.compress(trace.format(line, code, error).encode())
        client.xadd(
            keys.results("child"),
            {
                "type": 2, "worker_name": f"web-{number}.7", "execution_started_at": START + began, "exc_string": b64encode(text),
                "execution_ended_at": START + began + took, keys.FIELD_USED: f"{number * 40 << 20} {number / 4}",
            },
            id=f"{round((START + began + took) * 1000)}-0",
        )  # fmt: skip
    for kind, at, details in (
        ("started", 100, ""),
        (
            "retrying",
            131,
            '{"seconds": 45, "error": "TimeoutError: gateway did not answer in 31 s", "peak_memory": 41000000, "cpu": 0.3}',
        ),
    ):
        event = {"event": kind, "job": "child", "worker": "web-1.7", "attempt": 2, "details": details}
        client.xadd(keys.EVENTS, event, id=f"{round((START + at) * 1000)}-0")


def bare(client: redis.Redis) -> None:
    """A job that waits, with nothing else to see."""
    client.hset(keys.job("child"), mapping={"status": "queued", "origin": "shop", "data": b'["shop.pay", null, [], {}]'})
    client.rpush(keys.queue("shop"), "child")
    client.sadd(keys.QUEUES, keys.queue("shop"))


@SIZES
@pytest.mark.parametrize("made", [relatives, broken, bare], ids=lambda made: made.__name__)
def test_a_job_with_others_beside_it_a_broken_one_and_one_with_nothing_to_see(
    snap_compare: Compare, client: redis.Redis, made: Callable[[redis.Redis], None], size: Size
) -> None:
    made(client)
    freeze(client)

    async def open_it(pilot: Pilot[Any]) -> None:
        await settle(pilot)
        await pilot.app.push_screen(JobScreen("child"))
        await settle(pilot)

    assert snap_compare(make_app(client), terminal_size=size, run_before=open_it)


@pytest.mark.parametrize("size", [(60, 20), SMALL, LARGE], ids=lambda size: f"{size[0]}x{size[1]}")
def test_attempts_beside_each_other(snap_compare: Compare, client: redis.Redis, size: Size) -> None:
    tried(client)
    freeze(client)

    async def compare_them(pilot: Pilot[Any]) -> None:
        await settle(pilot)
        await pilot.app.push_screen(JobScreen("child"))
        await settle(pilot)
        await press(pilot, "right_square_bracket")

    assert snap_compare(make_app(client), terminal_size=size, run_before=compare_them)


@SIZES
def test_a_dialog_with_nothing_to_do(snap_compare: Compare, client: redis.Redis, size: Size) -> None:
    store(client, "good", "failed")
    client.zadd(keys.registry("failed", "shop"), {"good": NOW + 1000})
    freeze(client)

    async def too_late(pilot: Pilot[Any]) -> None:
        await settle(pilot)
        await pilot.app.push_screen(JobsScreen("shop", Status.FAILED))
        await settle(pilot)
        client.delete(keys.registry("failed", "shop"))
        await press(pilot, "R")

    assert snap_compare(make_app(client), terminal_size=size, run_before=too_late)
