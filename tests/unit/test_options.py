"""The options of jobs are declared once, as a model; what is written out by hand beside it says the same."""

from __future__ import annotations

import inspect
import types
from datetime import timedelta
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest

from qtui_workers import processor
from qtui_workers.define.backoff import Backoff
from qtui_workers.define.options import Options, RunOptions
from qtui_workers.enqueue.enqueue_options import EnqueueOptions, JobOptions, OneJobOptions
from qtui_workers.errors import InvalidInput

PARAMETERS = inspect.signature(processor).parameters
OF_ONE_JOB = {"job_id", "unique"}


def optional(hint: Any) -> bool:
    """Whether None is allowed."""
    return get_origin(hint) in (types.UnionType, Union) and type(None) in get_args(hint)


def test_the_parameters_of_processor_are_the_options_and_what_the_processor_itself_is() -> None:
    assert PARAMETERS.keys() == Options.model_fields.keys() | {"queue", "name"}


def test_the_defaults_of_processor_are_those_of_the_options() -> None:
    defaults = {name: PARAMETERS[name].default for name in Options.model_fields}
    assert Options.of(defaults) == Options()


def test_processor_takes_none_for_the_options_that_may_be_none() -> None:
    hints = get_type_hints(processor)
    none = {name: optional(field.annotation) for name, field in Options.model_fields.items()}
    assert {name: optional(hints[name]) for name in Options.model_fields} == none


def test_what_a_caller_may_say_of_a_job_is_what_the_model_checks() -> None:
    assert EnqueueOptions.model_fields.keys() == RunOptions.model_fields.keys() | {"queue", "at"} | OF_ONE_JOB
    assert OneJobOptions.__annotations__.keys() == EnqueueOptions.model_fields.keys()
    assert JobOptions.__annotations__.keys() == EnqueueOptions.model_fields.keys() - OF_ONE_JOB
    hints = get_type_hints(OneJobOptions)
    assert {name for name, hint in hints.items() if not optional(hint)} == {"unique"}


@pytest.mark.parametrize("model", [Options, EnqueueOptions])
def test_every_option_says_what_it_is(model: type[RunOptions]) -> None:
    assert all((field.description or "").endswith((".", ").")) for field in model.model_fields.values())


def test_each_option_that_cannot_be_accepted_is_named_with_its_reason() -> None:
    with pytest.raises(InvalidInput) as refusal:
        EnqueueOptions.of({"attempts": "3", "backoff": 3, "delay": "soon", "queue": "two words", "at": "tomorrow"})
    assert refusal.value.fields == {
        "attempts": "must be a whole number, not '3'",
        "delay": "'soon' is not a length of time: write a number and ms, s, m, h or d, such as 5s or 1h30m",
        "backoff": "'3' is not a backoff: write none, fixed:2s or exponential:2s, "
        "and after that, if you like, ,cap=10m and ,jitter=0.5",
        "queue": "queue name 'two words' is not allowed: use 1 to 200 letters, digits, '_', '.', ':' or '-'",
        "at": "'tomorrow' is not a time: write it as 2026-01-31T17:00:00Z",
    }
    assert "attempts must be a whole number, not '3'; '3' is not a backoff" in str(refusal.value)


def test_what_is_said_of_one_job_replaces_what_its_processor_says_and_nothing_else() -> None:
    options = Options.of({"attempts": 3, "timeout": "1h", "keep_failed": 5, "cron": "@daily"})
    said = EnqueueOptions.of({"timeout": 5, "backoff": "none", "delay": None})
    changed = options.replaced(said, None)
    assert changed == Options.of({"attempts": 3, "timeout": 5, "keep_failed": 5, "cron": "@daily", "backoff": Backoff("none")})
    assert changed.schedule == options.schedule
    assert options.timeout == timedelta(hours=1)


@pytest.mark.parametrize(("retries", "attempts"), [(None, 1), (0, 1), (4, 5)])
def test_a_job_of_a_processor_that_names_no_attempts_has_those_of_the_environment(retries: int | None, attempts: int) -> None:
    assert Options().replaced(EnqueueOptions(), retries).attempts == attempts
    assert Options().replaced(EnqueueOptions.of({"attempts": 2}), retries).attempts == 2
