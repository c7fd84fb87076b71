"""A job is found by its id, or by a beginning of it that no other has."""

from __future__ import annotations

import pytest
import redis

from qtui.broker.one_job import job_ids
from qtui_workers.errors import InvalidInput, NotFound
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


@pytest.mark.parametrize("length", [1, 3, job_ids.SHORTEST - 1])
def test_a_beginning_too_short_to_be_searched_for_asks_for_more_of_it(client: redis.Redis, length: int) -> None:
    (job_id,) = seed.failed(client)
    with pytest.raises(NotFound) as raised:
        job_ids.find(client, job_id[:length])
    assert "write more characters of the id, at least 6" in str(raised.value)
    assert "expired" not in str(raised.value)
    assert job_ids.find(client, job_id[: job_ids.SHORTEST]) == job_id


def test_a_beginning_of_several_ids_names_them_and_an_id_that_is_a_beginning_is_itself(client: redis.Redis) -> None:
    for name in ("report", "report-1", "report-2"):
        client.hset(keys.job(name), "data", "x")
    assert job_ids.find(client, "report") == "report"
    with pytest.raises(NotFound, match="more than one job has an id that begins with 'report-': report-1, report-2"):
        job_ids.find(client, "report-")


def test_characters_that_a_pattern_would_read_are_only_characters(client: redis.Redis) -> None:
    client.hset(keys.job("batch[1]^a-b*c"), "data", "x")
    assert job_ids.find(client, "batch[1]^a-b*") == "batch[1]^a-b*c"


def store(client: redis.Redis, *ids: str) -> None:
    for job_id in ids:
        client.hset(keys.job(job_id), "data", "x")


FIRST, SECOND, ALIKE = (f"{begin}-1111-4111-8111-111111111111" for begin in ("1a2b3c4d", "99999999", "1a2b3c4e"))


def test_jobs_are_chosen_by_what_lists_show_of_their_ids(client: redis.Redis) -> None:
    store(client, FIRST, SECOND, ALIKE, "order-12", "beefbeef")
    assert job_ids.chosen(client, ["1a2b3c4d", SECOND[:13], FIRST]) == (FIRST, SECOND)
    assert job_ids.chosen(client, ["beefbeef", "order-12"]) == ("beefbeef", "order-12")


@pytest.mark.parametrize("text", ["order-1", "1a2b3c", "deadbeef", SECOND.replace("9", "8"), ""])
def test_an_id_that_is_none_chooses_no_other_job(client: redis.Redis, text: str) -> None:
    store(client, FIRST, SECOND, "order-12", "deadbeefs")
    assert job_ids.chosen(client, [text]) == (text,)


def test_a_beginning_of_several_chooses_none_of_them(client: redis.Redis) -> None:
    other = FIRST[:-1] + "2"
    store(client, FIRST, other)
    with pytest.raises(NotFound, match=f"more than one job has an id that begins with '1a2b3c4d': {FIRST}, {other}"):
        job_ids.chosen(client, [SECOND, "1a2b3c4d"])


def test_where_the_keys_are_too_many_nothing_is_chosen(client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    store(client, FIRST, *(f"job-{number}" for number in range(100)))
    monkeypatch.setattr(job_ids, "SCANNED", 5)
    monkeypatch.setattr(job_ids, "BLOCK", 5)
    with pytest.raises(InvalidInput, match="write its whole id"):
        job_ids.chosen(client, ["1a2b3c4d"])
