"""The palette: operate on the selected jobs, jump to a queue by its name, or to a job by its id."""

from __future__ import annotations

import re
from collections.abc import Collection
from difflib import get_close_matches
from functools import partial
from typing import Any, cast

from textual import command
from textual.app import ComposeResult
from textual.command import CommandInput, CommandList, DiscoveryHit, Hit, Hits, Provider, SearchIcon
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input, LoadingIndicator
from textual.widgets.option_list import Option

from qtui.broker.lists import jobs
from qtui.broker.one_job import job_ids
from qtui.broker.operations import OPERATIONS, Operation
from qtui.broker.search.expression import EVERYTHING, parse
from qtui.dashboard.switching import Switching
from qtui.presentation import labels
from qtui.screens.job import JobScreen
from qtui.screens.jobs import JobsScreen
from qtui.screens.parts.operation_keys import operation_action
from qtui.shared.session import session_of
from qtui.widgets.line_input import LineInput
from qtui_workers.errors import InvalidInput
from qtui_workers.naming import suggestion
from qtui_workers.server.contexts import Connections, read_config
from qtui_workers.text import printable

_CONTEXT = re.compile(r"(?:^|\s)@(\S+)\s*$")
JOB_ID = re.compile(r"[A-Za-z0-9_.:-]{6,}")
_PLAIN = re.compile(r"\w[\w.-]*")
"""A word that could be a queue's name."""
MOST = 20
CAN_BE_TYPED = (
    "Here go: a screen, a queue, an operation, @CONTEXT, the id of a job or its beginning (6 characters or more), "
    "or jobs [QUEUE] [FILTER] [@CONTEXT]"
)
_OFTEN = 0.02
"""Seconds between two looks whether a search is over."""
_GO = "Show that connection; what runs on this one goes on"


class PaletteInput(CommandInput, LineInput):
    """Textual's field of the palette, with the keys of our fields."""


class CommandPalette(command.CommandPalette):
    """Textual's palette, which ends the App by an exception if its list is paged before it was laid out."""

    def compose(self) -> ComposeResult:
        """The same as Textual's, with our field."""
        with Vertical(id="--container"):
            with Horizontal(id="--input"):
                yield SearchIcon()
                yield PaletteInput(placeholder=self._placeholder, select_on_focus=False)
            with Vertical(id="--results"):
                yield CommandList()
                yield LoadingIndicator()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter takes the first hit of what was typed, once the search for it is over; Textual would take one of before."""
        commands = self.query_one(CommandList)
        if any(worker.group == self._GATHER_COMMANDS_GROUP and not worker.is_finished for worker in self.workers):
            event.prevent_default()
            event.stop()
            self.set_timer(_OFTEN, self._submit_again)
        elif commands.option_count and commands.highlighted is None and commands.get_option_at_index(0).id != self._NO_MATCHES:
            commands.highlighted = 0

    def _start_no_matches_countdown(self, search_value: str) -> None:
        """Say at once that nothing fits, and what may be typed."""
        self._stop_no_matches_countdown()
        if search_value:
            said = Option(Content.assemble(("Nothing found.", "bold"), f"\n{CAN_BE_TYPED}"), disabled=True, id=self._NO_MATCHES)
            self.query_one(CommandList).add_option(said)
        self._list_visible = bool(search_value)

    def _submit_again(self) -> None:
        if self.is_attached:
            field = self.query_one(Input)
            field.post_message(Input.Submitted(field, field.value))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that move in the list do nothing until it is there."""
        if action == "command_list" and not any(each.scrollable_content_region.height for each in self.query(CommandList)):
            return False
        return super().check_action(action, parameters)


class OperationProvider(Provider):
    """A command for every operation whose key is active on the screen now."""

    def _possible(self) -> list[Operation]:
        actions = {active.binding.action for active in self.screen.active_bindings.values() if active.enabled}
        return [operation for operation in OPERATIONS.values() if operation_action(operation) in actions]

    async def discover(self) -> Hits:
        """All these operations, before anything is typed."""
        for operation in self._possible():
            yield DiscoveryHit(operation.title, partial(self.screen.run_action, operation_action(operation)), help=operation.hint)

    async def search(self, query: str) -> Hits:
        """The operations whose title matches the query."""
        matcher = self.matcher(query)
        for operation in self._possible():
            if (score := matcher.match(operation.title)) > 0:
                title = matcher.highlight(operation.title)
                yield Hit(score, title, partial(self.screen.run_action, operation_action(operation)), help=operation.hint)


class QueueProvider(Provider):
    """A command for every queue of the newest overview."""

    def _queues(self) -> list[str]:
        seen = session_of(self.app).overview
        return [queue.name for queue in seen.queues] if seen else []

    def _open(self, queue: str) -> None:
        self.app.push_screen(JobsScreen(queue))

    async def discover(self) -> Hits:
        """The first queues, before anything is typed."""
        for name in self._queues()[:MOST]:
            yield DiscoveryHit(f"Queue {printable(name)}", partial(self._open, name), help="Its jobs")

    async def search(self, query: str) -> Hits:
        """The queues whose name matches."""
        matcher = self.matcher(query)
        for name in self._queues():
            label = f"Queue {printable(name)}"
            if (score := matcher.match(label)) > 0:
                yield Hit(score, matcher.highlight(label), partial(self._open, name), help="Its jobs")


class JobProvider(Provider):
    """A command that opens the job whose id was typed or pasted."""

    async def search(self, query: str) -> Hits:
        """The query itself, if it could be an id."""
        wanted = query.strip()
        if JOB_ID.fullmatch(wanted):
            yield Hit(0.5, f"Job {wanted}", partial(self._open, wanted), help="Open it by its id, or by the beginning of it")

    def _open(self, wanted: str) -> None:
        """Find the job in a thread, and open it; or say that there is none."""
        app, session = self.app, session_of(self.app)

        def open_screen(job_id: str) -> None:
            app.push_screen(JobScreen(job_id))

        def say(error: Exception) -> None:
            app.notify(labels.sentence(error, session.name), severity="warning", markup=False)

        def work() -> None:
            try:
                job_id = job_ids.find(session.client, wanted)
            except Exception as error:  # noqa: BLE001 - shown to the operator, whatever it is
                app.call_from_thread(say, error)
            else:
                app.call_from_thread(open_screen, job_id)

        app.run_worker(work, thread=True, exit_on_error=False, group="find")


class ListProvider(Provider):
    """A command that opens a list of jobs as it is written down and handed on: `jobs payments status:failed error:x @prod`."""

    async def search(self, query: str) -> Hits:
        """The query itself, if it begins so."""
        word, _, rest = query.strip().partition(" ")
        if word == "jobs":
            yield Hit(1.0, Content(printable(query.strip())), partial(self._open, rest), help="[QUEUE] [FILTER] [@CONTEXT]")

    async def _open(self, line: str) -> None:
        """Open the list, on the connection that the line names; or say what is wrong with it."""
        app = cast(Switching, self.app)
        context = _CONTEXT.search(line)
        if context and not await app.action_switch(context[1], and_then="the list"):
            return
        session, wanted = app.session, line[: context.start()] if context else line

        def show(known: Collection[str]) -> None:
            try:
                screen = list_of(wanted, known)
            except InvalidInput as error:
                app.notify(printable(str(error), 500), severity="warning", markup=False)
            else:
                if app.session is session:
                    if typed := screen.filtered.expression.text:
                        session.memory.remember_filter(typed)
                    app.push_screen(screen)

        def work() -> None:
            try:
                known = jobs.queue_names(session.client)
            except Exception:  # noqa: BLE001 - the screen below says what is wrong
                known = ()
            app.call_from_thread(show, known)

        if session.overview:
            show([row.name for row in session.overview.queues])
        else:
            app.run_worker(work, thread=True, exit_on_error=False, group="find")


class ContextProvider(Provider):
    """A command for every other connection of the config file: `context prod`, or `@prod`."""

    async def startup(self) -> None:
        """Read the config file anew; what is wrong with it is shown where a connection is chosen."""
        try:
            named = list(read_config(Connections).contexts)
        except InvalidInput:
            named = []
        self._names = [name for name in named if name != session_of(self.app).name]

    def _hit(self, name: str) -> partial[Any]:
        return partial(cast(Switching, self.app).action_switch, name)

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for name in self._names:
            yield DiscoveryHit(f"Context {printable(name)}", self._hit(name), help=_GO)

    async def search(self, query: str) -> Hits:
        """Those whose name matches."""
        wanted = query.strip()
        matcher = self.matcher(f"Context {wanted[1:]}" if wanted.startswith("@") else wanted)
        for name in self._names:
            label = f"Context {printable(name)}"
            if (score := matcher.match(label)) > 0:
                yield Hit(score, matcher.highlight(label), self._hit(name), help=_GO)


def list_of(line: str, known: Collection[str]) -> JobsScreen:
    """The screen that a line such as `payments status:failed error:x` names; `known`: the names of the queues."""
    queue, _, rest = line.strip().partition(" ")
    if queue not in known and _PLAIN.fullmatch(queue) and get_close_matches(queue, known, n=1):
        hint = suggestion(queue, known, "queues")
        raise InvalidInput(f"There is no queue '{queue}': {hint} In quotes it is a word to look for.")
    expression = parse(rest if queue in known else line)
    statuses = expression.statuses() if expression.about("status") else ()
    if expression.about("status") == list(expression.terms):
        expression = EVERYTHING
    return JobsScreen(queue if queue in known else None, next(iter(statuses), None), expression)
