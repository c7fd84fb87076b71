"""A command as typer runs it, made of what it declares: for help, completion, errors, and words that are not plain."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, Final, get_args, get_origin

import typer

from qtui_workers.command_line.declare import Parameter

HELP: Final = {"help_option_names": ["-h", "--help"]}


def translated(function: Callable[..., None]) -> Callable[..., None]:
    """The same function with its parameters declared as typer knows them."""
    signature = inspect.signature(function, eval_str=True)
    parameters = [each.replace(annotation=_annotation(each.annotation)) for each in signature.parameters.values()]

    @functools.wraps(function)
    def call(**values: Any) -> None:
        function(**values)

    del call.__wrapped__  # typer would read the function's own parameters
    call.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]  # see PEP 362
    call.__annotations__ = {each.name: each.annotation for each in parameters}
    return call


def _annotation(annotation: Any) -> Any:
    if get_origin(annotation) is not Annotated:
        return annotation
    kind, declared = get_args(annotation)
    return Annotated[kind, _info(declared)] if isinstance(declared, Parameter) else annotation


def _completing(complete: Callable[..., list[str]]) -> Callable[..., list[str]]:
    """The same as typer calls it."""

    def call(ctx: Any, incomplete: str) -> list[str]:
        above = ctx.parent.params if ctx.parent else {}
        return complete(incomplete, {**above, **{name: value for name, value in ctx.params.items() if value is not None}})

    return call


def _info(declared: Parameter) -> Any:
    shared: dict[str, Any] = {
        "help": declared.help or None,
        "metavar": declared.metavar,
        "show_default": declared.show_default,
        "autocompletion": declared.complete and _completing(declared.complete),
    }
    if not declared.is_option:
        return typer.Argument(**shared)
    return typer.Option(*declared.flags, **shared, min=declared.least, max=declared.most)
