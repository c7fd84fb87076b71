"""What every screen looks like: compared with the pictures that a person has looked at and accepted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import redis
from textual.pilot import Pilot

from qtui_workers.records import replace as changed
from qtui_workers.server.connection import connect
from screenshots.keyspace import freeze, seed
from screenshots.scenes import LARGE, SCENES, SMALL, Scene, Size, make_app, press, settle
from tests.pictures import troubled, worker_lanes
from tests.support import Server

Compare = Callable[..., bool]

pytestmark = pytest.mark.xdist_group("pictures")  # one process, one gallery

SIZES = pytest.mark.parametrize("size", [SMALL, LARGE], ids=lambda size: f"{size[0]}x{size[1]}")


def looks_the_same(compare: Compare, client: redis.Redis, scene: Scene) -> bool:
    return compare(make_app(client, scene.theme), terminal_size=scene.size, run_before=scene.play)


@SIZES
@pytest.mark.parametrize("name", SCENES)
def test_a_screen_looks_as_it_was_accepted(snap_compare: Compare, gallery_client: redis.Redis, name: str, size: Size) -> None:
    assert looks_the_same(snap_compare, gallery_client, replace(SCENES[name], size=size))


@SIZES
@pytest.mark.parametrize("name", ["queues", "failed-job"])
def test_a_screen_in_light_colours(snap_compare: Compare, gallery_client: redis.Redis, name: str, size: Size) -> None:
    assert looks_the_same(snap_compare, gallery_client, replace(SCENES[name], size=size, theme="qtui-light"))


@SIZES
@pytest.mark.parametrize("keys", [(), ("3", "R")], ids=["queues", "question"])
def test_a_connection_that_has_a_colour_and_wants_its_name(
    snap_compare: Compare, gallery_client: redis.Redis, keys: tuple[str, ...], size: Size
) -> None:
    scene = Scene("red", keys, size=size)
    app = make_app(gallery_client, scene.theme)
    app.session.context = changed(app.session.context, colour="red", confirm="name")
    assert snap_compare(app, terminal_size=scene.size, run_before=scene.play)


@SIZES
@pytest.mark.parametrize("key", ["2", "4"], ids=["jobs", "live"])
def test_a_screen_where_there_is_nothing(snap_compare: Compare, client: redis.Redis, key: str, size: Size) -> None:
    freeze(client)
    assert looks_the_same(snap_compare, client, Scene("nothing", (key,), size=size))


@SIZES
def test_damaged_records_in_a_list_of_jobs(snap_compare: Compare, client: redis.Redis, size: Size) -> None:
    troubled.seed(client)
    freeze(client)
    assert looks_the_same(snap_compare, client, Scene("damaged", ("2", "tab", "j", "j"), size=size))


@SIZES
def test_what_has_lost_its_worker_and_what_just_ended_among_what_runs(
    snap_compare: Compare, client: redis.Redis, size: Size
) -> None:
    troubled.seed(client)
    freeze(client)

    async def let_one_end(pilot: Pilot[Any]) -> None:
        await Scene("live", ("4", "j")).play(pilot)
        troubled.end(client)
        await press(pilot, "r")

    assert snap_compare(make_app(client), terminal_size=size, run_before=let_one_end)


@SIZES
@pytest.mark.parametrize("theme", ["qtui-dark", "qtui-light"])
def test_workers_with_what_they_did_in_the_last_ten_minutes(
    snap_compare: Compare, client: redis.Redis, size: Size, theme: str
) -> None:
    worker_lanes.seed(client)
    freeze(client)
    assert looks_the_same(snap_compare, client, Scene("lanes", ("5",), size, theme))


@SIZES
def test_which_workers_can_take_the_next_job_of_a_queue(snap_compare: Compare, client: redis.Redis, size: Size) -> None:
    worker_lanes.seed(client)
    freeze(client)
    assert looks_the_same(snap_compare, client, Scene("takers", ("L",), size))


@SIZES
@pytest.mark.parametrize("name", ["queues", "failed", "live"])
def test_an_outage_over_the_last_good_data(snap_compare: Compare, own_server: Server, name: str, size: Size) -> None:
    with connect(own_server.url) as client:
        seed(client)
        freeze(client)

        async def lose_the_server(pilot: Pilot[Any]) -> None:
            await SCENES[name].play(pilot)
            own_server.kill()
            await pilot.press("r")
            await settle(pilot)

        assert snap_compare(make_app(client), terminal_size=size, run_before=lose_the_server)


@SIZES
def test_a_server_without_any_queue(snap_compare: Compare, own_server: Server, size: Size) -> None:
    with connect(own_server.url) as client:
        freeze(client)
        assert looks_the_same(snap_compare, client, replace(SCENES["queues"], size=size, keys=()))


@SIZES
def test_a_user_who_may_not_do_all_that_looking_takes(snap_compare: Compare, own_server: Server, size: Size) -> None:
    with connect(own_server.url) as client:
        seed(client)
        freeze(client)

        async def lose_a_right(pilot: Pilot[Any]) -> None:
            await SCENES["queues"].play(pilot)
            client.execute_command("ACL", "SETUSER", "default", "-zcount")
            await pilot.press("r")
            await settle(pilot)

        assert snap_compare(make_app(client), terminal_size=size, run_before=lose_a_right)
