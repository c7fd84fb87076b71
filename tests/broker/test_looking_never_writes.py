"""Looking never writes: every command of a session that only reads is recorded, and its flags are checked."""

from __future__ import annotations

import redis

from qtui.broker import limits
from qtui.broker.diagnosis import doctor
from qtui.broker.lists import jobs, schedule
from qtui.broker.one_job import job
from qtui.broker.one_job.usual_durations import Usuals
from qtui.broker.operations import OPERATIONS, Chosen, Matching, plan
from qtui.broker.queues import figures, overview
from qtui.broker.search import find, groups
from qtui.broker.search.expression import parse
from qtui.broker.search.scan import Scope
from qtui.broker.status import STATUSES
from qtui.broker.workers import registered_workers
from tests.broker import seed
from tests.broker.watching import Seen, digest, watching
from tests.support import reads_with


def _look_at_everything(client: redis.Redis, ids: list[str]) -> None:
    overview.load(client)
    registered_workers.load(client)
    doctor.load(client)
    figures.load(client)
    limits.load(client)
    schedule.load(client)
    Usuals().look(client, ["mail", "hostile"])
    for status in STATUSES:
        for queue in (None, "mail", "hostile", "no such queue"):
            jobs.window(client, queue, status, 0, 50)
            jobs.counts(client, queue)
    for job_id in ids:
        job.load(client, job_id)
    everywhere = Scope(None, tuple(STATUSES), parse("-word -payload.a:1 -cause:1"))
    find.find(client, everywhere, 0)
    groups.causes(client, everywhere, 0)
    groups.count(client, everywhere, groups.by("payload.a"), 0)
    for operation in OPERATIONS.values():
        text = "bulk" if operation.parameter else None
        plan(client, operation, Chosen(tuple(ids)), text)
        for status in operation.statuses:
            plan(client, operation, Matching(None, status), text)


def _session(client: redis.Redis) -> Seen:
    seeded = seed.everything(client)
    hostile = seed.hostile(client, size=100_000)
    ids = [job_id for found in (seeded, hostile) for group in found.ids.values() for job_id in group]
    with watching(client) as seen:
        _look_at_everything(client, ids)
    return seen


def _writes(client: redis.Redis, names: set[str]) -> list[str]:
    told = client.execute_command("COMMAND", "INFO", *sorted(names))
    facts = told.values() if isinstance(told, dict) else told
    return [str(fact["name"]) for fact in facts if "write" in {str(flag) for flag in fact["flags"]}]


def test_no_command_of_a_reading_session_writes(client: redis.Redis) -> None:
    seen = _session(client)
    names = {command.split()[0].upper() for command in (*seen.sent, *seen.by_scripts)}
    assert {reads_with(client), "HMGET", "ZREVRANGE", "LRANGE"} <= names
    if reads_with(client) == "EVALSHA":  # each command of the script is among the names
        names -= {"EVAL", "EVALSHA"}
    assert not names & {"EVAL", "EVALSHA", "SCRIPT", "FCALL"}
    assert _writes(client, names) == []


def test_the_check_for_writes_knows_a_write(client: redis.Redis) -> None:
    assert _writes(client, {"HMGET", "ZREM", "LPUSH", "UNLINK"}) != []


def test_a_reading_session_changes_no_key(client: redis.Redis) -> None:
    seeded = seed.everything(client)
    hostile = seed.hostile(client, size=100_000)
    before = digest(client)
    _look_at_everything(client, [job_id for found in (seeded, hostile) for ids in found.ids.values() for job_id in ids])
    assert digest(client) == before


def test_a_plan_runs_under_a_command_that_cannot_write(client: redis.Redis) -> None:
    seeded = seed.everything(client)
    with watching(client) as seen:
        for operation in OPERATIONS.values():
            job_id = seeded.first(operation.statuses[0])
            plan(client, operation, Chosen((job_id,)), "bulk" if operation.parameter else None)
    run = {command.split()[0] for command in seen.sent if "EVAL" in command}
    assert run <= {"EVALSHA_RO", "EVAL_RO"} or reads_with(client) == "EVALSHA"
    assert _writes(client, {command.split()[0] for command in seen.by_scripts}) == []
