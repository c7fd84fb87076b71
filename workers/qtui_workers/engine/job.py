"""A job as our worker and producer see it: attempts are counted, and only what is allowed is imported or unpickled."""

# mypy: allow-untyped-calls
# (some methods of RQ have no types)

from __future__ import annotations

import asyncio
import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, ClassVar, Final, cast

import redis
import rq.job
from redis.client import Pipeline
from rq.exceptions import DeserializationError
from rq.queue import Queue
from rq.serializers import DefaultSerializer, JSONSerializer
from rq.types import FailureCallbackType, SuccessCallbackType
from rq.utils import import_attribute, import_job_class, now

from qtui_workers.define.coroutines import run_coroutine
from qtui_workers.define.decorator import Processor
from qtui_workers.define.discovery import discover
from qtui_workers.define.process_hooks import inside_hooks, prepare_process
from qtui_workers.define.unrecoverable import CannotRun, OtherVersion, Unrecoverable, not_retried
from qtui_workers.engine.process.attempt_usage import Usage
from qtui_workers.engine.rq_adapter import RqJob
from qtui_workers.errors import InvalidInput, Reschedule
from qtui_workers.reporting.job_recording import recording
from qtui_workers.server import keys
from qtui_workers.server.rq_format import decompress, parse_count, parse_datetime
from qtui_workers.text import decode, printable

_PICKLE: Final = b"\x80"
"""The first byte of every pickle of protocol 2 and later; JSON never begins with it."""


_TIMES: Final = tuple((name, name.encode()) for name in ("created_at", "enqueued_at", "started_at", "ended_at", "last_heartbeat"))
"""Fields that are read here, as RQ's own code takes as long for them as for all others together."""


_ATTEMPT: Final = keys.FIELD_ATTEMPT.encode()
_ATTEMPTS: Final = keys.FIELD_ATTEMPTS.encode()


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """What a job is going to call, as it was looked up."""

    name: Any
    function: Callable[..., Any]
    arguments: Sequence[Any]
    fields: Mapping[str, Any]
    payload: Any = None
    """The payload of a processor as its model; None where it is not one, or does not fit: then the call says why."""

    def run(self) -> Any:
        """Calls it; returns what it returned."""
        if isinstance(self.function, Processor) and self.payload is not None:
            return self.function.run_valid(self.payload)
        return self.function(*self.arguments, **self.fields)


class NotAllowed(CannotRun, Unrecoverable):
    """This worker does not run such a job."""


class Missing(CannotRun, ValueError):
    """An allowed function that is not installed here."""


class PickleRefused(CannotRun, Unrecoverable, DeserializationError):
    """This worker does not unpickle jobs."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a worker runs besides the registered processors."""

    allow: tuple[str, ...] = ()
    """Dotted prefixes of functions, such as `my_app.jobs`; they match whole words between dots."""
    allow_pickle: bool = False

    def allows(self, path: str) -> bool:
        """Whether a function of that dotted path may run."""
        return any(path == prefix or path.startswith(f"{prefix}.") for prefix in self.allow)


class Job(RqJob):
    """RQ's job, which counts its attempts, reads JSON (and pickles only by policy), and runs only what is allowed."""

    policy: ClassVar[Policy] = Policy()
    attempt: int = 0
    """Attempts begun so far, the running one included."""
    attempts: int | None = None
    """Attempts in all; None where the producer did not set them."""
    claimed: bool = False
    """Whether the running attempt has been counted by the script that took the job."""
    found: FunctionCall | BaseException | None = None
    """What is going to be called, or raised, where it was looked up already."""
    usage: Usage | None = None
    """What the attempt used, for RQ's own code to write; None: not known."""
    later: Reschedule | None = None
    """Set where the attempt that is ended wants to run again later, and is not to count."""
    surrounded: Callable[[Callable[[], Any]], Any] = staticmethod(lambda code: code())
    """Calls what runs the job."""
    starting: Callable[[Callable[..., Any]], AbstractContextManager[Any]] = staticmethod(lambda _: nullcontext())
    """Called with the function that is about to run, which runs inside the context; it does not run where this raises."""

    @classmethod
    def under(cls, policy: Policy, base: type[rq.job.Job] | str | None = None) -> type[Job]:
        """The class with that policy, derived also from `base`, a class of RQ's jobs or its dotted name."""
        base = import_job_class(base) if isinstance(base, str) else base or cls
        bases = (base,) if issubclass(base, cls) else (cls,) if issubclass(cls, base) else (cls, base)
        return cast(type[Job], type(base.__name__, bases, {"policy": policy}))

    def __eq__(self, other: object) -> bool:
        """As RQ's, but also for jobs of different classes."""
        return isinstance(other, rq.job.Job) and self.id == other.id

    __hash__ = rq.job.Job.__hash__

    # Reading

    def restore(self, raw_data: dict[Any, Any]) -> None:
        """Reads the hash; its data decides which of RQ's serializers is used, before anything else is decoded."""
        if self.serializer in (DefaultSerializer, JSONSerializer):
            pickled = self.policy.allow_pickle and decompress(raw_data.get(b"data", b""), 16)[0].startswith(_PICKLE)
            self.serializer = DefaultSerializer if pickled else JSONSerializer
        fields = dict(raw_data)
        times = [(name, raw) for name, field in _TIMES if (raw := fields.pop(field, b""))]
        super().restore(fields)
        for name, raw in times:
            setattr(self, name, _time(name, raw))
        self.attempt = parse_count(raw_data.get(_ATTEMPT)) or 0
        self.attempts = parse_count(raw_data.get(_ATTEMPTS))

    def to_dict(self, include_meta: bool = True, include_result: bool = True) -> dict[str, Any]:
        """RQ's fields and the number of attempts in all; that of attempts begun is left out, as Redis counts it."""
        fields: dict[str, Any] = super().to_dict(include_meta, include_result)
        return fields if self.attempts is None else fields | {keys.FIELD_ATTEMPTS: self.attempts}

    def deserialize_data(self) -> None:
        """As RQ's, where the policy allows it; raises PickleRefused where it does not."""
        if self.data.startswith(_PICKLE) and not self.policy.allow_pickle:
            self.retries_left = 0  # as `qtui_workers.define.unrecoverable.not_retried`
            raise PickleRefused(
                "the job is pickled, and unpickling can run any code: start the worker with --allow-pickle "
                "where all who enqueue are trusted"
            )
        super().deserialize_data()

    # Running

    def note_claim(self, worker_name: str, at: datetime) -> None:
        """Notes what the script that took the job has written since its record was read (`lua/step.lua`)."""
        self.worker_name = worker_name
        self.started_at = self.last_heartbeat = at
        self.note_status(rq.job.JobStatus.STARTED)
        self.attempt += 1
        self.claimed = True

    def prepare_for_execution(self, worker_name: str, pipeline: Pipeline) -> None:
        """RQ's bookkeeping at the start of an attempt; counts it, and removes the progress of the one before."""
        super().prepare_for_execution(worker_name, pipeline)
        if self.claimed:
            return
        self.attempt += 1
        pipeline.hincrby(self.key, keys.FIELD_ATTEMPT, 1)
        pipeline.hdel(self.key, keys.FIELD_PROGRESS)

    def find_call(self) -> FunctionCall:
        """The function and its arguments; may import modules, and raises whatever that raises.

        Then calls what the modules want to be called once in each process. Raises CannotRun where this worker cannot run it.
        """
        function, args, kwargs = self.func, self.args, self.kwargs
        payload = _valid(function, kwargs) if isinstance(function, Processor) and not args else None
        prepare_process()
        return FunctionCall(self.func_name, function, tuple(args), dict(kwargs), payload)

    @property
    def should_retry(self) -> bool:
        """As RQ's, but also where the attempt does not count."""
        return self.later is not None or super().should_retry

    def retry(self, queue: Queue, pipeline: Pipeline) -> None:
        """As RQ's; where the attempt does not count, the job is scheduled with as many attempts as before."""
        if self.later is None:
            super().retry(queue, pipeline)
        elif self.get_status() is rq.job.JobStatus.STARTED:  # it may have been canceled while it ran
            self.set_status(rq.job.JobStatus.SCHEDULED, pipeline=pipeline)
            queue.schedule_job(self, now() + timedelta(seconds=self.later.seconds), pipeline=pipeline)
            pipeline.hincrby(self.key, keys.FIELD_ATTEMPT, -1)

    def perform(self) -> Any:
        """Runs the job as RQ does; what it changes in its process is put back when it has ended."""
        return self.surrounded(super().perform)

    def call_function(self) -> Any:
        """Calls the job's function, while what it logs and prints is recorded."""
        with recording(self), inside_hooks(self):
            call = self._call_as_found() or self.find_call()
            # A processor enters `starting` itself, once it has validated the payload.
            with nullcontext() if isinstance(call.function, Processor) else self.starting(call.function) as begun:
                result = call.run()
                if inspect.iscoroutine(result):
                    return run_coroutine(result, begun)
                # Python 3.11 counts a generator as one: it fails, as under RQ.
                return asyncio.run(result) if asyncio.iscoroutine(result) else result

    def _call_as_found(self) -> FunctionCall | None:
        """What was looked up; None where there is nothing, or the job was changed since. Raises what looking it up has raised."""
        found = self.found
        if isinstance(found, BaseException):
            raise found
        if found is None or (found.name, found.arguments, found.fields) != (self.func_name, tuple(self.args), dict(self.kwargs)):
            return None
        return found

    def result_fields(self) -> dict[str, str]:
        """As the script that ends plain jobs writes them (`lua/ending.lua`)."""
        return {} if self.usage is None else {keys.FIELD_USED: self.usage.text}

    @property
    def func(self) -> Callable[..., Any]:
        """What to call: a registered processor, or a function that the policy allows.

        Raises NotAllowed otherwise, also where a callback is not allowed; the job is not retried then.
        """
        with not_retried(self):
            return self._function()

    def _function(self) -> Callable[..., Any]:
        name = self.func_name if isinstance(self.func_name, str) else ""
        processor = _registered(name) if self.instance is None else None
        for callback in (self.success_callback_name, self.failure_callback_name, self.stopped_callback_name):
            if callback and not self.policy.allows(callback):
                raise _refusal(f"the callback {printable(callback, 200)}", self.policy)
        return processor or self._allowed(name)

    def _allowed(self, name: str) -> Callable[..., Any]:
        instance = self.instance
        kind = type(instance)
        path = name if instance is None else f"{kind.__module__}.{kind.__qualname__}.{name}"
        shown = printable(path, 200)
        if instance is not None and self.serializer is JSONSerializer:
            raise NotAllowed(f"{shown} is a method of plain data; a job names a processor or a function")
        if not self.policy.allows(path):
            raise _refusal(shown, self.policy)
        if instance is not None:
            return _callable(getattr(instance, name), shown)
        return _imported(name, self.policy)

    # RQ calls these also where the job itself was refused, or where its worker was lost.

    @property
    def success_callback(self) -> SuccessCallbackType | None:
        """RQ's, or None where the policy does not allow it."""
        return super().success_callback if self._may_call(self.success_callback_name) else None

    @property
    def failure_callback(self) -> FailureCallbackType | None:
        """RQ's, or None where the policy does not allow it."""
        return super().failure_callback if self._may_call(self.failure_callback_name) else None

    @property
    def stopped_callback(self) -> Callable[[rq.job.Job, redis.Redis], Any] | None:
        """RQ's, or None where the policy does not allow it."""
        return super().stopped_callback if self._may_call(self.stopped_callback_name) else None

    def _may_call(self, name: str | None) -> bool:
        return name is not None and self.policy.allows(name)


def _registered(path: str) -> Processor[Any, Any] | None:
    try:
        return discover().by_path.get(path)
    except InvalidInput as error:
        raise NotAllowed(f"this worker cannot read its processors: {error}") from error


def _valid(processor: Processor[Any, Any], fields: Mapping[str, Any]) -> Any:
    """The payload as its model; None where it does not fit: its call says why.

    Raises OtherVersion where another version of the processor may accept it.
    """
    try:
        return processor.validate(fields)
    except InvalidInput as error:
        if error.other_version:
            raise OtherVersion(str(error), error.fields) from None
        return None


def _refusal(what: str, policy: Policy) -> NotAllowed:
    allowed = ", ".join(policy.allow) or "nothing else"
    broken = "".join(f"; {module} could not be imported: {reason}" for module, reason in discover().broken.items())
    return NotAllowed(
        f"{what} is no registered processor, and this worker allows {allowed}: name its module in QTUI_PROCESSORS, "
        f"or start the worker with --allow{broken}"
    )


@lru_cache(maxsize=1_000)
def _imported(name: str, policy: Policy) -> Callable[..., Any]:
    """The function of that allowed name; raises NotAllowed, and whatever importing raises."""
    shown = printable(name, 200)
    try:
        function = _callable(import_attribute(name), shown)
    except InvalidInput:  # a ValueError too: an option of a processor that this module declares
        raise
    except ValueError as error:
        why = _not_found(name)
        if why:
            raise Missing(f"{error} ({why})") from None
        raise
    # A module's attributes include what it imports: `my_app.jobs.os.system` is under `my_app.jobs` by name only.
    home = f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', '')}"
    if not policy.allows(home):
        raise NotAllowed(f"{shown} is really {printable(home, 200)}, which this worker does not allow")
    return function


def _not_found(name: str) -> str:
    """Why RQ did not find a function. RQ does not report it, as it takes a module that cannot be imported for a class."""
    module, _, attribute = name.rpartition(".")
    try:
        found = importlib.import_module(module) if module else None
    except ImportError as error:
        why = printable(str(error), 200)
        return f"cannot import {printable(module, 200)} ({why}): is its folder on PYTHONPATH, or --path?"
    return "" if hasattr(found, attribute) else f"there is no {printable(attribute, 100)} in {printable(module, 200)}"


def _callable(value: Any, shown: str) -> Callable[..., Any]:
    if not callable(value):
        raise NotAllowed(f"{shown} is not a function")
    return cast(Callable[..., Any], value)


def _time(name: str, raw: bytes) -> datetime:
    moment = parse_datetime(raw)
    if moment is None:
        raise ValueError(f"{name} is no time: {printable(decode(raw), 60)}")
    return moment
