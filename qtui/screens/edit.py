"""A form with the arguments of a job, from which a new job is made, linked with the old one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import redis
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, Static

from qtui.broker import edit
from qtui.broker.edit import Editable, Edited
from qtui.broker.models import Overview
from qtui.broker.one_job.payload_fields import Field, fields_of
from qtui.broker.status import Status
from qtui.presentation import formatting, labels
from qtui.screens.parts.resource import ResourceScreen
from qtui.widgets.payload_form import PayloadForm, go_to_error
from qtui_workers.errors import InvalidInput
from qtui_workers.text import printable


@dataclass
class EditEnded(Message):
    """The new job is enqueued, or why it is not."""

    outcome: Edited | Exception


class EditScreen(ResourceScreen[Editable | None, Editable]):
    """The arguments of one job, a field for each; unchanged they make a duplicate."""

    CSS_PATH = "edit.tcss"
    HELP = (
        "Edit the arguments of a job, and enqueue them as a new job with the same options; the old one stays as it is. Nothing "
        "is enqueued while a field is wrong. Escape goes back."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+e", "enqueue", "Enqueue", id="edit.enqueue", priority=True, tooltip="Enqueue it as a new job"),
    ]
    CHANGING = frozenset({"enqueue"})

    def __init__(self, job_id: str, opened: Callable[[str], object]) -> None:
        """`opened` is called with the id of the new job, once it is enqueued."""
        super().__init__()
        self.job_id = job_id
        self._opened = opened
        self._made = self._ready = self._working = False

    def compose_body(self) -> Iterable[Widget]:
        """What is edited, the form, and the button."""
        yield Static(printable(self.job_id), id="crumb", markup=False)
        yield VerticalScroll(id="form", can_focus=False)
        with Horizontal(id="actions"):
            yield Button("Enqueue", id="enqueue", variant="primary", compact=True, disabled=self.session.read_only)
            yield Static(id="outcome", markup=False)

    def request(self) -> Editable | None:
        """The job, once it is known: what is typed must not be replaced."""
        return self.data

    def is_wanted(self, requested: Editable | None, current: Editable | None) -> bool:
        """It is read once."""
        return True

    def load(self, client: redis.Redis, request: Editable | None) -> Editable:
        """What of the job can be edited."""
        return request or edit.load(client, self.job_id)

    def show(self, data: Editable, overview: Overview) -> None:
        """Make the form, once."""
        if self._made:
            return
        self._made = True
        title = f"{data.queue} › {data.function} › edited copy of {formatting.short_id(data.job_id)}"
        self.query_one("#crumb", Static).update(printable(title))
        self.call_next(self._fill, PayloadForm(_fields(data)))
        is_live = data.status in (Status.QUEUED, Status.STARTED, Status.SCHEDULED, Status.DEFERRED)
        self._say(f"The old job is {data.status}, and stays so." if is_live else "", "$text-warning")

    async def _fill(self, form: PayloadForm) -> None:
        await self.query_one("#form").mount(form)
        self._ready = True
        form.focus_first()

    def _document(self, job: Editable) -> dict[str, Any]:
        """The arguments with what was changed; raises InvalidInput, with the reasons by field, for what is no JSON."""
        document = dict(job.document)
        reasons: dict[str, str] = {}
        for each in self.query_one(PayloadForm).form_fields:
            try:
                if each.is_changed and each.text is not None:
                    document[each.field.name] = each.field.parse(each.text)
                elif each.is_changed:
                    document.pop(each.field.name, None)
            except InvalidInput as error:
                reasons |= error.fields
        if reasons:
            raise InvalidInput("; ".join(f"{name} {reason}" for name, reason in reasons.items()), reasons)
        return document

    def on_payload_form_edited(self) -> None:
        """Show what is wrong with what was changed so far."""
        if self.data is not None:
            self._check(self.data, untouched=False)

    def _check(self, job: Editable, *, untouched: bool) -> dict[str, Any] | None:
        """The arguments; None, with the reasons at their fields, where they do not fit."""
        form = self.query_one(PayloadForm)
        try:
            document = self._document(job)
            edit.check(job, document)
        except InvalidInput as error:
            form.show_errors(error.fields or {"": str(error)}, untouched=untouched)
            return None
        form.show_errors({}, untouched=untouched)
        return document

    def on_button_pressed(self) -> None:
        """The button does what the key does."""
        self.action_enqueue()

    def on_input_submitted(self) -> None:
        """Enter in a field goes to the next one."""
        self.app.action_focus_next()

    def action_enqueue(self) -> None:
        """Enqueue the copy in a thread; if a field is wrong, it gets the focus instead."""
        job, client = self.data, self.session.client
        if self._working or self.session.read_only:
            return
        if job is None or not self._ready:
            self._say("Nothing was enqueued: the job is still being read. Press ctrl+e again.", "$text-warning")
            return
        document = self._check(job, untouched=True)
        if document is None:
            self._say(go_to_error(self), "$text-error")
            return
        self._working = True
        audit = self.session.audit

        def work() -> None:
            try:
                with audit.change(client, "edit", ids=(job.job_id,)) as change:
                    edited = edit.enqueue(client, job, document)
                    change.outcome = f"enqueued as {edited.job_id} in {edited.queue}"
                self.post_message(EditEnded(edited))
            except Exception as error:  # noqa: BLE001 - shown to the operator, whatever it is
                self.post_message(EditEnded(error))

        self.run_worker(work, thread=True, exit_on_error=False, group="enqueue")

    def on_edit_ended(self, message: EditEnded) -> None:
        """Open the new job in the place of the form; or say why there is none."""
        self._working = False
        if isinstance(message.outcome, Exception):
            self._say(f"Nothing was enqueued: {labels.sentence(message.outcome, self.session.name)}", "$text-error")
            return
        edited = message.outcome
        what = "An edited copy" if edited.changed else "A duplicate"
        self.notify(f"{what} is in {printable(edited.queue, 80)}.", timeout=4, markup=False)
        self.pop_until_active()
        self.app.pop_screen()
        self._opened(edited.job_id)

    def _say(self, text: str, style: str) -> None:
        for outcome in self.query("#outcome").results(Static):  # there is none yet where the screen is just being opened
            outcome.update(Content.styled(printable(text, 300), style))


def _fields(job: Editable) -> list[Field]:
    """The fields of the form with the job's values: those of its processor, else JSON."""
    if job.processor is None:
        described = {"args": "the arguments by position, a list", "kwargs": "those by name"} if job.form == "call" else {}
        return [
            _filled(Field(name, "json", required=job.form == "call", description=described.get(name, "")), value)
            for name, value in job.document.items()
        ]
    known = fields_of(job.processor.payload)
    return [_filled(field, job.document.get(field.name)) for field in known]


def _filled(field: Field, value: Any) -> Field:
    if field.kind in ("boolean", "choice") and value is None:
        return field
    if field.kind == "boolean":
        return replace(field, given="true" if value else "false")
    if value is None:
        return replace(field, given="")
    return replace(field, given=json.dumps(value, ensure_ascii=False) if field.kind == "json" else str(value))
