"""Who may only look sees all, and may change nothing; who may operate can do all that an operator does."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
import redis

from qtui.broker import edit
from qtui.broker.bulk import trash
from qtui.broker.lists import jobs
from qtui.broker.one_job import job
from qtui.broker.operations import OPERATIONS, Chosen, Matching, Operation, plan, run
from qtui.broker.queues import overview
from qtui.broker.status import STATUSES, Status
from qtui.broker.workers import registered_workers, worker_commands
from qtui.widgets.header import Header
from qtui_workers.enqueue.pause import pause, resume
from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.rate.limit_usage import read_usages
from qtui_workers.server import keys
from qtui_workers.server.connection import connect, explain, open_client, resolve
from qtui_workers.server.rights import LOOKING, OPERATING
from tests.broker import seed
from tests.rights import user, without_rights
from tests.support import Server, reads_with


def _everything(client: redis.Redis, ids: list[str]) -> list[Any]:
    """All that a person can look at; without what changes from one look to the next."""
    seen = overview.load(client)
    found: list[Any] = [[(row.name, row.counts, row.workers) for row in seen.queues], seen.workers]
    found += [row.name for row in registered_workers.load(client)]
    found += [jobs.window(client, None, status, 0, 50) for status in STATUSES]
    found += [job.load(client, job_id).row for job_id in ids]
    found += [plan(client, one, Chosen(tuple(ids)), "bulk" if one.parameter else None).reasons for one in OPERATIONS.values()]
    return [*found, read_usages(client, ["nobody's"]), client.ping()]


def test_who_may_look_sees_all_and_changes_nothing(server: Server, client: redis.Redis) -> None:
    ids = [job_id for ids in seed.everything(client).ids.values() for job_id in ids]
    with user(server, client, LOOKING) as url, connect(url) as viewer:
        assert _everything(viewer, ids) == _everything(client, ids)
    with user(server, client, LOOKING, "+@all", "-@write") as url, connect(url) as viewer:
        report = run(viewer, OPERATIONS["retry"], Matching(None, OPERATIONS["retry"].usual))
        assert (report.done, report.failed) == (0, report.matched)
        assert "gives our user no permission" in next(iter(report.reasons))


def test_who_may_operate_can_do_everything(server: Server, client: redis.Redis) -> None:
    seed.everything(client)
    client.script_flush()
    with user(server, client, OPERATING) as url, connect(url) as operator:
        for operation in OPERATIONS.values():
            for status in operation.statuses:
                report = run(operator, operation, Matching(None, status), "bulk" if operation.parameter else None)
                assert report.failed == 0, report
        service = QueueService(operator)
        service.enqueue_many("test_job", [{"message": "x"}] * 300)
        service.enqueue("test_job", {"message": "x"}, delay=60, job_id="later", unique=True)
        assert service.cancel("later")
        assert resume(operator, pause(operator, ["mail"])) == ["mail"]
        for worker in registered_workers.load(operator):
            worker_commands.send(operator, worker, worker_commands.COMMANDS["shutdown"])


def _kept(client: redis.Redis) -> dict[bytes, bytes | None]:
    return {key: client.dump(key) for key in client.scan_iter()}


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda operation: operation.name)
def test_who_lacks_one_right_to_an_operation_changes_nothing_and_loses_no_job(client: redis.Redis, operation: Operation) -> None:
    seed.everything(client)
    before = _kept(client)
    asked = [call.partition(" ")[0] for call in OPERATING.needed if call not in LOOKING.needed]
    for command in operation.script.commands.intersection(asked):
        with without_rights(client, command) as blind:
            for status in operation.statuses:
                report = run(blind, operation, Matching(None, status), "bulk" if operation.parameter else None)
                assert (report.done, report.failed) == (0, report.matched), (command, status)
                assert not report.matched or f"+{command}" in next(iter(report.reasons)), (command, status)
    assert _kept(client) == before


def test_who_may_only_look_is_told_all_rights_that_an_operation_needs_in_one_sentence(
    server: Server, client: redis.Redis
) -> None:
    seed.failed(client, count=4)
    with user(server, client, LOOKING, "+exec") as url, connect(url) as viewer:
        report = run(viewer, OPERATIONS["retry"], Matching("mail", Status.FAILED))
    said = OPERATIONS["retry"].summary(report)
    assert re.search(r"\(NOPERM needs (\+evalsha )?\+expire ", said)  # who may look has EVALSHA before Redis 7.0
    assert said.endswith(", or use another user; 2 × not tried: the server failed before")


def test_who_lacks_one_right_to_an_undo_changes_nothing(client: redis.Redis) -> None:
    seed.everything(client)
    run(client, OPERATIONS["remove"], Matching(None, Status.QUEUED))
    (batch,) = trash.batches(client)
    before = _kept(client)
    with without_rights(client, "hset") as blind:
        report = trash.undo(blind, batch)
    assert (report.done, report.failed) == (0, batch.jobs)
    assert _kept(client) == before


def test_who_lacks_one_right_to_an_edited_copy_leaves_nothing_behind(client: redis.Redis) -> None:
    (job_id,) = seed.failed(client)
    job = edit.load(client, job_id)
    before = _kept(client)
    with without_rights(client, "rpush") as blind, pytest.raises(redis.exceptions.NoPermissionError, match=r"\+rpush"):
        edit.enqueue(blind, job, job.document)
    assert _kept(client) == before


def _told(client: redis.Redis, look: Callable[[redis.Redis], object]) -> str:
    """What a person is told who may not look; '' where nothing is missing."""
    try:
        look(client)
    except redis.RedisError as error:
        return str(explain(error, "here"))
    return ""


def test_a_missing_right_is_an_error_that_names_it_and_never_nothing(server: Server, client: redis.Redis) -> None:
    ids = [job_id for ids in seed.everything(client).ids.values() for job_id in ids]
    whole = _everything(client, ids)

    def look(viewer: redis.Redis) -> None:
        assert _everything(viewer, ids) == whole

    rules = LOOKING.rules(read_only_scripts=reads_with(client) == "EVALSHA_RO").split()
    for rule in rules:
        # who hears commands is only said in the plan of a stop, and where it is not known, not at all
        if rule.startswith("+") and rule != "+pubsub|numsub":
            with user(server, client, LOOKING, without=rule) as url, open_client(resolve(url)) as viewer:
                told = _told(viewer, look)
                assert told == "" or rule in told, rule


def test_a_user_of_other_keys_is_reported(server: Server, client: redis.Redis) -> None:
    seed.everything(client)
    with user(server, client, LOOKING, "resetkeys", "~app:*") as url, connect(url) as viewer:
        for look in (
            overview.load,
            registered_workers.load,
            lambda viewer: jobs.counts(viewer, None),
            lambda viewer: jobs.window(viewer, None, OPERATIONS["retry"].usual, 0, 50),
            lambda viewer: job.load(viewer, "x"),
        ):
            with pytest.raises(redis.RedisError) as refused:
                look(viewer)
            assert f"~{keys.ALL}" in str(explain(refused.value, "here"))


def test_without_the_servers_time_ages_are_by_our_own_clock_and_marked(server: Server, client: redis.Redis) -> None:
    seed.everything(client)
    with user(server, client, LOOKING, without="+time") as url, connect(url) as viewer:
        seen = overview.load(viewer)
        assert seen.own_clock
        assert abs(seen.at - time.time()) < 60
        header = Header("here", clock=time.time)
        header.show(seen)
        assert "ages by our own clock" in str(header.render())
    assert not overview.load(client).own_clock
