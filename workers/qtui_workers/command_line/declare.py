"""How commands declare what may be typed: `Annotated[str | None, option("--url", metavar="URL", help="…")]`.

Options, their help, their errors and their completion all come from these declarations: `command_line.plain_reader` reads plain
words by them without typer, and `command_line.with_typer` makes of them what typer reads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from qtui_workers.records import Record, annotations_of


class Parameter(Record):
    """What is typed in one place."""

    is_option: bool
    """Whether it has a name that is typed before it; else its place says what it is."""
    flags: tuple[str, ...] = ()
    """The names of an option; without any the parameter's own, `job_id` as `--job-id`."""
    help: str = ""
    metavar: str | None = None
    least: float | None = None
    most: float | None = None
    show_default: bool = True
    complete: Callable[..., list[str]] | None = None
    """The values that begin with what is typed so far; it also gets the values of the parameters before it, by their names."""


def option(
    *flags: str,
    help: str = "",
    metavar: str | None = None,
    min: float | None = None,
    max: float | None = None,
    show_default: bool = True,
    autocompletion: Callable[..., list[str]] | None = None,
) -> Any:
    """An option; for a bool a flag without a value, for a list one that may be repeated."""
    return Parameter(True, flags, help, metavar, min, max, show_default, autocompletion)


def argument(
    *,
    help: str = "",
    metavar: str | None = None,
    show_default: bool = True,
    autocompletion: Callable[..., list[str]] | None = None,
) -> Any:
    """A word without a name; for a list all the words that are left."""
    return Parameter(False, (), help, metavar, None, None, show_default, autocompletion)


REQUIRED: Final = object()
"""In the place of the default of a parameter that has none."""

Declared = dict[str, tuple[Any, Any]]
"""The annotation and the default of each parameter of a command, by its name."""


def declare(function: Any, parameters: Declared) -> None:
    """Say what parameters a function has where its own code does not."""
    function.declared = parameters


def declared_by(function: Any) -> Declared:
    """The parameters of a command's function, without `inspect`, which takes 4 ms to import."""
    if (found := getattr(function, "declared", None)) is not None:
        return dict(found)
    code, hints = function.__code__, annotations_of(function, function.__globals__)
    names = code.co_varnames[: code.co_argcount]
    defaults = function.__defaults__ or ()
    given = [REQUIRED] * (len(names) - len(defaults)) + list(defaults)
    return {name: (hints[name], default) for name, default in zip(names, given, strict=True)}
