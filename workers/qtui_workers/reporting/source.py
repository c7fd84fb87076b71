"""What an event or a log line is about: a job in one of its attempts, or a worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    import rq.job

_LIMIT: Final = 200


@dataclass(frozen=True, slots=True)
class Source:
    """A job and where it runs; each field is None where it is not known, or there is none."""

    job: str | None = None
    queue: str | None = None
    function: str | None = None
    """Its name, or a description that begins with it, up to the first `(`."""
    worker: str | None = None
    attempt: int | None = None

    @classmethod
    def of(cls, job: rq.job.Job, *, worker: str | None = None, attempt: int | None = None) -> Self:
        """The source for that job; its payload is not read, as that could unpickle it."""
        function = called(str(job.description or ""))
        return cls(str(job.id), str(job.origin), function, worker or job.worker_name or None, attempt or None)

    def fields(self) -> dict[str, str | int]:
        """The fields that are known, by name: `log.info("…", extra=source.fields())`."""
        whole = {
            "job": self.job,
            "queue": self.queue,
            "function": self.function,
            "worker": self.worker,
            "attempt": self.attempt,
        }
        return {name: value for name, value in whole.items() if value is not None}


def called(description: str) -> str | None:
    """The function that a description names, without the arguments behind it, which may be secret; None where it names none."""
    return description[:_LIMIT].partition("(")[0] or None


_OWN_LOGGERS: Final = ("rq", "redis", "qtui_workers.reporting.recorder")


def is_own(logger: str) -> bool:
    """Whether the records of that logger are about the worker itself, not about the job that it runs."""
    return any(logger == own or logger.startswith(f"{own}.") for own in _OWN_LOGGERS)


_current = Source()
"""No context variable, as log lines of the job's own threads are about the job too; a process runs one job at a time."""


def current() -> Source:
    """What this process works for at the moment; all its log lines are about that."""
    return _current


def work_for(source: Source) -> None:
    """Sets what the log lines of this process are about from now on."""
    global _current
    _current = source
