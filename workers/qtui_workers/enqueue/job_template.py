"""How jobs are to be enqueued, and their records: the hashes that `rq.job.Job.save` would write."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from itertools import chain, repeat
from typing import Any, Final, Literal, NamedTuple, Unpack

from pydantic import BaseModel

from qtui_workers.define.options import Options
from qtui_workers.define.processor_facts import ProcessorFacts
from qtui_workers.define.unique import Unique, digest_of
from qtui_workers.enqueue.enqueue_options import EnqueueOptions, OneJobOptions
from qtui_workers.enqueue.trace_context import trace_context
from qtui_workers.errors import InvalidInput
from qtui_workers.naming import check_name, suggestion, with_priority
from qtui_workers.reporting.redaction import without_url_passwords
from qtui_workers.server import keys
from qtui_workers.server.rq_format import compress, format_time
from qtui_workers.text import encode, printable

_DESCRIPTION_LIMIT: Final = 200
_EMPTY: Final = (
    "success_callback_name",
    "failure_callback_name",
    "stopped_callback_name",
    "started_at",
    "ended_at",
    "last_heartbeat",
    "worker_name",
    "group_id",
)
"""Fields that RQ writes although they are empty."""
_OF_ONE_JOB: Final = frozenset(("delay", "at", "job_id"))
_OPTIONS: Final = frozenset(EnqueueOptions.model_fields)


class Row(NamedTuple):
    """The part of a job's record that is its own; the rest is shared by all jobs of its template."""

    id: str
    data: bytes
    description: str
    intervals: str
    """The waits before the job's retries as JSON, where they are random; else ''."""
    content: str = ""
    """The digest of what makes it the same as others (`define.unique`); '' where nothing does."""


@dataclass(frozen=True)
class JobTemplate:
    """How jobs are to be enqueued, checked and complete.

    Programs enqueue many jobs by one template, one after the other: what follows from its fields is worked out once, hence no
    slots.
    """

    processor: ProcessorFacts
    queue: str
    options: Options
    due: datetime | None = None
    """When they are to run, in whole seconds; None: now."""
    job_id: str | None = None
    unique: bool = False
    """Refuse a job whose id exists already."""
    unique_by: Unique | None = None
    """What makes two jobs the same, of which there is to be only one that has not ended; None: nothing."""

    @property
    def attempts(self) -> int:
        """Attempts in all, the first one included."""
        return self.options.attempts or 1

    @cached_property
    def status(self) -> Literal["queued", "scheduled", "rate_limited"]:
        """The first status of the jobs, in RQ's words (`rq.job.JobStatus`)."""
        if self.due:
            return "scheduled"
        return "rate_limited" if self.options.concurrency else "queued"

    @cached_property
    def place(self) -> str:
        """The key of the list or sorted set that takes the ids."""
        if self.status == "queued":
            return keys.queue(self.queue)
        return keys.registry("scheduled", self.queue) if self.due else keys.rate_limited(self.processor.name)

    def score(self, now: datetime) -> int | float | str:
        """The score that the ids get there; '' where it is a list."""
        if self.status == "queued":
            return ""
        return int(self.due.timestamp()) if self.due else now.timestamp()

    @property
    def step(self) -> float:
        """Seconds from the score of one job to that of the next: jobs that wait for a limit keep their order."""
        return 1e-6 if self.status == "rate_limited" else 0

    @cached_property
    def own(self) -> tuple[str, ...]:
        """The fields whose values differ between the jobs, in the order of `Row`."""
        waits = ("retry_intervals",) if self._random_waits else ()
        return ("data", "description", *waits, *((keys.FIELD_UNIQUE,) if self.unique_by else ()))

    def own_values(self, row: Row) -> tuple[str | bytes, ...]:
        """The values of these fields."""
        waits = (row.intervals,) if self._random_waits else ()
        return (row.data, row.description, *waits, *((row.content,) if self.unique_by else ()))

    @cached_property
    def _random_waits(self) -> bool:
        return self.attempts > 1 and self.options.backoff.spread > 0

    def shared(self, now: datetime) -> tuple[bytes, ...]:
        """The fields that all its jobs have in common, as `rq.job.Job.to_dict` writes them: names and values in turn."""
        at = format_time(now.timestamp()).encode()
        enqueued = (b"enqueued_at", at) if self.status == "queued" else ()
        traced = trace_context()
        meta = (b"meta", json.dumps(traced).encode()) if traced else ()
        return (*self._always, b"created_at", at, *enqueued, *meta)

    @cached_property
    def _always(self) -> tuple[bytes, ...]:
        """Those of them that do not depend on when the jobs are enqueued."""
        options = self.options
        fields: dict[str, str | int] = dict.fromkeys(_EMPTY, "")
        fields |= {
            "status": self.status,
            "origin": self.queue,
            "timeout": math.ceil(options.timeout.total_seconds()),
            "result_ttl": int(options.result_ttl.total_seconds()),
            "failure_ttl": int(options.failure_ttl.total_seconds()),
            keys.FIELD_ATTEMPTS: self.attempts,
        }
        if self.attempts > 1:
            fields["retries_left"] = self.attempts - 1
            if not self._random_waits:
                fields["retry_intervals"] = self._intervals()
        if options.concurrency:
            fields |= {"rate_limit_key": self.processor.name, "rate_limit_concurrency": options.concurrency}
        if options.webhooks:
            fields["webhooks"] = json.dumps([webhook.to_dict() for webhook in options.webhooks])
        return tuple(encode(str(part)) for field in fields.items() for part in field)

    @cached_property
    def _call(self) -> bytes:
        """The beginning of the data of its jobs: the call of their function, up to the payload."""
        return b"[%b, null, [], " % json.dumps(self.processor.path).encode()

    def rows(self, payloads: Iterable[Mapping[str, Any] | BaseModel | None], what: str) -> Iterator[Row]:
        """The rows of the jobs of these payloads, one after the other; `{}` in `what` stands for the payload's number.

        Raises InvalidInput at a payload that does not fit, or cannot be written as JSON.
        """
        ids = iter([self.job_id]) if self.job_id else _new_ids()
        processor, name, call, random_waits = self.processor, self.processor.name, self._call, self._random_waits
        for number, payload in enumerate(payloads, 1):
            model = processor.validate(payload, what.format(number))
            try:
                data = call + processor.to_json(model) + b"]"
            except ValueError as error:  # pydantic_core.PydanticSerializationError, UnicodeEncodeError
                reason = printable(str(error), 300)
                raise InvalidInput(f"{what.format(number)} cannot be written as JSON: {reason}") from None
            content = digest_of(self.unique_by, model, processor.secrets) if self.unique_by else ""
            yield Row(next(ids), compress(data), _description(name, model), self._intervals() if random_waits else "", content)

    def _intervals(self) -> str:
        return json.dumps(self.options.backoff.intervals(self.attempts - 1))


def make_template(processor: ProcessorFacts, retries: int | None = None, /, **given: Unpack[OneJobOptions]) -> JobTemplate:
    """The template of a processor's jobs; `retries` are those of a job where neither the options nor the processor name attempts.

    Raises InvalidInput, with the reasons by field, where an option cannot be accepted.
    """
    if not processor.options.delay and given.keys().isdisjoint(_OF_ONE_JOB):
        with suppress(TypeError):  # an option that cannot be looked up
            return _made_before(processor, retries, **given)  # type: ignore[arg-type]  # not all can be, hence TypeError
    return _made(processor, retries, given)


@lru_cache(maxsize=128, typed=True)
def _made_before(processor: ProcessorFacts, retries: int | None, /, **given: Any) -> JobTemplate:
    """Programs enqueue one job after the other with the same options; to check them takes as long as to check a payload."""
    return _made(processor, retries, given)


def _made(processor: ProcessorFacts, retries: int | None, given: Mapping[str, Any]) -> JobTemplate:
    for name in given.keys() - _OPTIONS:
        raise InvalidInput(f"there is no option '{name}': {suggestion(name, sorted(_OPTIONS), 'options')}")
    own = EnqueueOptions.of(given)
    options = processor.options.replaced(own, retries)
    return JobTemplate(
        processor,
        check_name(with_priority(processor.queue if own.queue is None else own.queue, options.priority)),
        options,
        _due(options.delay, own.at),
        own.job_id,
        own.unique is True,
        _unique_by(own.unique, options.unique),
    )


def _unique_by(own: bool | Unique, usual: Unique | None) -> Unique | None:
    """What makes jobs the same: by the job's own option, else by its processor's, unless it is to be unique by its id."""
    if isinstance(own, bool):
        return None if own else usual
    return own


def _description(name: str, model: BaseModel) -> str:
    """The call as a person reads it, with the fields that were given; no password of an address is in it."""
    given, shown = model.model_fields_set, []
    for field, value in model.__dict__.items():
        if field in given:
            text = repr(value)
            if "://" in text:
                text = without_url_passwords(text)
            shown.append(f"{field}={text[:75]}")
    return printable(f"{name}({', '.join(shown)})", _DESCRIPTION_LIMIT)


def _new_ids() -> Iterator[str]:
    """Random ids like RQ's own (UUID version 4, RFC 9562), with few calls of the system's random source."""
    for count in chain([1], repeat(256)):
        drawn = os.urandom(16 * count).hex()
        for start in range(0, len(drawn), 32):
            digits = drawn[start : start + 32]
            variant = "89ab"[int(digits[16], 16) & 3]
            yield f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def _due(delay: timedelta, at: datetime | None) -> datetime | None:
    """When a job is to run, in whole seconds, rounded up; None: now."""
    now = datetime.now(UTC)
    due = now + delay if at is None else at
    return datetime.fromtimestamp(math.ceil(due.timestamp()), UTC) if due > now else None
