"""`@processor`: a function with a typed payload and a typed result becomes something that can be enqueued."""

from __future__ import annotations

import difflib
import inspect
import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar, Final, Generic, TypeVar, get_args, get_type_hints, overload

from pydantic import BaseModel, ConfigDict, SecretBytes, SecretStr, ValidationError
from rq import Webhook, get_current_job

from qtui_workers.define.backoff import Backoff, as_backoff
from qtui_workers.define.durations import Duration, checked
from qtui_workers.define.limit import Limit
from qtui_workers.define.schedule import Schedule, as_schedule
from qtui_workers.define.unrecoverable import not_retried
from qtui_workers.errors import InvalidInput
from qtui_workers.naming import Priority, check_name, check_priority, with_priority
from qtui_workers.reporting.job_recording import recording
from qtui_workers.text import printable
from qtui_workers.validation import field_of, reason

MAIN_QUEUE: Final = "main-queue"
"""Where jobs go when nothing else is said."""


class Payload(BaseModel):
    """What a processor is given: unknown fields are refused, as are infinite numbers, and nothing changes it later."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


P = TypeVar("P", bound=BaseModel)
R = TypeVar("R", bound=BaseModel)
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How jobs of a processor run, where whoever enqueues them says nothing else."""

    attempts: int | None = None
    """In all, the first one included; None: one more than JOB_MAX_RETRIES, and 1 where that is not set."""
    backoff: Backoff
    timeout: timedelta
    """How long one attempt may take."""
    result_ttl: timedelta
    """How long a finished job and its result are kept."""
    failure_ttl: timedelta
    """How long a failed job is kept."""
    keep_finished: int | None = None
    """At most so many finished jobs of the queue are kept, the newest; None: as many as `result_ttl` lets."""
    keep_failed: int | None = None
    """At most so many failed jobs of the queue are kept, the newest; None: as many as `failure_ttl` lets."""
    schedule: Schedule | None = None
    """When it is enqueued by itself, with an empty payload."""
    concurrency: int | None = None
    """At most so many of its jobs are queued or running at a time, the others wait (`rq.rate_limit.RateLimit`)."""
    webhooks: tuple[Webhook, ...] = ()
    """What RQ calls when a job has finished or failed (`rq.Webhook`)."""
    limit: Limit | None = None
    """How many jobs of the processor's queue and its -high and -low may start in a length of time, whosever they are."""
    priority: Priority = "normal"
    """Which of its queues a job goes to: the processor's queue itself, or that of `high` or `low`."""
    delay: timedelta = timedelta()
    """How long a job waits before it may run; one that is enqueued by its schedule does not."""

    def usual_attempts(self, retries: int | None) -> int:
        """How many attempts a job has where nobody says; `retries`: those of JOB_MAX_RETRIES, None where it is not set."""
        return self.attempts or (retries or 0) + 1


class Processor(Generic[P, R]):
    """A function that works on jobs, with the types of its payload and result, its queue and its options."""

    __test__: ClassVar[bool] = False
    """Keeps pytest from taking one whose name begins with `test` for a test."""

    def __init__(self, function: Callable[[P], R], *, name: str | None, queue: str, options: Options) -> None:
        self.function = function
        self.name = name or function.__name__
        self.path = f"{function.__module__}.{function.__qualname__}"
        """What RQ imports."""
        self.payload, self.result = _types(function)
        self.secrets = secret_fields(self.payload)
        """The payload's fields that are never shown."""
        self.queue = queue
        self.options = options
        if options.schedule:
            self.validate(None, f"{self.name} is enqueued by itself with an empty payload, whose")
        self.summary = (inspect.getdoc(function) or "").partition("\n")[0]
        self.__doc__ = function.__doc__
        self.__module__ = function.__module__
        self.__name__ = function.__name__
        self.__qualname__ = function.__qualname__

    def __repr__(self) -> str:
        return f"<Processor {self.name} of {self.payload.__name__} on {self.queue}>"

    def validate(self, payload: Mapping[str, Any] | BaseModel | None, what: str = "payload") -> P:
        """The payload as its model; InvalidInput with a sentence per bad field where it does not fit."""
        return validate(self.payload, payload, what)

    def written(self, payload: BaseModel) -> bytes:
        """A payload as JSON, as the job gets it: its secrets too, which pydantic would write as asterisks."""
        if not self.secrets:
            return payload.model_dump_json().encode()
        plain = payload.model_dump(mode="json")
        secrets = {name: getattr(payload, name) for name in self.secrets}
        return json.dumps(plain | {name: _told(secret) for name, secret in secrets.items()}, ensure_ascii=False).encode()

    @overload
    def __call__(self, payload: P, /) -> R: ...

    @overload
    def __call__(self, /, **fields: Any) -> Any: ...

    def __call__(self, payload: P | None = None, /, **fields: Any) -> Any:
        """Runs the function right here: with the payload as its model it returns the result as its model, which is how a test
        calls it; with the payload's fields, which is how RQ calls it, plain JSON data.

        Raises InvalidInput where the fields do not fit, TypeError where the function returns something else than it says,
        and whatever the function raises.
        """
        if payload is not None and (fields or not isinstance(payload, self.payload)):
            raise TypeError(f"call {self.name} with one {self.payload.__name__}, or with its fields by their names")
        job = get_current_job()
        with not_retried(job), recording(job):
            valid = self.validate(fields) if payload is None else payload
            with getattr(job, "starting", nullcontext)(self.function):
                result = self.function(valid)
        if not isinstance(result, self.result):
            raise TypeError(f"{self.name} must return a {self.result.__name__}, not {type(result).__name__}")
        return result.model_dump(mode="json") if payload is None else result


def processor(
    *,
    queue: str = MAIN_QUEUE,
    name: str | None = None,
    attempts: int | None = None,
    backoff: Backoff | str = "exponential:2s",
    timeout: Duration = 180,
    result_ttl: Duration = timedelta(days=1),
    failure_ttl: Duration = timedelta(days=30),
    keep_finished: int | None = None,
    keep_failed: int | None = None,
    cron: str | None = None,
    every: Duration | None = None,
    timezone: str = "UTC",
    concurrency: int | None = None,
    webhooks: Iterable[Webhook] = (),
    limit: Limit | None = None,
    priority: Priority = "normal",
    delay: Duration = 0,
) -> Callable[[Callable[[P], R]], Processor[P, R]]:
    """Makes a processor of a function from one pydantic model to another; lengths of time are `define.durations.Duration`.

    With `cron="0 * * * *"` (by the clocks of `timezone`) or `every=3600` it is enqueued by itself as well. The options
    are those of `Options`, the times those of `qtui_workers.define.schedule.Schedule`.

    Raises, when the module is imported, TypeError where the function has no such annotations and InvalidInput where an
    option cannot be accepted.
    """
    check_name(with_priority(queue, priority))
    if not (name is None or isinstance(name, str)):
        raise InvalidInput(f"name must be a text, not {name!r}")
    if limit is not None and not isinstance(limit, Limit):
        raise InvalidInput(f"limit must be a Limit, such as Limit(max=5, per=60), not {limit!r}")
    given = as_options(
        attempts=attempts,
        backoff=backoff,
        timeout=timeout,
        result_ttl=result_ttl,
        failure_ttl=failure_ttl,
        keep_finished=keep_finished,
        keep_failed=keep_failed,
        concurrency=concurrency,
        webhooks=webhooks,
        priority=priority,
        delay=delay,
    )
    options = Options(schedule=as_schedule(cron, every, timezone), limit=limit, **given)

    def decorate(function: Callable[[P], R]) -> Processor[P, R]:
        return Processor(function, name=name, queue=queue, options=options)

    return decorate


def as_options(**given: Any) -> dict[str, Any]:
    """The fields of `Options` that are given and not None, each checked; raises InvalidInput."""
    return {name: _CHECKS[name](value) for name, value in given.items() if value is not None}


def _count(value: int, what: str, *, least: int = 0, most: int = 2**31) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidInput(f"{what} must be a whole number, not {printable(repr(value), 40)}")
    if not least <= value <= most:
        raise InvalidInput(f"{what} must be from {least} to {most:,}, not {value}")
    return value


def _webhooks(webhooks: Iterable[Webhook]) -> tuple[Webhook, ...]:
    found = tuple(webhooks) if isinstance(webhooks, Iterable) else ()
    if not isinstance(webhooks, Iterable) or not all(isinstance(each, Webhook) for each in found):
        raise InvalidInput(f"webhooks must be a list of rq.Webhook, not {printable(repr(webhooks), 80)}")
    return found


_CHECKS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "attempts": partial(_count, what="attempts", least=1, most=1_000),
    "backoff": as_backoff,
    "timeout": partial(checked, what="timeout", least=1),
    "result_ttl": partial(checked, what="result_ttl"),
    "failure_ttl": partial(checked, what="failure_ttl"),
    "keep_finished": partial(_count, what="keep_finished"),
    "keep_failed": partial(_count, what="keep_failed"),
    "concurrency": partial(_count, what="concurrency", least=1),
    "webhooks": _webhooks,
    "priority": check_priority,
    "delay": partial(checked, what="delay"),
}


def _types(function: Callable[[P], R]) -> tuple[type[P], type[R]]:
    where = f"{function.__module__}.{function.__qualname__}"
    hint = "a processor is a function such as `def resize(payload: Resize) -> Resized`, both pydantic models"
    if not inspect.isfunction(function) or inspect.iscoroutinefunction(function) or "." in function.__qualname__:
        raise TypeError(f"{where} is not a plain function of a module: {hint}")
    try:
        hints = get_type_hints(function)
    except NameError as error:
        raise TypeError(f"{where} has an annotation that cannot be resolved ({error}): {hint}") from error
    parameters = list(inspect.signature(function).parameters)
    if len(parameters) != 1:
        raise TypeError(f"{where} takes {len(parameters)} parameters instead of one: {hint}")
    payload = _model(hints.get(parameters[0]), f"the parameter of {where}")
    return payload, _model(hints.get("return"), f"what {where} returns")


def secret_fields(model: type[BaseModel]) -> frozenset[str]:
    """The names of the fields that are declared as pydantic's SecretStr or SecretBytes, optional ones too."""
    return frozenset(name for name, field in model.model_fields.items() if _is_secret(field.annotation))


def _is_secret(annotation: Any) -> bool:
    return annotation in (SecretStr, SecretBytes) or any(map(_is_secret, get_args(annotation)))


def _told(secret: SecretStr | SecretBytes | None) -> str | None:
    value = secret.get_secret_value() if secret is not None else None
    return value.decode() if isinstance(value, bytes) else value


def _model(annotation: Any, what: str) -> Any:
    if not (inspect.isclass(annotation) and issubclass(annotation, BaseModel)):
        raise TypeError(f"{what} must be annotated with a pydantic model, not {annotation!r}")
    return annotation


def validate(model: type[M], payload: Mapping[str, Any] | BaseModel | None, what: str = "payload") -> M:
    """The payload as an instance of the model; InvalidInput with a sentence per bad field where it does not fit."""
    if isinstance(payload, model):
        return payload
    data = payload.model_dump() if isinstance(payload, BaseModel) else payload
    try:
        return model.model_validate({} if data is None else data)
    except ValidationError as error:
        raise InvalidInput("; ".join(_sentence(model, dict(e), what) for e in error.errors())) from None


def _sentence(model: type[BaseModel], error: dict[str, Any], what: str) -> str:
    field = field_of(error)
    if not field:
        return f"{what}: {reason(error)}"
    name = f"{what} field '{printable(field, 60)}'"
    if error["type"] != "extra_forbidden":
        return f"{name}: {reason(error)}"
    near = difflib.get_close_matches(field, model.model_fields, n=1)
    known = f"did you mean '{near[0]}'?" if near else f"the fields are {', '.join(model.model_fields) or 'none'}"
    return f"{name}: there is no such field; {known}"
