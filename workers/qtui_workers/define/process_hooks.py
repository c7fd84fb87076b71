"""What users have called once in each process that runs jobs, and around each job."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any, Final, TypeVar

from rq.job import Job

F = TypeVar("F", bound=Callable[[], Any])

_once: Final[dict[Callable[[], Any], int]] = {}
"""The functions to call once in each process, in the order of their registration, with the process that called each last."""
_around: Final[list[Callable[[], AbstractContextManager[Any]]]] = []
_current: str | None = None
"""The id of the job that runs inside these context managers; a process runs one job at a time."""


def once_per_process(function: F) -> F:
    """Has the function called in each process that runs jobs, before its first job: for a connection that its jobs share.

    Where it raises, the job's attempt fails with that error, and the next job calls it again.
    """
    _once[function] = 0
    return function


def around_job(function: F) -> F:
    """Has each job run inside the context manager that the function returns; it may also be a generator with one `yield`.

    What the job raises is raised at the `yield`, and fails the job also where it is caught there. What the function itself
    raises fails the job's attempt.
    """
    _around.append(contextmanager(function) if inspect.isgeneratorfunction(function) else function)
    return function


def prepare_process() -> None:
    """Calls what this process has not called yet; raises what that raises."""
    for function, process in list(_once.items()):
        if process != os.getpid():
            function()
            _once[function] = os.getpid()


def inside_hooks(job: Job | None) -> AbstractContextManager[None]:
    """Runs the block as a job's code; nothing happens without a job, or where that job runs inside its hooks already."""
    if job is None or job.id == _current or not (_once or _around):
        return nullcontext()
    return _inside(job.id)


@contextmanager
def _inside(job_id: str) -> Iterator[None]:
    global _current
    prepare_process()
    _current = job_id
    raised: BaseException | None = None
    try:
        with ExitStack() as hooks:
            for function in _around:
                hooks.enter_context(function())
            try:
                yield
            except BaseException as error:
                raised = error
                raise
    finally:
        _current = None
    if raised is not None:
        raise raised
