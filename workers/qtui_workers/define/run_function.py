"""Runs the function of a processor: with what it reports, its hooks, and what is not tried again. It loads RQ, which who only
enqueues does not need."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from pydantic import BaseModel
from rq import get_current_job

from qtui_workers.define.coroutines import run_coroutine
from qtui_workers.define.process_hooks import inside_hooks
from qtui_workers.define.unrecoverable import not_retried
from qtui_workers.reporting.job_recording import recording

Given = Mapping[str, Any] | BaseModel


def run(function: Callable[[Any], Any], validate: Callable[[Given], BaseModel], given: Given) -> Any:
    """Calls the function with the payload, for the job that this process runs, if any; raises as `validate` and it do."""
    job = get_current_job()
    with not_retried(job), recording(job):
        payload = validate(given)
        with inside_hooks(job), getattr(job, "starting", _at_once)(function) as begun:
            made = function(payload)
            return run_coroutine(made, begun) if inspect.iscoroutine(made) else made


def _at_once(_function: Callable[..., Any]) -> AbstractContextManager[None]:
    return nullcontext()
