"""What can go wrong, each in one clear sentence that names the next step."""

from __future__ import annotations

from typing import ClassVar


class QtuiError(Exception):
    """An error that a person is told in one sentence; the commands end with its `exit_code`."""

    exit_code: ClassVar[int] = 1


class InvalidInput(QtuiError):
    """A payload, an option or a name that cannot be accepted; says the field and the reason."""

    exit_code = 2


class RedisUnavailable(QtuiError):
    """Redis cannot be reached, or refused us."""

    exit_code = 3


class NotFound(QtuiError):
    """There is no such job, queue, worker or processor."""

    exit_code = 4


class Refused(QtuiError):
    """Not allowed here: read-only, or a confirmation is missing."""

    exit_code = 5
