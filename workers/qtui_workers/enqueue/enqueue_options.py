"""The options of an enqueue call: as types for callers, and as a model that checks them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Self, TypedDict

from pydantic import Field, model_validator

from qtui_workers.define.backoff import Backoff
from qtui_workers.define.durations import Duration, as_moment
from qtui_workers.define.options import RunOptions
from qtui_workers.define.unique import Unique, as_unique
from qtui_workers.define.webhooks import Webhook
from qtui_workers.errors import InvalidInput
from qtui_workers.naming import Priority, check_name
from qtui_workers.text import printable
from qtui_workers.validation import Checked

_ID_LIMIT: Final = 200
_ID: Final = re.compile(r"[A-Za-z0-9_-]+")
"""As `rq.job.JOB_ID_PATTERN`."""


class JobOptions(TypedDict, total=False):
    """How jobs are to be enqueued, documented at `EnqueueOptions`; an option that is missing or None is the processor's.

    How many jobs are kept is not among them: `keep_finished` and `keep_failed` are about the whole queue.
    """

    queue: str | None
    priority: Priority | None
    delay: Duration | None
    at: datetime | str | None
    attempts: int | None
    backoff: Backoff | str | None
    timeout: Duration | None
    result_ttl: Duration | None
    failure_ttl: Duration | None
    webhooks: Iterable[Webhook] | None


class OneJobOptions(JobOptions, total=False):
    """How a single job is to be enqueued."""

    job_id: str | None
    unique: bool | Unique


def _job_id(value: Any) -> str:
    if not (isinstance(value, str) and _ID.fullmatch(value) and len(value) <= _ID_LIMIT):
        shown = printable(str(value), 60)
        raise InvalidInput(f"job id '{shown}' is not allowed: use 1 to {_ID_LIMIT} letters, digits, '_' or '-'")
    return value


def _unique(value: Any) -> bool | Unique:
    return value if isinstance(value, bool) else as_unique(value)


class EnqueueOptions(RunOptions):
    """How a job is to be enqueued; an option that is not given is the processor's."""

    queue: Annotated[str, Checked(check_name)] | None = Field(None, description="Another queue than the processor's own.")
    at: Annotated[datetime, Checked(as_moment)] | None = Field(None, description="Not before that time (ISO 8601).")
    """Whole seconds; a time without a zone is local. Not together with `delay`."""
    job_id: Annotated[str, Checked(_job_id)] | None = Field(None, description="The job's id.")
    """Without it a random one."""
    unique: Annotated[bool | Unique, Checked(_unique)] = Field(False, description="Refuse it where a job of that id exists.")
    """With 'payload' or a function of the payload: one job per content, as that option of a processor (`define.options`)."""

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        if self.at is not None and "delay" in self.model_fields_set:
            raise InvalidInput("give either a delay or a time, not both")
        if self.unique is True and self.job_id is None:
            raise InvalidInput("unique needs a job id: it refuses a second job of the same id")
        return self

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """The options that are given and not None; InvalidInput, with the reasons by field, where one cannot be accepted."""
        return super().of({name: value for name, value in given.items() if value is not None})
