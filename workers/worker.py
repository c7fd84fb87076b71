"""RQ's worker, which runs registered processors, stays up when Redis goes away, and sets unreadable jobs aside."""

# mypy: allow-untyped-calls
# (most methods of RQ's worker have no types)

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final
from uuid import uuid4

import redis
import rq
from rq.exceptions import StopRequested
from rq.executions import Execution
from rq.registry import FailedJobRegistry
from rq.results import Result
from rq.serializers import JSONSerializer
from rq.utils import now, utcformat

from workers import keys
from workers.errors import Refused
from workers.job import Job, Policy
from workers.text import printable

log = logging.getLogger("rq.worker")

_AWAY: Final = (redis.ConnectionError, redis.TimeoutError, OSError)
_FIRST_WAIT: Final = 0.5
_LONGEST_WAIT: Final = 30.0
"""Seconds between two beginnings of RQ's loop."""
_UNREADABLE_TTL: Final = 30 * 86_400


def _default_name() -> str:
    """The host and the process, which a person recognizes, and what tells it from one that died under the same."""
    return f"{socket.gethostname()}.{os.getpid()}.{uuid4().hex[:4]}"


class Queue(rq.Queue):
    """RQ's queue; a job whose record cannot be read is set aside among the failed ones instead of ending the worker."""

    @classmethod
    def _fetch_dequeued_job(
        cls, connection: redis.Redis, queue_key: str, job_id: str, *args: Any, **kwargs: Any
    ) -> tuple[rq.job.Job, rq.Queue] | None:
        try:
            fetched = super()._fetch_dequeued_job(connection, queue_key, job_id, *args, **kwargs)
            if fetched is not None:
                return fetched
            reason = "its record holds no data"
        except _AWAY:
            raise
        except Exception as error:  # noqa: BLE001 - whatever the record holds, the next job must get its turn
            reason = f"{type(error).__name__}: {error}"
        _set_aside(connection, queue_key.removeprefix(keys.QUEUE_PREFIX), job_id, reason)
        return None


def _set_aside(connection: redis.Redis, queue: str, job_id: str, reason: str) -> None:
    """Puts a job that cannot be read among the failed ones, with the reason as its traceback; forgets one that is gone."""
    kind = connection.type(keys.job(job_id))
    if kind == b"none":
        connection.lrem(keys.intermediate(queue), 1, job_id)
        return
    sentence = f"qtui: the job's record cannot be read ({printable(reason, 300)})"
    log.error("job %s: %s; it is now among the failed jobs of %s", printable(job_id, 80), sentence, queue)
    failed = FailedJobRegistry(queue, connection=connection, serializer=JSONSerializer)
    result = Result(job_id, Result.Type.FAILED, connection, exc_string=sentence, serializer=JSONSerializer)
    with connection.pipeline(transaction=True) as pipe:
        pipe.zadd(failed.key, {job_id: time.time() + _UNREADABLE_TTL})
        pipe.lrem(keys.intermediate(queue), 1, job_id)
        result.save(ttl=_UNREADABLE_TTL, pipeline=pipe)
        if kind == b"hash":
            pipe.hset(keys.job(job_id), mapping={"status": "failed", "ended_at": utcformat(now())})
        pipe.execute()


class Worker(rq.Worker):
    """RQ's worker for JSON jobs of registered processors, and for whatever else its policy allows.

    A signal, SIGTERM or SIGINT, ends it after the running job; a second one, a second later, ends that too.
    """

    queue_class = Queue
    pubsub_thread: Any  # RQ declares these two as None only
    last_cleaned_at: Any

    def __init__(
        self,
        queues: Sequence[str],
        *,
        connection: redis.Redis,
        name: str | None = None,
        policy: Policy | None = None,
    ) -> None:
        self._leaving = False
        super().__init__(
            list(queues),
            name=name or _default_name(),
            connection=connection,
            job_class=Job.under(policy or Policy()),
            serializer=JSONSerializer,
        )

    def run(self, *, burst: bool = False) -> None:
        """Works, with the scheduler, until asked to stop; in burst, until the queues are empty.

        Where RQ's own loop ends because of an error, of Redis or of its own, this begins it anew after a wait.
        Raises Refused where a worker of that name is there already.
        """
        self._install_signal_handlers()
        wait = _FIRST_WAIT
        with suppress(StopRequested):
            begun = time.monotonic()
            while self._work_once(burst):
                lasted = time.monotonic() - begun
                time.sleep(wait)
                wait = _FIRST_WAIT if lasted > _LONGEST_WAIT else min(wait * 2, _LONGEST_WAIT)
                begun = time.monotonic()

    def _work_once(self, burst: bool) -> bool:
        """RQ's loop until it ends; whether it should begin again."""
        try:
            self.work(burst=burst, with_scheduler=True)
        except StopRequested:
            self.teardown()
        except (redis.RedisError, OSError) as error:
            self.log.warning("Worker %s: Redis is away, waiting for it: %s", self.name, error)
            self.teardown()
        return not self._leaving

    # What RQ calls

    def request_stop(self, signum: int, frame: Any) -> None:
        """Ends the worker after the running job."""
        self._leaving = True
        super().request_stop(signum, frame)

    def set_shutdown_requested_date(self) -> None:
        """Notes for others that this worker is leaving; where Redis is away it leaves without."""
        with suppress(*_AWAY):
            super().set_shutdown_requested_date()

    def register_birth(self) -> None:
        """Enters this worker in the list of workers; its own entry of before a lost connection is replaced."""
        if self.birth_date is not None:
            self.connection.delete(self.key)
        try:
            super().register_birth()
        except ValueError:
            raise Refused(f"a worker named '{self.name}' is there already: choose another --name") from None

    def teardown(self) -> None:
        """Says farewell, as far as Redis can still be told."""
        if self.is_horse:
            return
        if self.scheduler:
            self.stop_scheduler()
        with suppress(redis.RedisError, OSError):
            self.register_death()
        self.unsubscribe()

    def unsubscribe(self) -> None:
        """Ends the thread that listens for commands, whether or not Redis can be told."""
        if self.pubsub_thread:
            self.pubsub_thread.stop()
            with suppress(redis.RedisError, OSError):
                super().unsubscribe()
            self.pubsub_thread = None

    def maintain_heartbeats(self, job: rq.job.Job, execution: Execution) -> None:
        """A sign of life while a job runs; where Redis is away the job goes on without."""
        try:
            super().maintain_heartbeats(job, execution)
        except _AWAY as error:
            self.log.warning("Worker %s: no heartbeat could be sent: %s", self.name, error)

    def check_for_suspension(self, burst: bool) -> None:
        """Waits while workers are suspended; in burst that ends this one."""
        try:
            super().check_for_suspension(burst)
        except StopRequested:
            self._leaving = True
            raise

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[rq.job.Job, rq.Queue] | None:
        """The next job; in burst None where the queues are empty, which ends this worker."""
        taken = super().dequeue_job_and_maintain_ttl(timeout, max_idle_time)
        self._leaving = self._leaving or taken is None
        return taken

    def clean_registries(self) -> None:
        """RQ's maintenance; a record that it cannot read ends it until next time, not the worker."""
        try:
            super().clean_registries()
        except _AWAY:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a record holds, the next job must get its turn
            self.log.error("Worker %s: maintenance ended early: %s: %s", self.name, type(error).__name__, error)
            self.last_cleaned_at = now()

    def handle_payload(self, message: Any) -> None:
        """A command for this worker; one that cannot be read is ignored, as the thread that listens would end."""
        try:
            super().handle_payload(message)
        except _AWAY:
            raise
        except Exception as error:  # noqa: BLE001 - anybody can publish anything there
            self.log.error("Worker %s: a command cannot be read: %s: %s", self.name, type(error).__name__, error)
