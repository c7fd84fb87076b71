"""What the engine assumes of RQ's and redis-py's private names, held against the installed versions."""

from __future__ import annotations

import ast
import inspect
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import pytest
import redis
import rq
import rq.worker
from rq import Callback, Queue, Retry
from rq.executions import Execution
from rq.job import Job, JobStatus
from rq.scheduler import RQScheduler
from rq.worker import DequeueStrategy
from rq.worker.base import WorkerStatus

from qtui_workers.engine import rq_adapter
from qtui_workers.engine.rq_adapter import (
    RqJob,
    RqScheduler,
    RqWorker,
    WorkerInternals,
    new_execution,
    open_socket,
    scheduler_process,
)
from qtui_workers.server import wire
from tests.workers import engine

ROOT = Path(__file__).parent.parent.parent
ADAPTERS = (Path(rq_adapter.__file__), Path(wire.__file__))
SOURCES = [path for room in ("qtui", "workers") for path in (ROOT / room).rglob("*.py") if path not in ADAPTERS]


class Worker(RqWorker):
    """Notes which of its methods RQ calls."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.called: list[str] = []

    def execute_job(self, job: Job, queue: Queue) -> None:
        self.perform_job(job, queue, self.prepare_execution(job))

    def kill_horse(self, *_: Any) -> None:
        """There is none."""

    def finalize_success(self, *arguments: Any) -> None:
        self.called.append("finalize_success")
        super().finalize_success(*arguments)

    def finalize_failure(self, *arguments: Any) -> None:
        self.called.append("finalize_failure")
        super().finalize_failure(*arguments)

    def start_scheduler(self, *, burst: bool) -> None:
        self.called.append(f"start_scheduler burst={burst}")
        super().start_scheduler(burst=burst)


@pytest.fixture
def queue(client: redis.Redis) -> Queue:
    return Queue(connection=client)


@pytest.fixture
def worker(queue: Queue) -> Worker:
    return Worker([queue, "other"], connection=queue.connection)


@pytest.fixture
def internals(worker: Worker) -> WorkerInternals:
    return WorkerInternals(worker)


@pytest.fixture
def signals() -> Iterator[None]:
    """A worker in this very process leaves no handlers behind."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


def test_rq_calls_the_hooks_of_a_job_s_end_and_of_the_scheduler(worker: Worker, queue: Queue, signals: None) -> None:
    good, bad = queue.enqueue(engine.give, 1), queue.enqueue(engine.fail)
    worker.work(burst=True, with_scheduler=True)
    assert worker.called == ["start_scheduler burst=True", "finalize_success", "finalize_failure"]
    assert worker.scheduler is not None, "RQ's own method was called"
    assert (good.get_status(), bad.get_status()) == ("finished", "failed")


def test_the_internals_call_what_a_subclass_has_in_place_of_rq_s_methods(queue: Queue) -> None:
    class Users(rq.Worker):
        called: tuple[str, ...] = ()

        def _start_scheduler(self, *arguments: Any, **named: Any) -> None:
            self.called += ("start_scheduler",)

        def _install_signal_handlers(self) -> None:
            self.called += ("install_signal_handlers",)

        def _handle_stopped_job(self, *arguments: Any) -> None:
            self.called += ("handle_stopped_job",)

    worker, job = Users([queue], connection=queue.connection), Job.create(engine.give, connection=queue.connection)
    internals, execution = WorkerInternals(worker), Execution("e", job.id, queue.connection)
    internals.start_scheduler(burst=True)
    internals.install_signal_handlers()
    internals.handle_stopped_job(job, queue, execution)
    assert worker.called == ("start_scheduler", "install_signal_handlers", "handle_stopped_job")


def test_a_stopped_job_is_ended_as_such(worker: Worker, internals: WorkerInternals, queue: Queue) -> None:
    job = queue.enqueue(engine.give, 1, on_stopped=Callback(engine.on_stopped))
    execution = worker.prepare_execution(job)
    worker.executions[execution.id] = execution
    assert internals.stopped_job_id is None
    worker.request_stop_execution(execution.id)
    assert internals.stopped_job_id == job.id
    job.ended_at = datetime.now(UTC)
    internals.handle_stopped_job(job, queue, execution)
    assert job.get_status() == JobStatus.STOPPED
    assert queue.connection.lrange("callbacks", 0, -1) == [f"stopped {job.id}".encode()]
    assert internals.stopped_job_id is None


def test_forgetting_a_stopped_job_keeps_it_from_being_ended_as_such(
    worker: Worker, internals: WorkerInternals, queue: Queue
) -> None:
    job = queue.enqueue(engine.give, 1)
    execution = worker.prepare_execution(job)
    worker.executions[execution.id] = execution
    worker.request_stop_execution(execution.id)
    internals.note_stopped_job(None)
    worker.handle_job_failure(job, queue, exc_string="as told", execution=execution)
    assert job.get_status() == JobStatus.FAILED


def test_a_stop_that_rq_notes_is_seen_and_ours_ends_rq_s_loop(
    worker: Worker, internals: WorkerInternals, queue: Queue, signals: None
) -> None:
    assert (internals.stop_requested, internals.stop_requested_at) == (False, None)
    worker.register_birth()
    worker.set_state(WorkerStatus.BUSY)
    worker.request_stop(signal.SIGTERM, None)
    assert internals.stop_requested
    assert internals.stop_requested_at is not None

    other = Worker([queue], connection=queue.connection)
    at = datetime.now(UTC)
    WorkerInternals(other).note_stop_requested(at)
    queue.enqueue(engine.give, 1)
    assert not other.work(burst=True)
    other.set_shutdown_requested_date()
    assert other.shutdown_requested_date == at


def test_status_and_horse_are_what_rq_says_and_nothing_is_written(worker: Worker, internals: WorkerInternals) -> None:
    internals.note_status(WorkerStatus.BUSY)
    internals.note_horse(4711)
    internals.become_horse()
    assert (worker.get_state(), worker.horse_pid, worker.is_horse) == ("busy", 4711, True)
    assert not worker.connection.exists(worker.key)


def test_queues_are_reordered_by_the_strategy(worker: Worker, internals: WorkerInternals, queue: Queue) -> None:
    first, second = worker.queues
    internals.order_queues([second, first])
    worker.reorder_queues(second)
    assert internals.ordered_queues == [second, first], "by default they stay as they are"
    internals.set_dequeue_strategy(DequeueStrategy.ROUND_ROBIN)
    worker.reorder_queues(second)
    assert internals.ordered_queues == [first, second]


def test_exception_handlers_are_called_and_nothing_is_logged(
    worker: Worker, queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Any] = []
    worker.push_exc_handler(lambda *given: seen.append(given))
    job, error = queue.enqueue(engine.fail), ValueError("x")
    worker.handle_exception_silently(job, (ValueError, error, None))
    assert seen == [(job, ValueError, error, None)]
    assert [record for record in caplog.records if job.id in record.getMessage()] == []


@pytest.mark.parametrize("retries", [0, 1])
def test_what_a_tool_has_put_around_the_end_of_jobs_is_called_and_nothing_is_written(
    worker: Worker, queue: Queue, client: redis.Redis, monkeypatch: pytest.MonkeyPatch, retries: int
) -> None:
    job = queue.enqueue(engine.give, 1, retry=Retry(max=retries) if retries else None)
    execution = Execution("e", job.id, queue.connection)
    called: list[str] = []

    def wrapped(name: str) -> Any:
        method = getattr(rq.Worker, name)

        def wrapper(self: Any, *arguments: Any, **named: Any) -> Any:
            called.append(f"{name} of {named['job'].id} begins")
            method(self, *arguments, **named)
            called.append("ends")

        return wrapper

    worker.report_success(job, queue, execution)
    worker.report_failure(job, queue, execution, "ValueError: x")
    names = ("handle_job_success", "handle_job_failure")
    for name in names:
        monkeypatch.setattr(rq.Worker, name, wrapped(name))
    before = {key: client.dump(key) for key in client.scan_iter()}
    worker.report_success(job, queue, execution)
    worker.report_failure(job, queue, execution, "ValueError: x")
    assert called == [line for name in names for line in (f"{name} of {job.id} begins", "ends")]
    assert {key: client.dump(key) for key in client.scan_iter()} == before


def test_signals_request_a_stop(worker: Worker, internals: WorkerInternals, signals: None) -> None:
    internals.install_signal_handlers()
    assert {signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)} == {worker.request_stop}


def test_rq_reads_and_calls_a_job_by_the_hooks(queue: Queue) -> None:
    class Noting(RqJob):
        called: tuple[str, ...] = ()

        def deserialize_data(self) -> None:
            self.called += ("deserialize_data",)
            super().deserialize_data()

        def call_function(self) -> Any:
            self.called += ("call_function",)
            return super().call_function()

    job = Noting.fetch(queue.enqueue(engine.give, 7).id, connection=queue.connection)
    assert (job.perform(), job.called) == (7, ("call_function", "deserialize_data"))


def test_the_status_of_a_job_is_noted_in_memory_only(queue: Queue) -> None:
    job = RqJob.fetch(queue.enqueue(engine.give, 7).id, connection=queue.connection)
    job.note_status(JobStatus.STARTED)
    assert (job.get_status(refresh=False), job.get_status()) == ("started", "queued")


def test_the_names_of_callbacks_are_known_without_importing_them(queue: Queue) -> None:
    callbacks = {f"on_{end}": Callback(f"no.such.{end}") for end in ("success", "failure", "stopped")}
    job = RqJob.fetch(queue.enqueue(engine.give, 7, **callbacks).id, connection=queue.connection)
    names = (job.success_callback_name, job.failure_callback_name, job.stopped_callback_name)
    assert names == ("no.such.success", "no.such.failure", "no.such.stopped")
    plain = RqJob.fetch(queue.enqueue(engine.give, 7).id, connection=queue.connection)
    assert (plain.success_callback_name, plain.failure_callback_name, plain.stopped_callback_name) == (None, None, None)


def test_an_execution_is_as_rq_reads_its_record_and_knows_its_job(worker: Worker, queue: Queue) -> None:
    job = queue.enqueue(engine.give, 7)
    begun = worker.prepare_execution(job)
    made = new_execution(begun.id, job.id, queue.connection, worker.name, begun.created_at, job)
    assert {**vars(made)} == {**vars(begun)}
    assert made.job is job


def test_the_parts_of_a_scheduler(queue: Queue) -> None:
    scheduler = RqScheduler([queue], connection=queue.connection, interval=1)
    assert scheduler_process(None) is scheduler_process(scheduler) is None
    assert (scheduler.stop_requested, scheduler.queue_names) == (False, [queue.name])
    scheduler.note_locks({"other"})
    assert scheduler.acquired_locks == {"other"}
    scheduler.request_stop()
    assert scheduler.stop_requested
    assert scheduler.acquire_locks(auto_start=True) == {queue.name}
    process = scheduler_process(scheduler)
    assert process is not None
    process.join(20)  # it was requested to stop before it began
    assert process.exitcode == 0


def test_the_replies_of_a_connection(client: redis.Redis) -> None:
    connection = client.connection_pool.get_connection()
    connection.send_packed_command(connection.pack_commands([("PING",)] * 100))
    assert connection.read_response() in (b"PONG", "PONG")
    assert wire.reply_taker(connection)() in (b"PONG", "PONG"), "they arrive together"
    connection.disconnect()
    client.connection_pool.release(connection)
    assert wire.reply_taker(None)() not in (None, b"", "")


def test_the_socket_of_a_connection(client: redis.Redis) -> None:
    connection = client.connection_pool.get_connection()
    opened = open_socket(connection)
    assert opened is not None
    assert opened.fileno() > 0
    connection.disconnect()
    client.connection_pool.release(connection)
    assert open_socket(connection) is open_socket(None) is None
    pubsub = client.pubsub()
    pubsub.subscribe("channel")
    assert open_socket(pubsub.connection) is not None
    pubsub.close()


@cache
def private_names(module: str) -> frozenset[str]:
    """What a package keeps private: the names of methods, attributes and functions with one underscore."""
    package = import_module(module)
    names: set[str] = set()
    for found in walk_packages(package.__path__, f"{module}."):
        file = Path(package.__path__[0]).joinpath(*found.name.split(".")[1:])
        source = file / "__init__.py" if file.is_dir() else file.with_suffix(".py")
        for node in ast.walk(ast.parse(source.read_text("utf-8"))):
            if isinstance(node, ast.Attribute):
                names.add(node.attr)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                names.add(node.name)
    return frozenset(name for name in names if name.startswith("_") and not name.startswith("__"))


def is_own(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")


def uses_on_others(path: Path) -> Iterator[tuple[int, str]]:
    """Names that a file uses on something else than its own object, with their lines."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Attribute) and not is_own(node):
            yield node.lineno, node.attr
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("getattr", "setattr", "hasattr", "delattr"):
            yield from ((node.lineno, str(one.value)) for one in node.args if isinstance(one, ast.Constant))


def defined_in(path: Path) -> set[str]:
    """The names that a file itself gives to functions, methods and attributes."""
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    functions = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    stored = {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and is_own(node)}
    return functions | stored


ALLOWED = {"_current_frames", "_exit", "_mapping"}
"""Of Python's `sys` and `os`, and of SQLAlchemy's rows, whose documentation has it."""


def test_no_other_file_uses_a_private_name_of_an_object_of_rq_s_or_redis_py_s() -> None:
    private = (private_names("rq") | private_names("redis")) - ALLOWED
    wrong = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in SOURCES
        for forbidden in [private - defined_in(path)]
        for line, name in uses_on_others(path)
        if name in forbidden
    ]
    assert not wrong, "\n".join(wrong)


def our_classes(base: type) -> list[type]:
    """Our subclasses of a class of RQ's, those of the adapter aside."""
    found = [one for kind in base.__subclasses__() for one in (kind, *our_classes(kind))]
    ours = [one for one in found if one.__module__.startswith(("qtui.", "qtui_workers."))]
    return [one for one in ours if one.__module__ != rq_adapter.__name__]


@pytest.mark.parametrize("base", [rq.worker.BaseWorker, Job, RQScheduler, Queue, Execution])
def test_no_subclass_has_or_uses_a_private_name_of_rq_s(base: type) -> None:
    """A name of its own must not be one of RQ's either: it would take its place."""
    import_module("qtui_workers.engine.worker")
    private = private_names("rq")
    for one in our_classes(base):
        used = {
            node.attr if isinstance(node, ast.Attribute) else node.name
            for node in ast.walk(ast.parse(inspect.getsource(one)))
            if isinstance(node, ast.Attribute | ast.FunctionDef)
        }
        assert not used & private, one
