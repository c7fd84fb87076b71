"""How jobs run: the options of a processor, and those that may be replaced for a single job."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property, partial
from typing import Annotated, Any, Final, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from qtui_workers.define.backoff import Backoff, as_backoff
from qtui_workers.define.durations import as_duration
from qtui_workers.define.limit import Limit
from qtui_workers.define.schedule import Schedule
from qtui_workers.define.unique import as_unique
from qtui_workers.define.webhooks import Webhook, as_webhooks
from qtui_workers.errors import InvalidInput
from qtui_workers.naming import Priority, about
from qtui_workers.records import Range
from qtui_workers.settings import Settings
from qtui_workers.text import printable
from qtui_workers.validation import Checked, invalid, whole


class RetrySettings(Settings):
    """How often a job is tried again where its processor names no attempts."""

    job_max_retries: Annotated[int | None, Range(least=0)] = None
    """Retries of a job whose processor names none; without it each processor's own number."""


def _priority(value: Any) -> Priority:
    if value not in get_args(Priority):
        raise InvalidInput(f"must be high, normal or low, not '{printable(str(value), 40)}'")
    priority: Priority = value
    return priority


def _limit(value: Any) -> Limit:
    if not isinstance(value, Limit):
        raise InvalidInput(f"must be a Limit, such as Limit(max=5, per=60), not {value!r}")
    return value


_Length = Annotated[timedelta, Checked(as_duration)]
_OneSecondOrMore = Annotated[timedelta, Checked(partial(as_duration, least=1))]
_Count = Annotated[int, Checked(whole)]
_OneOrMore = Annotated[int, Checked(partial(whole, least=1))]


class RunOptions(BaseModel):
    """How a job runs: options of its processor, each of which may be replaced when a job is enqueued."""

    # Deferred, as who only names an option validates nothing. What each option is stands in its field, as pydantic takes 15 ms
    # for each model to read it in the sources (`use_attribute_docstrings`).
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    attempts: Annotated[int, Checked(partial(whole, least=1, most=1_000))] | None = Field(
        None, description="In all, the first one included."
    )
    """None: one more than JOB_MAX_RETRIES, and 1 where that is not set."""
    backoff: Annotated[Backoff, Checked(as_backoff)] = Field(
        Backoff.parse("exponential:2s"), description="How long a failed job waits before its next attempt."
    )
    timeout: _OneSecondOrMore = Field(timedelta(minutes=3), description="How long one attempt may take.")
    result_ttl: _Length = Field(timedelta(days=1), description="How long a finished job and its result are kept.")
    failure_ttl: _Length = Field(timedelta(days=30), description="How long a failed job is kept.")
    webhooks: Annotated[tuple[Webhook, ...], Checked(as_webhooks)] = Field(
        (), description="What RQ calls when a job has finished or failed (`rq.Webhook`)."
    )
    priority: Annotated[Priority, Checked(_priority)] = Field(
        "normal", description="Which of its queues a job goes to: the queue itself, or that of `high` or `low`."
    )
    delay: _Length = Field(timedelta(), description="Not before that long from now.")
    """A job that is enqueued by its processor's schedule does not wait."""

    @classmethod
    def summary(cls, name: str) -> str:
        """What an option is, for commands and forms."""
        return cls.model_fields[name].description or ""

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """The options of these values; InvalidInput, with the reasons by field, where one cannot be accepted."""
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise invalid(error, about) from None


_REPLACEABLE: Final = frozenset(RunOptions.model_fields)


class Options(RunOptions):
    """How the jobs of a processor run, unless a job's own options replace it."""

    keep_finished: _Count | None = Field(
        1_000, description="At most so many finished jobs of the queue are kept, the newest; None: no bound but `result_ttl`."
    )
    keep_failed: _Count | None = Field(
        None, description="At most so many failed jobs of the queue are kept, the newest; None: no bound but `failure_ttl`."
    )
    cron: str | None = Field(
        None,
        description="When jobs are enqueued by themselves, with an empty payload, as `define.schedule.Schedule` reads it.",
    )
    every: _OneSecondOrMore | None = Field(
        None, description="The interval at which jobs are enqueued by themselves, with an empty payload."
    )
    timezone: str = Field("UTC", description="The time zone of `cron`.")
    every_tick: bool = Field(False, description="A job for every tick of `cron` or `every`.")
    """Without it a tick is left out where the job of the tick before still waits, for a worker or for another attempt: while the
    queue is paused, or no worker is there, one job waits and not one for each tick.
    """
    concurrency: _OneOrMore | None = Field(
        None,
        description="At most so many of its jobs are queued or running at a time, the others wait (`rq.rate_limit.RateLimit`).",
    )
    unique: Annotated[Any, Checked(as_unique)] | None = Field(
        None,
        description="One job per content, until it ends: 'payload', or a function of it that returns what makes two the same.",
    )
    """A job whose content another one has that has not ended is not enqueued: the other one counts in its place. Ticks of a
    schedule know 'payload' only.
    """
    limit: Annotated[Limit, Checked(_limit)] | None = Field(
        None,
        description="How many jobs of the queue and of its -high and -low may start in a length of time.",
    )
    """Also those of other processors."""

    @cached_property
    def schedule(self) -> Schedule | None:
        """When jobs are enqueued by themselves; None: never."""
        if self.cron is None and self.every is None:
            return None
        return Schedule(self.cron, self.every, self.timezone)

    @model_validator(mode="after")
    def _has_a_valid_schedule(self) -> Self:
        self.schedule  # noqa: B018 - raises InvalidInput where it is not valid
        return self

    def usual_attempts(self, retries: int | None) -> int:
        """The attempts of a job whose options name none; `retries`: those of JOB_MAX_RETRIES, None where it is not set."""
        return self.attempts or (retries or 0) + 1

    def replaced(self, own: RunOptions, retries: int | None) -> Self:
        """These options, replaced by the job's own where it has any, with a number of attempts; `retries`: as above."""
        changes = {name: getattr(own, name) for name in own.model_fields_set & _REPLACEABLE}
        return self.model_copy(update={"attempts": self.usual_attempts(retries)} | changes)
