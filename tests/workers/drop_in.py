"""Our worker as a program of RQ's names it: `rq worker --worker-class tests.workers.drop_in.Worker`."""

from __future__ import annotations

from ast import literal_eval
from typing import Any

import rq.job

from qtui_workers.engine import worker
from qtui_workers.engine.job import Policy

NAME = "tests.workers.drop_in"
_TABLE = bytes(range(255, -1, -1))


class Worker(worker.Worker):
    policy = Policy(("tests.workers.engine",), allow_pickle=True)

    def handle_work_horse_killed(self, job: Any, pid: int, status: int, usage: Any) -> None:
        self.connection.rpush("told", f"killed {job.id} {status} {usage.ru_maxrss > 0}")


class Strict(worker.Worker):
    """Runs registered processors only."""


class Recording(Worker):
    """Does around each job what RQ lets a subclass do."""

    def perform_job(self, job: Any, queue: Any, execution: Any) -> bool:
        self.connection.rpush("told", f"before {job.id}")
        return bool(super().perform_job(job, queue, execution))


class Changing(Worker):
    """Changes what a job is given."""

    def perform_job(self, job: Any, queue: Any, execution: Any) -> bool:
        job.kwargs["value"] = "changed"
        return bool(super().perform_job(job, queue, execution))


class Hooked(Worker):
    """Notes which of RQ's methods around a job are called, in their order."""

    def _note(self, method: str) -> None:
        self.connection.rpush("told", method)

    def reorder_queues(self, reference_queue: Any) -> None:
        self._note(f"reorder_queues {reference_queue.name}")
        super().reorder_queues(reference_queue)

    def perform_job(self, *arguments: Any, **named: Any) -> bool:
        self._note("perform_job")
        return bool(super().perform_job(*arguments, **named))

    def prepare_job_execution(self, *arguments: Any, **named: Any) -> None:
        self._note("prepare_job_execution")
        super().prepare_job_execution(*arguments, **named)

    def handle_exception(self, *arguments: Any) -> None:
        self._note("handle_exception")
        super().handle_exception(*arguments)

    def handle_job_success(self, *arguments: Any, **named: Any) -> None:
        self._note("handle_job_success")
        super().handle_job_success(*arguments, **named)

    def handle_job_failure(self, *arguments: Any, **named: Any) -> None:
        self._note("handle_job_failure")
        super().handle_job_failure(*arguments, **named)

    def handle_job_retry(self, *arguments: Any, **named: Any) -> None:
        self._note("handle_job_retry")
        super().handle_job_retry(*arguments, **named)

    def handle_execution_ended(self, *arguments: Any) -> None:
        self._note("handle_execution_ended")
        super().handle_execution_ended(*arguments)

    def register_birth(self) -> None:
        self._note("register_birth")
        super().register_birth()

    def run_maintenance_tasks(self) -> None:
        self._note("run_maintenance_tasks")
        super().run_maintenance_tasks()

    def subscribe(self) -> None:
        self._note("subscribe")
        super().subscribe()

    def teardown(self) -> None:
        self._note("teardown")
        super().teardown()


class Elsewhere(rq.Queue):
    redis_queue_namespace_prefix = "elsewhere:"


class ShoutingJob(rq.job.Job):
    def perform(self) -> Any:
        return str(super().perform()).upper()


class Inverted:
    """A serializer of the user's own."""

    @staticmethod
    def dumps(*values: Any) -> bytes:
        return repr(values[0]).encode().translate(_TABLE)

    @staticmethod
    def loads(data: bytes) -> Any:
        return literal_eval(data.translate(_TABLE).decode())


def note(job: Any, *error: Any) -> bool:
    job.connection.rpush("told", f"error {job.id} {error[0].__name__}")
    return True
