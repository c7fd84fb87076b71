"""A job is found by its id, or by a beginning of it that no other has."""

from __future__ import annotations

import pytest
import redis

from qtui.broker import job_ids
from qtui_workers.errors import NotFound
from qtui_workers.server import keys
from tests.broker import seed


def test_a_whole_id_and_what_lists_show_of_it_find_the_job(client: redis.Redis) -> None:
    first, *_others = seed.failed(client, count=3)
    assert job_ids.find(client, first) == first
    assert job_ids.find(client, first[:8]) == first


@pytest.mark.parametrize("text", ["nosuchjob", "short", "abc*ef", "", "dddddddd"])
def test_what_is_no_id_is_no_job(client: redis.Redis, text: str) -> None:
    client.hset(keys.job("abcdef"), "data", "x")
    client.sadd(keys.dependents("dddddddd"), "x")
    with pytest.raises(NotFound, match="there is no job"):
        job_ids.find(client, text)


def test_a_beginning_of_several_ids_names_them_and_an_id_that_is_a_beginning_is_itself(client: redis.Redis) -> None:
    for name in ("report", "report-1", "report-2"):
        client.hset(keys.job(name), "data", "x")
    assert job_ids.find(client, "report") == "report"
    with pytest.raises(NotFound, match="more than one job has an id that begins with 'report-': report-1, report-2"):
        job_ids.find(client, "report-")


def test_characters_that_a_pattern_would_read_are_only_characters(client: redis.Redis) -> None:
    client.hset(keys.job("batch[1]^a-b*c"), "data", "x")
    assert job_ids.find(client, "batch[1]^a-b*") == "batch[1]^a-b*c"
