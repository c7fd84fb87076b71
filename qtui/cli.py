"""`qtui`: the dashboard, and the commands that do the same from a shell."""

from __future__ import annotations

import gc
import io
import os
import sys
from functools import cache
from typing import Annotated

import typer

from qtui.commands.options import ContextName, Global, Url, chosen_context, connected
from qtui_workers.errors import QtuiError
from qtui_workers.text import printable

app = typer.Typer(
    name="qtui",
    no_args_is_help=False,
    add_completion=True,
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
    if not (sys.stdout.isatty() and sys.stdin.isatty()):
        from qtui.commands.look import queues

        queues()
        return
    _, mine = chosen_context(None, None)
    with connected(None, None) as (client, chosen):
        from qtui.launch import open_dashboard

        open_dashboard(chosen, client, mine)


@cache
def commands() -> typer.Typer:
    """The whole command line, with every command."""
    from qtui.commands import act, look, pause
    from qtui.commands.enqueue import enqueue
    from qtui.commands.worker import worker
    from qtui.demo import demo

    for command in (look.queues, look.jobs, look.job, enqueue):
        app.command()(command)
    act.register(app)
    for other in (pause.pause, pause.resume, worker, demo):
        app.command()(other)
    return app


def main() -> None:
    """The entry point: an error is one sentence on standard error, and the exit code says of which kind."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without Unicode shows "?" instead of a glyph
    if os.environ.get("QTUI_PROCESSORS"):
        sys.path.append(".")  # where qtui-worker finds processors in the current folder, they are found here as well
    try:
        command_line = commands()
        gc.freeze()  # what was imported stays to the end, so the collector need not look through it at exit
        command_line(_optional_value(sys.argv[1:], "--wait", "inf"), prog_name="qtui")
    except QtuiError as error:
        sys.stderr.write(f"qtui: {printable(str(error), 2_000)}\n")
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _optional_value(words: list[str], option: str, default: str) -> list[str]:
    """The words, with a value after an option that stands alone: `--wait` may, but an option of click's may not."""
    found = []
    for place, word in enumerate(words):
        following = words[place + 1] if place + 1 < len(words) else ""
        alone = word == option and not following.replace(".", "", 1).isdigit()
        found.append(f"{option}={default}" if alone else word)
    return found
