"""`@processor`: a function with a typed payload and a typed result becomes something that can be enqueued."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, Final, Generic, TypeVar, get_args, get_type_hints

from pydantic import BaseModel, ConfigDict, SecretBytes, SecretStr, ValidationError
from rq import Webhook, get_current_job

from workers.backoff import Backoff, as_backoff
from workers.durations import checked
from workers.errors import InvalidInput
from workers.failures import not_retried
from workers.limit import Limit
from workers.progress import recording
from workers.reasons import field_of, reason
from workers.schedule import Schedule, as_schedule
from workers.text import printable

MAIN_QUEUE: Final = "main-queue"
"""Where jobs go when nothing else is said."""


class Payload(BaseModel):
    """What a processor is given: unknown fields are refused, as are infinite numbers, and nothing changes it later."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


P = TypeVar("P", bound=BaseModel)
R = TypeVar("R", bound=BaseModel)
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Options:
    """How jobs of a processor run, where whoever enqueues them says nothing else."""

    attempts: int | None
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

    def usual_attempts(self, retries: int | None) -> int:
        """How many attempts a job has where nobody says; `retries`: those of JOB_MAX_RETRIES, None where it is not set."""
        return self.attempts or (retries or 0) + 1


class Processor(Generic[P, R]):
    """A function that works on jobs, with the types of its payload and result, its queue and its options.

    Called with the payload's fields, as RQ does, it validates them, runs the function and returns plain JSON data.
    """

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

    def __call__(self, /, **payload: Any) -> Any:
        job = get_current_job()
        with not_retried(job), recording(job):
            result = self.function(self.validate(payload))
        if not isinstance(result, self.result):
            raise TypeError(f"{self.name} must return a {self.result.__name__}, not {type(result).__name__}")
        return result.model_dump(mode="json")


def processor(
    *,
    queue: str = MAIN_QUEUE,
    name: str | None = None,
    attempts: int | None = None,
    backoff: Backoff | str = "exponential:2s",
    timeout: timedelta | float = 180,
    result_ttl: timedelta | float = timedelta(days=1),
    failure_ttl: timedelta | float = timedelta(days=30),
    keep_finished: int | None = None,
    keep_failed: int | None = None,
    cron: str | None = None,
    every: timedelta | float | None = None,
    timezone: str = "UTC",
    concurrency: int | None = None,
    webhooks: Iterable[Webhook] = (),
    limit: Limit | None = None,
) -> Callable[[Callable[[P], R]], Processor[P, R]]:
    """Makes a processor of a function from one pydantic model to another; plain numbers are seconds.

    With `cron="0 * * * *"` (by the clocks of `timezone`) or `every=3600` it is enqueued by itself as well. The options
    are those of `Options`, the times those of `workers.schedule.Schedule`.

    Raises, when the module is imported, TypeError where the function has no such annotations and InvalidInput where an
    option cannot be accepted.
    """
    options = Options(
        attempts=_count(attempts, "attempts", least=1),
        backoff=as_backoff(backoff),
        timeout=checked(timeout, "timeout", least=1),
        result_ttl=checked(result_ttl, "result_ttl"),
        failure_ttl=checked(failure_ttl, "failure_ttl"),
        keep_finished=_count(keep_finished, "keep_finished"),
        keep_failed=_count(keep_failed, "keep_failed"),
        schedule=as_schedule(cron, every, timezone),
        concurrency=_count(concurrency, "concurrency", least=1),
        webhooks=tuple(webhooks),
        limit=limit,
    )

    def decorate(function: Callable[[P], R]) -> Processor[P, R]:
        return Processor(function, name=name, queue=queue, options=options)

    return decorate


def _count(value: int | None, what: str, *, least: int = 0) -> int | None:
    if value is not None and value < least:
        raise InvalidInput(f"{what} must be at least {least}, not {value}")
    return value


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
