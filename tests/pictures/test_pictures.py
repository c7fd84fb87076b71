"""What every screen looks like: compared with the pictures that a person has looked at and accepted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import redis
from textual.pilot import Pilot

from qtui_workers.server.connection import connect
from screenshots.keyspace import freeze, seed
from screenshots.scenes import LARGE, SCENES, SMALL, Scene, Size, make_app, settle
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
def test_an_outage_over_the_last_good_data(snap_compare: Compare, own_server: Server, size: Size) -> None:
    with connect(own_server.url) as client:
        seed(client)
        freeze(client)

        async def lose_the_server(pilot: Pilot[Any]) -> None:
            await SCENES["queues"].play(pilot)
            own_server.kill()
            await pilot.press("r")
            await settle(pilot)

        assert snap_compare(make_app(client), terminal_size=size, run_before=lose_the_server)
