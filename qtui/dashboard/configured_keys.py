"""What the config file adds to the keys: pages about the job under the cursor, and commands of the user's own."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType

from qtui.lazy import Lazy
from qtui.preferences import templates
from qtui.presentation import formatting
from qtui.screens.parts.question import Question
from qtui.shared.session import Session
from qtui_workers.errors import QtuiError
from qtui_workers.text import printable

if TYPE_CHECKING:
    from qtui.broker.models import JobRow
    from qtui.preferences.settings import CommandSettings
    from qtui.screens import links, output
    from qtui.screens.parts import confirm
else:
    confirm, links, output = (
        Lazy("qtui.screens.parts.confirm"),
        Lazy("qtui.screens.links"),
        Lazy("qtui.screens.output"),
    )


@runtime_checkable
class HasJob(Protocol):
    """A screen that is about a job, or has one under its cursor."""

    @property
    def job(self) -> JobRow | None:
        """The job; None if there is none."""


class OwnCommands(App[None]):
    """The part of the App that opens links, and runs the user's own commands."""

    session: Session
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("u", "links", "Links", show=False, id="app.links", tooltip="Pages about the job under the cursor"),
    ]

    def bind_own(self) -> None:
        """Give the commands their keys."""
        for name, command in self.session.own.commands.items():
            if command.key:
                self.bind(command.key, f"own({name!r})", description=printable(name, 40), show=False)

    @property
    def _job(self) -> JobRow | None:
        return self.screen.job if isinstance(self.screen, HasJob) else None

    def own_commands(self) -> Iterable[SystemCommand]:
        """Those of the palette."""
        if self._job and self.session.own.links:
            yield SystemCommand("Links", "pages about the job under the cursor", self.action_links)
        for name, command in self.session.own.commands.items():
            about = printable(command.about or shlex.join(command.run), 100)
            yield SystemCommand(printable(name, 40), about, lambda name=name: self.action_own(name))

    def action_links(self) -> None:
        """Open the page about the job under the cursor; where that is not possible, or there are several, show where they are."""
        if not (row := self._job):
            self.notify("There is no job under the cursor.", severity="warning")
            return
        found = templates.addresses(self.session.own.links, row)
        if not found:
            self.notify(
                "No page is known: [links] in the config file names them, see the README.", severity="warning", markup=False
            )
        elif len(found) > 1 or not self.open_page(next(iter(found.values()))):
            self.push_screen(links.LinksScreen(formatting.short_id(row.id), found, self.open_page))

    def open_page(self, address: str) -> bool:
        """Open an address in the browser of this desktop; False where there is none, as over ssh."""
        opener = opener_of(os.environ)
        if opener is None:
            return False
        quiet = subprocess.DEVNULL
        subprocess.Popen([opener, address], stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)
        self.notify(f"Opened {printable(address, 200)}", markup=False)
        return True

    def action_own(self, name: str) -> None:
        """Ask where that is wanted, then run a command of the user's own and show what it prints."""
        session, command = self.session, self.session.own.commands[name]
        if self.screen.is_modal:
            return
        if session.read_only and not command.harmless:
            self.notify(f"{session.name} is read-only, and {name} is not marked harmless.", severity="warning", markup=False)
            return
        row = self._job
        try:
            words = templates.words(command.run, row)
        except QtuiError as error:
            self.notify(f"{name}: {error}.", severity="warning", markup=False)
            return
        job_id = row.id if row and command.run != words else None
        if command.confirm:
            self.push_screen(self._asking(name, command, words, job_id))
        else:
            self._run_own(name, command, words, job_id)

    def _asking(self, name: str, command: CommandSettings, words: tuple[str, ...], job_id: str | None) -> confirm.ConfirmScreen:
        about = f" about job {formatting.short_id(job_id)}" if job_id else ""
        asked = Question(
            f"Run {name}{about}? You are on {self.session.name}.",
            facts=[command.about] if command.about else [],
            command=shlex.join(words),
            agreed=lambda: self.call_later(self._run_own, name, command, words, job_id),
        )
        return confirm.ConfirmScreen("Run", lambda _: [asked], self.session.context, lasting=not command.harmless)

    def _run_own(self, name: str, command: CommandSettings, words: tuple[str, ...], job_id: str | None) -> None:
        self.push_screen(output.OutputScreen(name, words, job_id, is_change=not command.harmless))


def opener_of(environment: Mapping[str, str]) -> str | None:
    """The program that opens an address on this desktop; None where there is none, or only one at the other end of an ssh."""
    if environment.get("SSH_CONNECTION"):
        return None
    if sys.platform == "darwin":
        return shutil.which("open")
    has_desktop = environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")
    return shutil.which("xdg-open") if has_desktop else None
