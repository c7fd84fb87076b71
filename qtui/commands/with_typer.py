"""The whole command line, as typer runs it: help, completion, and all that is not plain (`command_line.plain_reader`)."""

from __future__ import annotations

import gc
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from qtui.commands import Command, find, find_all, help_texts
from qtui_workers.command_line.with_typer import HELP, translated
from qtui_workers.text import printable

SHOWN: Final = 150
"""Characters of the beginning and of the end of a long error that are shown."""
REWORDED: Final = (
    (r"(?:Input should be a valid|Unable to parse input string as an) integer\b.*", "a whole number is wanted"),
    (r"Input should be a valid (?:number|string)\b.*", "a number is wanted"),
    (r"Input should be greater than or equal to (\S+)", r"at least \1 is wanted"),
    (r"Input should be less than or equal to (\S+)", r"at most \1 is wanted"),
    (r"Got unexpected extra argument\(s\) \((.*)\)", r"'\1' is more than the command takes"),
)
"""What typer says, and pydantic through it, in words for whoever types commands; only numbers are checked there."""


class Commands(TyperGroup):
    """The commands of `qtui`, each imported only when it is called, so that no command loads what only others need."""

    _summaries: Mapping[str, str] = MappingProxyType({})
    """While a command's name is completed, which needs no more of each: its name and its summary."""

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """What the name of a command, or an option before it, may be completed to; imports no command."""
        self._summaries = help_texts.summaries()
        try:
            return super().shell_complete(ctx, incomplete)
        finally:
            self._summaries = {}

    def make_context(self, *given: Any, **more: Any) -> Any:
        """As typer does; an error is in plain words, and repeats only the ends of what is very long."""
        with _plain_errors():
            return super().make_context(*given, **more)

    def invoke(self, ctx: Any) -> Any:
        """As typer does; an error is in plain words, and repeats only the ends of what is very long."""
        with _plain_errors():
            return super().invoke(ctx)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command with that name; if there is none, all commands are loaded so that similar names can be suggested."""
        if cmd_name in self._summaries:
            return TyperCommand(cmd_name, short_help=self._summaries[cmd_name])
        if cmd_name not in self.commands:
            found = find(cmd_name)
            self._add([found] if found else find_all())
        return self.commands.get(cmd_name)

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of all commands, in the order of the help."""
        if self._summaries:
            return [*self._summaries]
        self.commands.clear()
        self._add(find_all())
        return [*self.commands]

    def _add(self, commands: Iterable[Command]) -> None:
        for command in commands:
            self.commands[command.name] = _for_typer(command)
        gc.freeze()  # imported objects live until the end, so the garbage collector need not search them at exit


@contextmanager
def _plain_errors() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if message := getattr(error, "message", ""):  # of wrong usage, for which typer has no public class
            error.message = _plain(message)  # type: ignore[attr-defined]  # see above
        raise


def _plain(message: str) -> str:
    for theirs, ours in REWORDED:
        message = re.sub(theirs, ours, message, flags=re.DOTALL)
    short = message if len(message) <= 2 * SHOWN else f"{message[:SHOWN]} … {message[-SHOWN:]}"
    return printable(short, keep_newlines=True)


def _for_typer(command: Command) -> Any:
    """The command as typer runs it."""
    single = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, context_settings=HELP)
    single.command(command.name)(translated(command.function))
    return get_command(single)


def make_app(begin: Callable[..., None], alone: Callable[[], None]) -> typer.Typer:
    """The whole command line: `begin` takes the options before the command, `alone` is called without a command."""
    app = typer.Typer(
        name="qtui",
        cls=Commands,
        no_args_is_help=False,
        add_completion=True,
        context_settings=HELP,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        help=begin.__doc__,
        epilog="Connection: --url, --context, REDIS_URL or REDIS_HOST …, the config file; nothing set: an embedded server.",
    )
    own = translated(begin)

    def start(ctx: Any, **values: Any) -> None:
        own(**values)
        if ctx.invoked_subcommand is None:
            alone()

    context = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    options = [context, *inspect.signature(own).parameters.values()]
    start.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]  # see PEP 362
    start.__annotations__ = {each.name: each.annotation for each in options}
    app.callback(invoke_without_command=True)(start)
    return app


def texts_of(begin: Callable[..., None], alone: Callable[[], None], columns: int) -> dict[str, str]:
    """The help of each command by its name, and that of the whole by ''."""
    group: Any = get_command(make_app(begin, alone))
    wide = {"terminal_width": columns - 2}  # typer leaves two columns free
    with group.make_context("qtui", [], resilient_parsing=True, **wide) as whole:
        found = {"": whole.get_help()}
        for name in group.list_commands(whole):
            command = group.get_command(whole, name)
            with command.make_context(name, [], parent=whole, resilient_parsing=True, **wide) as single:
                found[name] = single.get_help()
    return found
