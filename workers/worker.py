"""RQ's worker, which runs registered processors, stays up when Redis goes away, and sets unreadable jobs aside."""

# mypy: allow-untyped-calls
# (most methods of RQ's worker have no types)

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.process import BaseProcess
from typing import Any, ClassVar, Final
from uuid import uuid4

import redis
import rq
from redis.client import Pipeline
from rq.exceptions import StopRequested
from rq.executions import Execution
from rq.serializers import JSONSerializer
from rq.utils import now

from workers import keys
from workers.errors import Refused
from workers.job import Job, Policy
from workers.scheduler import Scheduler
from workers.unreadable import AWAY, set_aside

_FIRST_WAIT: Final = 0.5
_LONGEST_WAIT: Final = 30.0
"""Seconds between two beginnings of RQ's loop."""


def _default_name() -> str:
    """The host and the process, which a person recognizes, and what tells it from one that died under the same."""
    return f"{socket.gethostname()}.{os.getpid()}.{uuid4().hex[:4]}"


class Queue(rq.Queue):
    """RQ's queue; a job whose record cannot be read is set aside among the failed ones instead of ending the worker."""

    taking: ClassVar[bool] = False
    """True from when a job may have left its queue until its execution is on record: a stop must not cut in there."""

    @classmethod
    def lpop(cls, queue_keys: Sequence[str], timeout: int | None, connection: redis.Redis | None = None) -> Any:
        """The next entry of several queues."""
        return cls._taken(lambda: rq.Queue.lpop(queue_keys, timeout, connection))

    @classmethod
    def lmove(cls, connection: redis.Redis, queue_key: str, timeout: int | None) -> Any:
        """The next entry of one queue."""
        return cls._taken(lambda: rq.Queue.lmove(connection, queue_key, timeout))

    @staticmethod
    def _taken(pop: Callable[[], Any]) -> Any:
        Queue.taking = True
        entry = None
        try:
            entry = pop()
        finally:
            Queue.taking = entry is not None
        return entry

    @classmethod
    def _fetch_dequeued_job(
        cls, connection: redis.Redis, queue_key: str, job_id: str, *args: Any, **kwargs: Any
    ) -> tuple[rq.job.Job, rq.Queue] | None:
        try:
            fetched = super()._fetch_dequeued_job(connection, queue_key, job_id, *args, **kwargs)
            if fetched is not None:
                return fetched
            reason = "its record holds no data"
        except AWAY:
            raise
        except Exception as error:  # noqa: BLE001 - whatever the record holds, the next job must get its turn
            reason = f"{type(error).__name__}: {error}"
        set_aside(connection, queue_key.removeprefix(keys.QUEUE_PREFIX), job_id, reason)
        return None


class Worker(rq.Worker):
    """RQ's worker for JSON jobs of registered processors, and for whatever else its policy allows.

    A signal, SIGTERM or SIGINT, ends it after the running job; a second one, a second later, ends that too.
    """

    queue_class = Queue
    max_connection_wait_time = 5.0
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
        """Ends the worker after the running job, or the one that is just being taken."""
        self._leaving = True
        # RQ's handler raises StopRequested where no job runs: in between, a job would be in no list any more. Where
        # that is lost, in a finalizer for one, this is what RQ's loop looks at next.
        self._stop_requested = True
        if not Queue.taking:
            super().request_stop(signum, frame)
            return
        self._shutdown_requested_date = now()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.request_force_stop)

    def prepare_execution(self, job: rq.job.Job) -> Execution:
        """Puts on record that this worker runs the job."""
        execution = super().prepare_execution(job)
        Queue.taking = False
        return execution

    @property
    def dequeue_timeout(self) -> int:
        """Seconds that a pop may block: as long as a stop may have to wait."""
        return 1

    def set_shutdown_requested_date(self) -> None:
        """Notes for others that this worker is leaving; where Redis is away it leaves without."""
        with suppress(*AWAY):
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
        Queue.taking = False
        if self.scheduler:
            self.stop_scheduler()
        with suppress(redis.RedisError, OSError):
            self.register_death()
        self.unsubscribe()

    def _start_scheduler(self, burst: bool = False, *_: Any, **__: Any) -> None:
        """As RQ's, with a scheduler of ours: in burst it enqueues once what is due."""
        self.scheduler = scheduler = Scheduler(
            self.queues, connection=self.connection, logging_level=self.log.level, serializer=self.serializer
        )
        scheduler.acquire_locks()
        if not scheduler.acquired_locks:
            return
        if not burst:
            scheduler.start()
            return
        try:
            scheduler.enqueue_scheduled_jobs()
        finally:
            scheduler.release_locks()

    def stop_scheduler(self) -> None:
        """Ends the scheduler's process: asked again, as its first moments are deaf, and then made to.

        Its locks expire by themselves within about a minute.
        """
        process: BaseProcess | None = getattr(self.scheduler, "_process", None)
        for end in (*[BaseProcess.terminate] * 5, BaseProcess.kill):
            if process is None or not process.is_alive():
                return
            end(process)
            process.join(2)

    def unsubscribe(self) -> None:
        """Ends the thread that listens for commands, whether or not Redis can be told."""
        if self.pubsub_thread:
            self.pubsub_thread.stop()
            with suppress(redis.RedisError, OSError):
                super().unsubscribe()
            self.pubsub_thread = None

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        """A sign of life; where Redis is away the worker goes on without, as it may hold a job by now."""
        with suppress(*AWAY):
            super().heartbeat(timeout, pipeline)

    def set_state(self, state: str, pipeline: Pipeline | None = None) -> None:
        """What the worker is at, for others to see; where Redis is away it goes on without."""
        with suppress(*AWAY):
            super().set_state(state, pipeline)

    def maintain_heartbeats(self, job: rq.job.Job, execution: Execution) -> None:
        """A sign of life while a job runs; where Redis is away the job goes on without."""
        try:
            super().maintain_heartbeats(job, execution)
        except AWAY as error:
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
        while not self._stop_requested:
            taken = super().dequeue_job_and_maintain_ttl(timeout, None if timeout is None else self.dequeue_timeout)
            if taken is not None:
                return taken
            if timeout is None:
                self._leaving = True
                return None
        raise StopRequested

    def clean_registries(self) -> None:
        """RQ's maintenance; a record that it cannot read ends it until next time, not the worker."""
        try:
            super().clean_registries()
        except AWAY:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a record holds, the next job must get its turn
            self.log.error("Worker %s: maintenance ended early: %s: %s", self.name, type(error).__name__, error)
            self.last_cleaned_at = now()

    def handle_payload(self, message: Any) -> None:
        """A command for this worker; one that cannot be read is ignored, as the thread that listens would end."""
        try:
            super().handle_payload(message)
        except AWAY:
            raise
        except Exception as error:  # noqa: BLE001 - anybody can publish anything there
            self.log.error("Worker %s: a command cannot be read: %s: %s", self.name, type(error).__name__, error)
