"""Writes jobs to Redis: a few in one step; a batch of any size is staged, and enters its queue when all its jobs are written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import uuid4

import redis
from redis.client import Pipeline

from qtui_workers.enqueue.job_template import JobTemplate, Row
from qtui_workers.errors import RedisUnavailable, Refused
from qtui_workers.reporting import events
from qtui_workers.reporting.source import Source
from qtui_workers.server import keys
from qtui_workers.server.scripts import Argument, Script
from qtui_workers.text import decode, encode

if TYPE_CHECKING:
    from rq.rate_limit import RateLimitRegistry

CHUNK: Final = 500
"""Jobs in one step: the server is held for some milliseconds."""
_CHUNK_BYTES: Final = 1_000_000
_ABANDONED: Final = 3_600
"""Seconds without a new job after which the program that stages a batch counts as gone."""

_TRIES: Final = 10
"""A batch is published again so often where its queue was empty and is not any more, or the server's reply was lost."""
_IN_ONE_COMMAND: Final = 50_000

_ENQUEUE: Final = Script.load("enqueue")
_DISCARD: Final = Script.load("discard")


def enqueue(connection: redis.Redis, template: JobTemplate, rows: Iterable[Row]) -> list[str]:
    """Enqueues the jobs, all of them or none, and returns their ids; one round trip for each 500 of them, or megabyte.

    A larger number is staged: the records are written first, and the last step puts all ids into the queue at once. Where an
    error of `rows` or of Redis prevents that, the records are removed again; where Redis is away then too, the next batch
    after an hour removes them. The last step holds the server for five milliseconds per 100,000 jobs where other jobs wait in
    the queue already, and for no time where the queue is empty; where they are scheduled, ten times as long.

    Jobs that are unique by their content (`JobTemplate.unique_by`) are enqueued chunk by chunk: what was enqueued before an
    error counts when they are enqueued again. In place of the id of one whose content an older job has is that job's id.

    Raises Refused where a unique id is taken, redis.RedisError, and what `rows` raises.
    """
    register_limit(connection, template)
    chunks = _chunks(rows)
    if template.unique_by:
        return [placed.id for chunk in chunks for placed in put_unique(connection, template, chunk)]
    first, second = next(chunks, []), next(chunks, None)
    if second is not None:
        return _Batch(connection, template).enqueue(chain([first, second], chunks))
    if first:
        _put(connection, template, first)
    return [row.id for row in first]


def register_limit(connection: redis.Redis, template: JobTemplate) -> None:
    """Registers with RQ the concurrency limit of the jobs, if they have one. Raises redis.RedisError."""
    if template.status == "rate_limited":
        assert template.options.concurrency
        with connection.pipeline() as pipe:
            _limit_of(template, connection).register(template.options.concurrency, pipe)
            pipe.execute()


def promote(connection: redis.Redis, template: JobTemplate) -> list[str]:
    """Moves jobs that wait for a concurrency limit into the queue while it has free places; returns their ids.

    Where Redis is away for this, the next job that ends or RQ's maintenance does it.
    """
    if template.status != "rate_limited":
        return []
    assert template.options.concurrency
    with suppress(redis.RedisError):
        return _limit_of(template, connection).acquire_and_enqueue(template.options.concurrency)
    return []


def _limit_of(template: JobTemplate, connection: redis.Redis) -> RateLimitRegistry:
    from rq.rate_limit import RateLimitRegistry  # loads RQ, which jobs without a limit do not need

    return RateLimitRegistry(template.processor.name, connection)


class Placed(NamedTuple):
    """A job, or the older one that has its content."""

    id: str
    status: str | None
    """The status of the older one; None where the job itself was enqueued."""


def put_unique(connection: redis.Redis, template: JobTemplate, rows: Sequence[Row]) -> list[Placed]:
    """Enqueues those jobs whose content no job has that has not ended; one round trip."""
    flat = iter([decode(part) for part in _write(connection, template, rows)])
    return [Placed(job_id, status or None) for job_id, status in zip(flat, flat, strict=True)]


def _put(connection: redis.Redis, template: JobTemplate, rows: Sequence[Row]) -> None:
    put = int(_write(connection, template, rows))
    if template.unique and not put:
        raise Refused(f"there is a job '{template.job_id}' already: remove it, or choose another id")


def _write(connection: redis.Redis, template: JobTemplate, rows: Sequence[Row], batch: str = "") -> Any:
    """Writes the jobs, into their place or into that batch; returns what `lua/enqueue.lua` does."""
    now = datetime.now(UTC)
    shared = template.shared(now)
    fields: list[Argument] = [*shared, *template.own]
    for row in rows:
        fields.append(row.id)
        fields += template.own_values(row)
    return _ENQUEUE.run(
        connection,
        *fields,
        batch=batch,
        place=template.place,
        queue=template.queue,
        score=template.score(now),
        step=template.step,
        which="unique" if template.unique else "over" if template.job_id else "new",
        shared=len(shared),
        own=len(template.own),
        processor=template.processor.name if template.unique_by else "",
    )


class _Batch:
    """A batch: jobs that are written first, and enter their queue together."""

    def __init__(self, connection: redis.Redis, template: JobTemplate) -> None:
        self._connection = connection
        self._template = template
        self._name = uuid4().hex
        self._staged = keys.staged(self._name)
        self._ids: list[str] = []

    def enqueue(self, chunks: Iterable[Sequence[Row]]) -> list[str]:
        sweep(self._connection)
        try:
            self._stage_all(chunks)
            self._publish()
        except BaseException:
            with suppress(redis.RedisError, OSError):
                _discard(self._connection, self._name)
            raise
        return self._ids

    def _stage_all(self, chunks: Iterable[Sequence[Row]]) -> None:
        """Writes all chunks; while the server handles one, the next is made."""
        with ThreadPoolExecutor(1, "stages a batch") as stager:
            staged: Future[None] | None = None
            for chunk in chunks:
                if staged:
                    staged.result()
                staged = stager.submit(self._stage, chunk)
            if staged:
                staged.result()

    def _stage(self, rows: Sequence[Row]) -> None:
        _write(self._connection, self._template, rows, self._name)
        self._ids += [row.id for row in rows]

    def _publish(self) -> None:
        """Puts all ids where they belong, in one transaction, unless the batch has changed meanwhile.

        It is repeated where the server's reply is lost: then the batch is gone, but not its jobs.
        """
        with self._connection.pipeline() as pipe:
            for _ in range(_TRIES):
                with suppress(redis.WatchError):
                    _watch(pipe, self._staged)
                    if pipe.llen(self._staged) != len(self._ids):
                        break
                    self._write_ids(pipe)
                    self._tell()
                    return
        if self._connection.exists(self._staged) or not self._connection.exists(keys.job(self._ids[-1])):
            raise RedisUnavailable("the jobs were removed from Redis while they were being enqueued: enqueue them again")

    def _write_ids(self, pipe: Pipeline) -> None:
        """The transaction. The ids are sent once more: a script that appends them takes the server ten times as long."""
        template = self._template
        place, score = encode(template.place), template.score(datetime.now(UTC))
        waiting = pipe.llen(place) if score == "" else pipe.zcard(place)  # raises where the place is of another type
        is_new = score == "" and not waiting
        if is_new:
            _watch(pipe, place)
            is_new = not pipe.exists(place)
        pipe.multi()
        pipe.sadd(keys.QUEUES, encode(keys.queue(template.queue)))
        if is_new:
            pipe.rename(self._staged, place)
        else:
            for start in range(0, len(self._ids), _IN_ONE_COMMAND):
                ids = self._ids[start : start + _IN_ONE_COMMAND]
                if score == "":
                    pipe.rpush(place, *ids)
                else:
                    pipe.zadd(place, {one: float(score) + template.step * (start + n) for n, one in enumerate(ids)})
            pipe.unlink(self._staged)
        pipe.zrem(keys.STAGED, self._name)
        pipe.execute()

    def _tell(self) -> None:
        """Writes the event of jobs that wait in their queue now."""
        if self._template.score(datetime.now(UTC)) == "":
            source = Source(queue=self._template.queue, function=self._template.processor.name)
            with suppress(redis.RedisError, OSError):  # the jobs are in their queue
                events.emit(self._connection, events.EventKind.QUEUED, source, {"count": len(self._ids)})


def _watch(pipe: Pipeline, key: str | bytes) -> None:
    """Has the transaction fail where that key changes before it; from now on each command is sent at once, and answered."""
    pipe.watch(key)  # type: ignore[no-untyped-call]  # redis-py gives it no types


def sweep(connection: redis.Redis, idle: float = _ABANDONED) -> int:
    """Removes the batches of programs that are gone (no new job for `idle` seconds); returns how many it has removed.

    Raises redis.RedisError.
    """
    seconds, _ = connection.time()
    abandoned: Any = connection.zrangebyscore(keys.STAGED, "-inf", int(seconds) - idle)
    for batch in abandoned:
        _discard(connection, decode(batch))
    return len(abandoned)


def _discard(connection: redis.Redis, batch: str) -> None:
    while _DISCARD.run(connection, batch=batch, most=CHUNK):
        pass


def _chunks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    chunk: list[Row] = []
    size = 0
    for row in rows:
        chunk.append(row)
        size += len(row.data)
        if len(chunk) == CHUNK or size >= _CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
