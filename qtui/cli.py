"""`qtui`: the dashboard, and the commands that do the same from a shell."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterable
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command

from qtui import legible, output
from qtui.commands import Command, find, find_all
from qtui.commands.connection import chosen_context, connected
from qtui.commands.options import ContextName, Global, Url
from qtui_workers.errors import QtuiError
from qtui_workers.text import printable

HELP: Final = {"help_option_names": ["-h", "--help"]}


class Commands(TyperGroup):
    """The commands of `qtui`, each imported only when it is called, so that no command loads what only others need."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command with that name; if there is none, all commands are loaded so that similar names can be suggested."""
        if cmd_name not in self.commands:
            found = find(cmd_name)
            self._add([found] if found else find_all())
        return self.commands.get(cmd_name)

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of all commands, in the order of the help."""
        self.commands.clear()
        self._add(find_all())
        return [*self.commands]

    def _add(self, commands: Iterable[Command]) -> None:
        for command in commands:
            self.commands[command.name] = _for_typer(command)
        gc.freeze()  # imported objects live until the end, so the garbage collector need not search them at exit


def _for_typer(command: Command) -> Any:
    """The command as typer runs it."""
    single = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, context_settings=HELP)
    single.command(command.name)(command.function)
    return get_command(single)


app = typer.Typer(
    name="qtui",
    cls=Commands,
    no_args_is_help=False,
    add_completion=True,
    context_settings=HELP,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="The terminal in which people operate RQ job queues. Without a command: the dashboard.",
    epilog="Connection: --url, --context, REDIS_URL or REDIS_HOST …, the config file; nothing set: an embedded server.",
)


@app.callback(invoke_without_command=True)
def qtui(
    ctx: typer.Context,
    url: Url = None,
    context: ContextName = None,
    show_version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    """The terminal in which people operate RQ job queues. Without a command: the dashboard."""
    Global.url, Global.context = url, context
    if show_version:
        from importlib.metadata import version  # 30 ms that no other command needs

        typer.echo(f"qtui {version('qtui-rq')}")
    elif ctx.invoked_subcommand is None:
        dashboard()


def dashboard() -> None:
    """Open the dashboard; with no terminal, print the overview."""
    if not output.on_terminal():
        from qtui.commands.queues import queues

        queues()
        return
    from qtui.broker import quick_overview
    from qtui.launch import open_dashboard

    chosen, preferences = chosen_context(None, None)
    if seen := quick_overview.look(chosen.target):
        open_dashboard(chosen, preferences, seen=seen)
    else:
        with connected(None, None) as (client, chosen):
            open_dashboard(chosen, preferences, client=client)


def main() -> None:
    """The entry point: an error is one sentence on standard error, and the exit code tells its kind."""
    output.keep_descriptors()
    legible.adapt(sys.stdout, "stdout")
    legible.adapt(sys.stderr, "stderr")
    if os.environ.get("QTUI_PROCESSORS"):
        sys.path.append(".")  # qtui-worker finds processors in the current folder, so qtui does too
    try:
        app(_optional_value(sys.argv[1:], "--wait", "inf"), prog_name="qtui")
    except QtuiError as error:
        output.note(f"qtui: {printable(str(error), 2_000)}")
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a fault of ours
        from qtui import crash

        raise SystemExit(crash.report(error)) from None


def _optional_value(words: list[str], option: str, default: str) -> list[str]:
    """The words with a default value added to `option` if no number follows it: click itself requires a value."""
    found = []
    for place, word in enumerate(words):
        following = words[place + 1] if place + 1 < len(words) else ""
        alone = word == option and not following.replace(".", "", 1).isdigit()
        found.append(f"{option}={default}" if alone else word)
    return found
