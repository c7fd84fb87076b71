"""`@processor`: a function with a typed payload and a typed result becomes something that can be enqueued."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Iterable, Mapping
from datetime import timedelta
from typing import Any, ClassVar, Final, Generic, Protocol, TypeVar, cast, get_type_hints, overload

from pydantic import BaseModel

from qtui_workers.define.backoff import Backoff
from qtui_workers.define.durations import Duration
from qtui_workers.define.limit import Limit
from qtui_workers.define.options import Options
from qtui_workers.define.payload import as_json, secret_fields, to_json, validate
from qtui_workers.define.unique import Unique
from qtui_workers.define.webhooks import Webhook
from qtui_workers.errors import InvalidInput
from qtui_workers.naming import Priority, check_name, with_priority

MAIN_QUEUE: Final = "main-queue"
"""The queue of processors that name none."""

P = TypeVar("P", bound=BaseModel)
R = TypeVar("R", bound=BaseModel)


class Processor(Generic[P, R]):
    """A function that works on jobs, with the types of its payload and result, its queue and its options."""

    __test__: ClassVar[bool] = False
    """Keeps pytest from taking one whose name begins with `test` for a test."""

    def __init__(
        self, function: Callable[[P], R | Coroutine[Any, Any, R]], *, name: str | None, queue: str, options: Options
    ) -> None:
        self.function = function
        self.name = name or function.__name__
        self.path = f"{function.__module__}.{function.__qualname__}"
        """The dotted name by which RQ imports it."""
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

    def to_json(self, payload: BaseModel) -> bytes:
        """A payload as the JSON that the job receives; its secrets are readable, where pydantic would write asterisks."""
        return to_json(payload, self.secrets)

    @overload
    def __call__(self, payload: P, /) -> R: ...

    @overload
    def __call__(self, /, **fields: Any) -> Any: ...

    def __call__(self, payload: P | None = None, /, **fields: Any) -> Any:
        """Runs the function in this process.

        Called with the payload as its model, as a test does, it returns the result as its model. Called with the payload's
        fields, as RQ does, it returns the result as plain JSON data. An `async def` function runs in an event loop of its own;
        where one runs already, as in an async test, await the function itself: `await resize.function(payload)`.

        Raises InvalidInput where the fields do not fit, TypeError where the function returns another type than its
        annotation, and what the function raises.
        """
        if payload is not None and (fields or not isinstance(payload, self.payload)):
            raise TypeError(f"call {self.name} with one {self.payload.__name__}, or with its fields by their names")
        result = self._run(fields if payload is None else payload)
        return as_json(result) if payload is None else result

    def run_valid(self, payload: P) -> Any:
        """As a call with the payload's fields, which were validated already."""
        return as_json(self._run(payload))

    def _run(self, given: Mapping[str, Any] | P) -> R:
        from qtui_workers.define.run_function import run  # loads RQ, which who only enqueues does not need

        result = run(self.function, self.validate, given)
        if not isinstance(result, self.result):
            raise TypeError(f"{self.name} must return a {self.result.__name__}, not {type(result).__name__}")
        return cast(R, result)


class _Decorate(Protocol):
    """What `processor` returns, for type checkers."""

    @overload
    def __call__(self, function: Callable[[P], Coroutine[Any, Any, R]], /) -> Processor[P, R]: ...

    @overload
    def __call__(self, function: Callable[[P], R], /) -> Processor[P, R]: ...


def processor(
    *,
    queue: str = MAIN_QUEUE,
    name: str | None = None,
    attempts: int | None = None,
    backoff: Backoff | str = "exponential:2s",
    timeout: Duration = 180,
    result_ttl: Duration = timedelta(days=1),
    failure_ttl: Duration = timedelta(days=30),
    keep_finished: int | None = 1_000,
    keep_failed: int | None = None,
    cron: str | None = None,
    every: Duration | None = None,
    timezone: str = "UTC",
    every_tick: bool = False,
    concurrency: int | None = None,
    webhooks: Iterable[Webhook] = (),
    limit: Limit | None = None,
    unique: Unique | None = None,
    priority: Priority = "normal",
    delay: Duration = 0,
) -> _Decorate:
    """Makes a processor of a function, also an `async def`, from one pydantic model to another.

    Lengths of time are `define.durations.Duration`.

    With `cron="0 * * * *"` (in the time zone `timezone`) or `every=3600` its jobs are also enqueued by themselves; none while
    the job of the tick before still waits, unless `every_tick`. The options are documented at `Options`, the times at
    `qtui_workers.define.schedule.Schedule`.

    Raises, when the module is imported, TypeError where the function has no such annotations and InvalidInput where an
    option cannot be accepted.
    """
    given = {name: value for name, value in locals().items() if name in Options.model_fields}
    options = Options.of(given)
    check_name(with_priority(queue, options.priority))
    if not (name is None or isinstance(name, str)):
        raise InvalidInput(f"name must be a text, not {name!r}")

    def decorate(function: Callable[[P], R | Coroutine[Any, Any, R]]) -> Processor[P, R]:
        return Processor(function, name=name, queue=queue, options=options)

    return decorate


def _types(function: Callable[[P], Any]) -> tuple[type[P], Any]:
    where = f"{function.__module__}.{function.__qualname__}"
    hint = "a processor is a function such as `def resize(payload: Resize) -> Resized`, both pydantic models"
    if not inspect.isfunction(function) or inspect.isasyncgenfunction(function) or "." in function.__qualname__:
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


def _model(annotation: Any, what: str) -> Any:
    if not (inspect.isclass(annotation) and issubclass(annotation, BaseModel)):
        raise TypeError(f"{what} must be annotated with a pydantic model, not {annotation!r}")
    return annotation
