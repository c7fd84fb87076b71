"""`qtui`: the dashboard, and the commands that do the same from a shell."""

from __future__ import annotations

from qtui.start import interrupt

# isort: split
import gc
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Annotated, Final

from qtui.commands import find, help_texts
from qtui.commands.connection import chosen_context, connected
from qtui.commands.options import ContextName, Global, Url
from qtui.printing import legible, output
from qtui_workers.command_line import streams
from qtui_workers.command_line.declare import option
from qtui_workers.command_line.plain_reader import NotPlain, read, split
from qtui_workers.errors import QtuiError
from qtui_workers.server import prefix
from qtui_workers.text import printable

COMPLETION: Final = "_QTUI_COMPLETE"
"""The variable by which a shell asks what a word may be completed to."""


def begin(
    url: Url = None,
    context: ContextName = None,
    snapshot: Annotated[bool, option("--snapshot", help="Print one frame of the dashboard as text, and end.")] = False,
    show_version: Annotated[bool, option("--version", help="Show the version and exit.")] = False,
) -> None:
    """The terminal in which people operate RQ job queues. Without a command: the dashboard."""
    Global.url, Global.context, Global.snapshot = url, context, snapshot
    if show_version:
        from importlib.metadata import version  # 30 ms that no other command needs

        output.say(f"qtui {version('qtui-rq')}")
        raise SystemExit


def dashboard() -> None:
    """Open the dashboard; with no terminal, print the overview."""
    if Global.snapshot:
        from qtui.dashboard.snapshot import snapshot

        with connected(None, None) as (client, chosen):
            output.say(snapshot(chosen, chosen_context(None, None)[1], client).rstrip("\n"))
        return None
    if not (output.on_terminal() or os.environ.get("TEXTUAL_DRIVER")):  # textual-serve names one, and has pipes
        from qtui.commands.queues import queues

        queues()
        return None
    from qtui.broker.queues import quick_overview
    from qtui.preferences.memory import Memory

    chosen, preferences = chosen_context(None, None)
    memory = Memory(chosen.name, kept=True)
    seen = quick_overview.look(chosen.target)
    if seen is None:
        with connected(None, None) as (client, chosen):
            from qtui.dashboard.launch import open_dashboard

            return open_dashboard(chosen, preferences, client=client, memory=memory)
    from qtui.start.borrowed import borrow

    borrowed = borrow(chosen, seen, preferences, memory)
    try:
        from qtui.dashboard.launch import open_dashboard

        open_dashboard(chosen, preferences, seen=seen, borrowed=borrowed, memory=memory)
    finally:
        if borrowed:
            borrowed.give_back()


def main() -> None:
    """The entry point: an error is one sentence on standard error, and the exit code says of which kind it is."""
    try:
        _main()
    except KeyboardInterrupt:  # wherever it meets us, also where an error is reported
        # Where it met code made from text, as that of a named tuple, `python -m` would end by the signal although it is caught;
        # it forgets that when it next runs such code.
        exec("")  # noqa: S102 - an empty text
        raise SystemExit(130) from None
    finally:
        interrupt.end_silently()


def _main() -> None:
    legible.adapt(sys.stdout, "stdout")
    legible.adapt(sys.stderr, "stderr")
    streams.keep()
    if os.environ.get("QTUI_PROCESSORS"):
        sys.path.append(".")  # qtui-worker finds processors in the current folder, so qtui does too
    asked = os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS", "")
    prefix.decide(asked.split() if COMPLETION in os.environ else sys.argv[1:])
    try:
        _run(_optional_value(sys.argv[1:], "--wait", "inf"))
    except QtuiError as error:
        output.note(f"qtui: {printable(str(error), 2_000)}")
        raise SystemExit(error.exit_code) from None
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a fault of ours
        from qtui.start import crash

        raise SystemExit(crash.report(error)) from None


def _run(words: list[str]) -> None:
    """Runs the command: at once where the words are plain, else as typer reads them."""
    gc.disable()  # what is imported stays: to look through it for garbage takes a tenth of the start
    call = None
    with suppress(NotPlain):
        call = _completing(os.environ[COMPLETION]) if COMPLETION in os.environ else _plain(words)
    gc.enable()
    gc.freeze()
    if call is not None:
        call()
        return
    from qtui.commands.with_typer import make_app

    make_app(begin, dashboard)(words, prog_name="qtui")


def _completing(instruction: str) -> Callable[[], None]:
    """What the shell asks for."""
    from qtui.commands import completing

    return partial(output.say, completing.answer(begin, instruction))


def _plain(words: list[str]) -> Callable[[], None] | None:
    """What plain words request; None, or NotPlain is raised, where typer has to read them."""
    if words and words[-1] in ("--help", "-h"):
        text = help_texts.of(words)
        return partial(output.say, text) if text else None
    before, rest = split(words)
    begin(**read(begin, before))
    if not rest:
        return dashboard
    found = find(rest[0])
    return partial(found.function, **read(found.function, rest[1:])) if found else None


def _optional_value(words: list[str], option: str, default: str) -> list[str]:
    """The words with a default value added to `option` if no number follows it: click itself requires a value."""
    found = []
    for place, word in enumerate(words):
        following = words[place + 1] if place + 1 < len(words) else ""
        alone = word == option and not following.replace(".", "", 1).isdigit()
        found.append(f"{option}={default}" if alone else word)
    return found


interrupt.raise_again()
