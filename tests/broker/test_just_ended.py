"""How many jobs ended just before the dashboard was opened."""

from __future__ import annotations

import pytest
import redis

from qtui.broker.queues import figures, overview
from qtui_workers.server import keys
from qtui_workers.server.connection import connect
from qtui_workers.server.rights import OPERATING
from tests.broker import seed
from tests.broker.watching import round_trips, watching
from tests.rights import user
from tests.support import Server


def just_ended(client: redis.Redis, *, sooner: float = 0) -> dict[str, tuple[int, int]]:
    seen = overview.load(client)
    return figures.just_ended(client, seen.queues, seen.at - sooner)


def test_finished_and_failed_are_counted_where_a_job_has_failed_in_the_minute_before(client: redis.Redis) -> None:
    seed.finished(client, "burning", 2)
    seed.failed(client, "burning", 3)
    seed.copies(client, seed.failed(client, "again", 1, hours_ago=1)[0], 3)
    client.zincrby(keys.registry("failed", "again"), 1e9, seed.failed(client, "again", 1)[0])
    seed.failed(client, "burnt", 4, hours_ago=1)
    seed.finished(client, "calm", 1)
    assert just_ended(client) == {"burning": (2, 3), "again": (0, 1)}


def test_what_has_ended_since_the_overview_does_not_count(client: redis.Redis) -> None:
    seed.age(client, seed.failed(client, "mail", 1), hours=30 / 3600)
    seed.failed(client, "mail", 2)
    assert just_ended(client, sooner=10) == {"mail": (0, 1)}


def test_it_takes_two_round_trips_two_more_where_jobs_failed_lately_and_writes_nothing(client: redis.Redis) -> None:
    for number in range(5):
        seed.failed(client, f"burnt-{number}", 1, hours_ago=1)
    seen = overview.load(client)
    with watching(client), round_trips(client) as sent:
        assert figures.just_ended(client, seen.queues, seen.at) == {}
    assert len(sent) == 2
    seed.failed(client, "burning", 1)
    seen = overview.load(client)
    with watching(client), round_trips(client) as sent:
        assert figures.just_ended(client, seen.queues, seen.at) == {"burning": (0, 1)}
    assert len(sent) == 4


def test_a_large_number_of_failures_is_counted_for_the_time_for_which_the_sample_is_whole(client: redis.Redis) -> None:
    (job_id,) = seed.failed(client, "mail", 1)
    seed.copies(client, job_id, figures.SAMPLE + 100)
    assert just_ended(client) == {"mail": (0, figures.SAMPLE)}


def test_of_very_many_queues_those_with_the_most_failures_are_looked_at(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 5):
        seed.failed(client, f"burning-{number}", number)
    monkeypatch.setattr(figures, "MOST_FAILED", 3)
    assert just_ended(client).keys() == {"burning-2", "burning-3", "burning-4"}
    monkeypatch.setattr(figures, "MOST_BURNING", 1)
    assert just_ended(client).keys() == {"burning-4"}


def test_hashes_of_a_wrong_kind_and_jobs_that_are_gone_are_passed_over(client: redis.Redis) -> None:
    gone, wrong, _ = seed.failed(client, "mail", 3)
    client.delete(keys.job(gone), keys.job(wrong))
    client.set(keys.job(wrong), "no hash")
    seen = overview.load(client)
    assert figures.just_ended(client, seen.queues, seen.at) in ({}, {"mail": (0, 1)})


def test_where_a_command_is_refused_nothing_is_known(server: Server, client: redis.Redis) -> None:
    seed.failed(client, "mail", 1)
    seen = overview.load(client)
    with user(server, client, OPERATING, "-zrevrange") as url, connect(url) as other:
        assert figures.just_ended(other, seen.queues, seen.at) == {}
