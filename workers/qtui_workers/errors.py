"""Errors, each in one clear sentence that names the next step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar


class QtuiError(Exception):
    """An error whose text is one sentence for people; the commands end with its `exit_code`."""

    exit_code: ClassVar[int] = 1


class InvalidInput(QtuiError, ValueError):
    """A payload, an option or a name that cannot be accepted; names the field and the reason.

    A ValueError too, so that pydantic reports one that is raised by the check of a field together with the field.
    """

    exit_code = 2

    def __init__(self, message: str, fields: Mapping[str, str] | None = None, *, other_version: bool = False) -> None:
        super().__init__(message)
        self.fields = dict(fields or {})
        """The reasons by field, where the error is about fields; those under '' are about all fields together."""
        self.other_version = other_version
        """Whether another version of the model may accept the value: it has an unknown field or choice, or lacks a field."""


class RedisUnavailable(QtuiError):
    """Redis cannot be reached, or refused us."""

    exit_code = 3


class Reschedule(Exception):
    """The running job is to run again later, and this attempt does not count; raised by a job, with the reason as its text.

    The job is scheduled for `seconds` from now, rounded up to whole ones, with as many attempts as it had. Under a stock
    `rq worker` it is a failure like any other.
    """

    def __init__(self, seconds: float, reason: str = "") -> None:
        super().__init__(reason or f"to run again in {seconds:g} s")
        self.seconds = max(1, math.ceil(min(seconds, 10 * 365 * 86_400)))


class NotFound(QtuiError):
    """There is no such job, queue, worker or processor."""

    exit_code = 4


class Refused(QtuiError):
    """Not allowed here: read-only, or a confirmation is missing."""

    exit_code = 5
