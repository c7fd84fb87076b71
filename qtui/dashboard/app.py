"""The dashboard: its modes, and the keys that work on every screen."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.message import Message
from textual.screen import Screen
from textual.theme import Theme

from qtui.dashboard.changes import Changes
from qtui.dashboard.clipboard import Copying
from qtui.dashboard.configured_keys import OwnCommands
from qtui.dashboard.paging import Paging
from qtui.dashboard.saving import Saving
from qtui.dashboard.switching import Switching
from qtui.dashboard.terminal import Terminal
from qtui.dashboard.typed_ahead import TypedAhead
from qtui.lazy import Lazy
from qtui.places import PLACES
from qtui.presentation.bars import HELP, QUIT
from qtui.screens.parts.repaint import Repainting
from qtui.screens.parts.resource import ResourceScreen
from qtui.shared.messages import ContentsRequested, TailRequested, TakersRequested
from qtui.shared.session import Session
from qtui.widgets.theme import DARK, FEW_COLOURS, THEMES
from qtui_workers.records import as_dict
from qtui_workers.text import printable

if TYPE_CHECKING:
    from qtui.broker.lists import running
    from qtui.dashboard import keymap, palette
    from qtui.screens import audit, contents, help, live, orphans, suspending, takers, watch
else:
    keymap, palette = Lazy("qtui.dashboard.keymap"), Lazy("qtui.dashboard.palette")
    audit, help = Lazy("qtui.screens.audit"), Lazy("qtui.screens.help")
    contents, watch = Lazy("qtui.screens.contents"), Lazy("qtui.screens.watch")
    suspending, takers = Lazy("qtui.screens.suspending"), Lazy("qtui.screens.takers")
    orphans = Lazy("qtui.screens.orphans")
    live, running = Lazy("qtui.screens.live"), Lazy("qtui.broker.lists.running")


LATEST = 0.5
"""Seconds after which the first frame is shown, whole or not."""


class QtuiApp(TypedAhead, Repainting, Saving, Switching, Copying, Paging, OwnCommands, Changes):
    """The terminal in which people operate job queues."""

    TITLE = "qtui"
    CSS_PATH = "qtui.tcss"
    MODES: ClassVar[dict[str, str | Callable[[], Screen[None]]]] = {place.name: place.screen for place in PLACES}
    DEFAULT_MODE = PLACES[0].name
    COMMANDS = App.COMMANDS | {
        lambda: palette.OperationProvider,
        lambda: palette.QueueProvider,
        lambda: palette.JobProvider,
        lambda: palette.ListProvider,
        lambda: palette.ContextProvider,
    }
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (150, "-wide")]  # noqa: RUF012 - typed so by Textual
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(
                str(place.number), f"open_place('{place.name}')", place.title,
                show=False, id=f"app.{place.name}", tooltip=place.hint,
            )
            for place in PLACES
        ),
        Binding(**as_dict(HELP)),
        Binding("colon", "command_palette", "Palette", show=False, key_display=":", id="app.palette"),
        # With priority: also from a field in which a colon is only a colon.
        Binding("ctrl+p", "command_palette", "Palette", show=False, priority=True, id="app.palette_anywhere"),
        # With priority: also over a dialog.
        Binding("ctrl+z", "suspend_process", "Suspend", show=False, priority=True, id="app.suspend", tooltip="Until `fg`"),
        Binding("w", "watch", "Watch", show=False, id="app.watch", tooltip="The jobs of the operation, and how they get on"),
        Binding(**as_dict(QUIT)),
        # With priority: also from a field and over a dialog.
        Binding("ctrl+q", "quit", "Quit", show=False, priority=True, id="app.quit", tooltip="At once, from anywhere"),
    ]  # fmt: skip

    def __init__(
        self,
        session: Session,
        *,
        start: str = PLACES[0].name,
        theme: str | None = None,
        keys: Mapping[str, str] = MappingProxyType({}),
        driver_class: type[Driver] | None = None,
        on_first_frame: Callable[[], object] = lambda: None,
    ) -> None:
        """`start` names the top-level screen that is shown first.

        `theme` is the name of a theme; if it is unknown or None, one that fits the terminal's colours is used.

        `keys` gives what keys do, by its name, to other keys.
        `driver_class` is how the terminal is driven; None is Textual's own way. `on_first_frame` is called when it is shown.
        """
        vars(self)["DEFAULT_MODE"] = start  # where Textual looks for it
        self.set_reactive(App.theme, theme or DARK.name)  # one that is set later has all styles read twice
        super().__init__(driver_class=driver_class)
        if theme not in self.available_themes:
            self.theme = FEW_COLOURS.name if self.console.color_system == "standard" else DARK.name
        self.session = self.join(session)
        session.is_unseen &= start == PLACES[0].name
        self.sessions = {session.name: session}
        self._on_first_frame = on_first_frame
        self.bind_own()
        session.on_audit_trouble = lambda text: self.call_from_thread(self.notify, text, severity="warning", markup=False)
        self.crash: Exception | None = None
        """The exception that ended the dashboard; the first one where there are several."""
        self.given_keys = keys
        self.set_keymap(dict(keys))

    @cached_property
    def available_themes(self) -> dict[str, Theme]:
        """Those of Textual, and ours."""
        return {**super().available_themes, **{each.name: each for each in THEMES}}

    def on_mount(self) -> None:
        """Names in the config file are checked beside the first looks, as that loads all screens."""
        if self.given_keys:
            self.run_worker(self._check_keymap, thread=True, exit_on_error=False, group="keymap")

    def _check_keymap(self) -> None:
        for name in keymap.unknown(self.given_keys, QtuiApp):
            said = f"No key is named '{printable(name, 60)}' (in [keymap] of the config file): qtui keys lists the names."
            self.call_from_thread(self.notify, said, severity="warning", timeout=10, markup=False)

    def on_ready(self) -> None:
        """The screen is laid out; what is shown after that, such as the keys, comes with the next frame."""
        first = self.screen
        show = partial(self._show_first_frame, first)
        first.call_after_refresh(first.call_after_refresh, show)
        self.set_timer(LATEST, show)  # also where something has come between, such as another screen

    def _show_first_frame(self, screen: Screen[object]) -> None:
        if isinstance(screen, ResourceScreen):
            screen.go_on_painting()
        begin, self._on_first_frame = self._on_first_frame, lambda: None
        self.call_after_refresh(begin)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """What the palette has beside jobs, queues, operations and connections."""
        yield SystemCommand("Help", "the keys of this screen", self.action_help)
        yield SystemCommand("Theme", "other colours, until qtui is left", self.action_change_theme)
        yield SystemCommand("Quit", "at once; an operation that runs ends after its chunk", self.action_quit)
        yield from super().get_system_commands(screen)
        for place in PLACES:
            yield SystemCommand(place.title, place.hint, lambda name=place.name: self.action_open_place(name))
        if watched := self.session.watched:
            hint = "How the jobs of the operation get on"
            yield SystemCommand(f"Watch the {len(watched):,} {watched.what}", hint, self.action_watch)
        yield SystemCommand("Audit", "who changed what", lambda: self.push_screen(audit.AuditScreen()))
        if isinstance(screen, ResourceScreen) and (seen := self.session.overview):
            hint = "all of every kind take jobs again" if seen.suspended else "none of any kind takes a job, as rq suspend does"
            verb = "Resume" if seen.suspended else "Suspend"
            yield SystemCommand(f"{verb} all workers", hint, lambda: suspending.ask_to_suspend(screen))
        yield SystemCommand("Orphans", "jobs that wait but that no list holds", lambda: self.push_screen(orphans.OrphansScreen()))
        yield SystemCommand("Undo", "put back the jobs that were removed last", self.action_undo)
        yield SystemCommand("Take back a retry", "what it has scheduled is failed again", self.action_take_back)
        yield from self.own_commands()

    def action_command_palette(self) -> None:
        """Open the palette, unless it is open, or a dialog is."""
        if not self.screen.is_modal:
            self.push_screen(palette.CommandPalette(id="--command-palette"))

    def action_watch(self) -> None:
        """Open the jobs of the operation that runs, else of the last one."""
        if self.session.watched:
            self.push_screen(watch.WatchScreen(self.session.watched))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is something to watch only after an operation."""
        if action == "watch":
            return self.session.watched is not None and isinstance(self.screen, ResourceScreen) and not self._watches
        return super().check_action(action, parameters)

    @property
    def _watches(self) -> bool:
        return any(isinstance(screen, watch.WatchScreen) for screen in self.screen_stack)

    def on_contents_requested(self, message: ContentsRequested) -> None:
        """Open the counts of a list."""
        self.push_screen(contents.ContentsScreen(message.queue, message.status, message.expression))

    def on_takers_requested(self, message: TakersRequested) -> None:
        """Open the workers that can take a job."""
        self.push_screen(takers.TakersScreen(message.job, message.queue))

    def on_tail_requested(self, message: TailRequested) -> None:
        """Open what happens to some jobs."""
        ids, most = message.ids, running.MOST
        if len(ids) > most:
            self.notify(f"Only {most} of the {len(ids):,} jobs are watched.", severity="warning")
        self.push_screen(live.LiveScreen(running.Subject(ids[:most], message.queue)))

    def action_help(self) -> None:
        """Show the keys of the current screen."""
        if not isinstance(self.screen, help.HelpScreen):
            self.push_screen(help.HelpScreen(self.screen))

    def action_help_quit(self) -> None:
        """Say what quits, as ctrl+c does not."""
        found = [key for key, each in self.screen.active_bindings.items() if each.binding.id == "app.quit"]
        self.notify(f"q goes back, and quits from the lowest screen; {' '.join(found)} quits at once.", markup=False)

    async def action_leave(self) -> None:
        """Go back to the screen below; from the lowest one, quit."""
        if len(self.screen_stack) > 1:
            self.pop_screen()
        else:
            self._end(0)

    @dataclass
    class Signalled(Message):
        """A signal was received that ends the dashboard."""

        number: int

    def leave_for(self, signal_number: int) -> None:
        """Quit because of a signal, once there is a screen to be left; the exit code is 128 + the number of the signal."""
        self.post_message(self.Signalled(signal_number))

    def on_qtui_app_signalled(self, message: Signalled) -> None:
        """Quit."""
        self._end(128 + message.number)

    def _end(self, code: int) -> None:
        """End; an operation that runs ends after its chunk, and is reported once the terminal is given back."""
        for session in self.sessions.values():
            session.leaving = True
            if session.running:
                session.running.stop.set()
        self.exit(return_code=code)

    def on_terminal_gone(self) -> None:
        """End, as the terminal has."""
        self.leave_for(signal.SIGHUP)

    def on_terminal_failed(self, message: Terminal.Failed) -> None:
        """Crash with the error of the thread that reads the terminal."""
        raise message.error

    def _handle_exception(self, error: Exception) -> None:
        """Keep the exception for who opened the dashboard, and print nothing: Textual would print the values of variables."""
        self.crash = self.crash or error
        super()._handle_exception(error)
        self._exit_renderables.clear()
