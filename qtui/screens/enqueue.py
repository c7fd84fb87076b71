"""A form that enqueues any processor; its fields are made from the payload's schema."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, ClassVar, get_args

import redis
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, OptionList, Static
from textual.widgets.option_list import Option

from qtui.broker.models import Overview
from qtui.broker.one_job.payload_fields import Field, Kind, fields_of
from qtui.screens.job import JobScreen
from qtui.screens.jobs import JobsScreen
from qtui.screens.parts.resource import ResourceScreen
from qtui.shared.session import Session
from qtui.widgets.payload_form import PayloadForm, go_to_error
from qtui_workers.define.discovery import AnyProcessor, discover
from qtui_workers.enqueue.enqueue_options import EnqueueOptions
from qtui_workers.enqueue.job_template import make_template
from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.errors import InvalidInput, QtuiError
from qtui_workers.naming import Priority
from qtui_workers.text import printable
from qtui_workers.validation import Checked, whole

MOST_COPIES = 10_000
FIRST = "test_job"
"""The processor whose form is shown first."""


class FormOptions(EnqueueOptions):
    """The fields of the form beside the payload, named like the options of `qtui enqueue`."""

    count: Annotated[int, Checked(partial(whole, least=1, most=MOST_COPIES))] = 1


def _field(name: str, kind: Kind, **more: Any) -> Field:
    return Field(name, kind, required=False, **{"description": FormOptions.summary(name).rstrip("."), **more})


OPTIONS = (
    _field("count", "integer", default=1, description="How many jobs, all with this payload"),
    _field("queue", "text"),
    _field("priority", "choice", default="normal", choices=get_args(Priority), description=""),
    _field("delay", "text", description="Not before: 5s, 10m, 2h"),
    _field("attempts", "integer"),
)


@dataclass
class Enqueued(Message):
    """The jobs are in the queue."""

    ids: list[str]
    queue: str


@dataclass
class NotEnqueued(Message):
    """Nothing was enqueued; the message says why."""

    error: Exception


class EnqueueScreen(ResourceScreen[None, None]):
    """Processors at the left, the form of the chosen one at the right."""

    CSS_PATH = "enqueue.tcss"
    HOME = "#list"
    HELP = "Choose a processor, fill in its payload, enqueue. Nothing is enqueued while a field is wrong. Escape leaves a field."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+e", "enqueue", "Enqueue", id="enqueue.enqueue", priority=True, tooltip="Enqueue what the form says"),
        # With priority: also from a field, where a letter is only a letter.
        Binding("ctrl+o", "open", "Open job", id="enqueue.open", priority=True, tooltip="Open what was enqueued last"),
        Binding("o", "open", "Open job", show=False, id="enqueue.open_outside", tooltip="The same, outside the fields"),
    ]

    CHANGING = frozenset({"enqueue"})

    def __init__(self) -> None:
        super().__init__()
        self._found = discover()
        known = self._found.processors
        self.processor: AnyProcessor | None = known.get(FIRST) or next(iter(known.values()), None)
        self._last: Enqueued | None = None
        self._ready: AnyProcessor | None = None
        """The processor whose form is there."""
        self._asked: AnyProcessor | None = None
        """The one that is to be enqueued as soon as its form is there."""
        self._refused = False
        """Whether the reason is shown why nothing was enqueued."""

    def compose_body(self) -> Iterable[Widget]:
        """The list, the form, the options, the button and the command that does the same."""
        with Horizontal(id="halves"):
            with Vertical(id="processors"):
                yield self._list()
                if broken := [f"⚠ {module}: {reason}" for module, reason in self._found.broken.items()]:
                    yield Static(printable("\n".join(broken), 2_000, keep_newlines=True), id="broken", markup=False)
            with VerticalScroll(id="form", can_focus=False):
                yield Static(id="summary", markup=False)
                yield Vertical(id="payload")
                yield Static("options", id="options-title", markup=False)
                yield PayloadForm(OPTIONS)
        yield Static(id="command", markup=False)
        with Horizontal(id="actions"):
            yield Button("Enqueue", id="enqueue", variant="primary", compact=True, disabled=self.session.read_only)
            yield Static(id="outcome", markup=False)

    def _list(self) -> OptionList:
        options = OptionList(*(_option(p) for p in self._found.processors.values()), id="list")
        if self.processor is not None:
            options.highlighted = options.get_option_index(self.processor.name)
        return options

    def on_mount(self) -> None:
        """Show the first processor's form."""
        self.query_one("#list").focus()
        self.call_next(self._show_form)

    def on_screen_suspend(self) -> None:
        """The screen is hidden: why nothing was enqueued is no news when it is seen again; what is wrong stays at its field."""
        self._forget_refusal()

    def load(self, client: redis.Redis, request: None) -> None:
        """Nothing: the overview, which is loaded for every screen, is enough."""

    def show(self, data: None, overview: Overview) -> None:
        """The form does not depend on what is in Redis."""

    async def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Another processor is under the cursor, which may have moved on since."""
        chosen = self._chosen
        if chosen is not None and chosen is not self.processor:
            self.processor = chosen
            self._forget_refusal()
            await self._show_form()

    @property
    def _chosen(self) -> AnyProcessor | None:
        """The processor under the cursor; where there is no list yet, the first."""
        for options in self.query("#list").results(OptionList):
            option = options.highlighted_option
            return self._found.processors.get(option.id or "") if option else None
        return self.processor

    def on_option_list_option_selected(self) -> None:
        """Enter on a processor goes to its first field."""
        self.app.action_focus_next()

    async def _show_form(self) -> None:
        if self.processor is None:
            return
        self._ready = None
        place = self.query_one("#payload", Vertical)
        await place.remove_children()
        await place.mount(PayloadForm(fields_of(self.processor.payload)))
        summary = Content.assemble(
            (self.processor.name, "bold $accent"),
            f"  {self.processor.summary}  ",
            (f"→ {self.processor.queue}", "$text-muted"),
        )
        self.query_one("#summary", Static).update(summary)
        self._show_command()
        self._ready = self.processor
        asked = self._asked
        if asked is self._ready:
            self._asked = None
            self._enqueue_form(asked)
        elif asked is not None and asked is not self._chosen:
            self._asked = None
            self.notify(f"Nothing was enqueued: the form of {asked.name} was not there yet.", severity="warning", markup=False)

    @property
    def _payload_form(self) -> PayloadForm:
        return self.query_one("#payload PayloadForm", PayloadForm)

    @property
    def _options_form(self) -> PayloadForm:
        return self.query_one("#form > PayloadForm", PayloadForm)

    def on_payload_form_edited(self) -> None:
        """A field was changed: say what is wrong so far, and which command does the same."""
        self._check(untouched=False)
        if not self._is_bad:
            self._forget_refusal()
        self._show_command()

    def _show_command(self) -> None:
        if self.processor is None:
            return
        try:
            pairs = [
                f"{name}{':' if _is_json(self.processor, name) else ''}={text}"
                for name, text in self._payload_form.changed().items()
            ]
            options = [word for name, text in self._options_form.changed().items() for word in (f"--{name}", text)]
        except InvalidInput:
            return
        words = ["qtui", "enqueue", self.processor.name, *pairs, *options]
        self.query_one("#command", Static).update(printable("$ " + shlex.join(words), 400))

    def _check(self, *, untouched: bool) -> bool:
        """Show each error at its field, with `untouched` also at fields never edited; True if there is no error."""
        if self.processor is None:
            return False
        good = self._payload_form.check(self.processor.validate, untouched=untouched)
        return self._options_form.check(FormOptions.of, untouched=True) and good

    def on_button_pressed(self) -> None:
        """The button does what the key does."""
        self.action_enqueue()

    def on_input_submitted(self) -> None:
        """Enter in a field goes to the next one."""
        self.app.action_focus_next()

    def action_enqueue(self) -> None:
        """Enqueue the jobs of the form in a thread, once it is there; if a field is wrong, it gets the focus instead."""
        if self.processor is None:
            return
        if self._ready is None or self._ready is not self._chosen:
            self._asked = self._chosen
            return
        self._enqueue_form(self._ready)

    def _enqueue_form(self, processor: AnyProcessor) -> None:
        if not self._check(untouched=True):
            self._refuse(go_to_error(self))
            return
        changed = self._options_form.changed()  # an option that was not changed keeps the processor's value
        options = {name: value for name, value in self._options_form.values().items() if name in changed}
        work = partial(_enqueue, self.session, processor, self._payload_form.values(), options)
        self.run_worker(lambda: self.post_message(work()), thread=True, exit_on_error=False, group="enqueue")

    def on_enqueued(self, message: Enqueued) -> None:
        """Say what was enqueued, and reload."""
        self._last = message
        what = f"job {message.ids[0]}" if len(message.ids) == 1 else f"{len(message.ids):,} jobs"
        self._show_outcome(f"✓ {what} in {message.queue}  (ctrl+o opens)", "$text-success")
        self.reload()

    def on_not_enqueued(self, message: NotEnqueued) -> None:
        """Say why nothing was enqueued, at the fields if it is about fields."""
        reasons = message.error.fields if isinstance(message.error, InvalidInput) else {}
        for form in self.query(PayloadForm):
            own = {each.field.name for each in form.form_fields}
            form.show_errors({name: reason for name, reason in reasons.items() if name in own}, untouched=True)
        self._refuse(go_to_error(self) if self._is_bad else f"Nothing was enqueued: {message.error}")

    @property
    def _is_bad(self) -> bool:
        """Whether a field is wrong, or the payload as a whole."""
        return any(form.shown_reasons for form in self.query(PayloadForm))

    def _refuse(self, text: str) -> None:
        self._show_outcome(text, "$text-error")
        self._refused = True

    def _forget_refusal(self) -> None:
        if self._refused:
            self._show_outcome("", "")

    def _show_outcome(self, text: str, style: str) -> None:
        self._refused = False
        self.query_one("#outcome", Static).update(Content.styled(printable(text, 300), style))

    def action_open(self) -> None:
        """Open what was enqueued last: the job, or the queue if it was more than one job."""
        if self._last is None:
            self.notify("Nothing has been enqueued here yet.", timeout=2)
        elif len(self._last.ids) == 1:
            self.app.push_screen(JobScreen(self._last.ids[0]))
        else:
            self.app.push_screen(JobsScreen(self._last.queue))


def _option(processor: AnyProcessor) -> Option:
    return Option(Content.assemble(processor.name, ("\n" + processor.summary, "$text-muted")), id=processor.name)


def _is_json(processor: AnyProcessor, name: str) -> bool:
    return any(field.name == name and field.kind == "json" for field in fields_of(processor.payload))


def _enqueue(
    session: Session, processor: AnyProcessor, payload: dict[str, Any], options: dict[str, Any]
) -> Enqueued | NotEnqueued:
    """Enqueue the number of jobs that the options give; called in a thread."""
    copies = options.pop("count", 1)
    service = QueueService(session.client)
    try:
        with session.audit.change(session.client, "enqueue", processor.name) as change:
            change.jobs = copies
            if copies == 1:
                job = service.enqueue(processor, payload, **options)
                enqueued = Enqueued([job.id], job.queue)
            else:
                ids = service.enqueue_many(processor, [payload] * copies, **options)
                enqueued = Enqueued(ids, make_template(processor, **options).queue)
            change.ids, change.done = tuple(enqueued.ids), len(enqueued.ids)
            change.outcome = f"enqueued in {enqueued.queue}"
        return enqueued
    except QtuiError as error:
        return NotEnqueued(error)
