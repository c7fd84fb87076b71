"""A form whose fields are made from the schema of a payload."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Checkbox, Input, Label, Select, Static

from qtui.broker.one_job.payload_fields import Field
from qtui.widgets.line_input import LineInput
from qtui_workers.errors import InvalidInput


class Box(Checkbox):
    """A box whose mark says whether it is checked, not only the colour of the mark."""

    def render(self) -> Content:
        self.BUTTON_INNER = "X" if self.value else " "
        return super().render()


class FormField(Vertical):
    """One field: its name, its control, a hint, and what is wrong with it."""

    DEFAULT_CSS = """
    FormField { height: auto; margin-bottom: 1; }
    FormField .line { height: auto; }
    FormField .name { width: 18; text-style: bold; padding-right: 1; }
    FormField .hint, FormField .error { padding-left: 18; color: $text-muted; }
    FormField .error { color: $text-error; display: none; }
    FormField.-bad .error { display: block; }
    FormField.-bad .hint { display: none; }
    FormField Input { width: 1fr; background: $panel; }
    FormField Input:focus { background: $primary-muted; }
    FormField.-bad Input { background: $error-muted; }
    FormField Select { width: 1fr; }
    """

    def __init__(self, field: Field) -> None:
        super().__init__()
        self.field = field
        self.touched = False
        """Whether the value has ever differed from the first one, or was meant to be used."""

    def note_edit(self) -> None:
        """Mark the field as touched if its value is not the first one."""
        self.touched = self.touched or self.is_changed

    @property
    def is_changed(self) -> bool:
        """Whether the value is not the first one."""
        return self.text != self._text_at_first

    def compose(self) -> ComposeResult:
        """Label, control, hint, error."""
        star = " *" if self.field.required else ""
        with Horizontal(classes="line"):
            yield Label(f"{self.field.name}{star}", classes="name", markup=False)
            yield self._control()
        words = " ".join(filter(None, (self.field.description, f"({self.field.hint})")))
        yield Static(words, classes="hint", markup=False)
        yield Static("", classes="error", markup=False)

    def _control(self) -> Widget:
        field, first = self.field, self._text_at_first
        if field.kind == "boolean":
            return Box("yes", value=first == "true", compact=True)
        if field.kind == "choice":
            options = [(choice, choice) for choice in field.choices]
            chosen = Select.NULL if first is None else first
            return Select(options, value=chosen, allow_blank=first is None or not field.default, compact=True)
        placeholder = "{}" if field.kind == "json" else ""
        return LineInput(self._shown, placeholder=placeholder, password=field.secret, compact=True)

    @property
    def _text_at_first(self) -> str | None:
        field = self.field
        if field.kind == "boolean":
            return field.given or ("true" if field.default else "false")
        if field.kind == "choice":
            first = field.default if field.given is None else field.given
            return first if first in field.choices else None
        return self._shown or None

    @property
    def _shown(self) -> str:
        if self.field.given is not None:
            return self.field.given
        return "" if self.field.default is None or self.field.kind == "json" else str(self.field.default)

    @property
    def text(self) -> str | None:
        """The entered value as text; None if nothing was entered and the field keeps its default."""
        if self.field.kind == "boolean":
            return "true" if self.query_one(Checkbox).value else "false"
        if self.field.kind == "choice":
            value = self.query_one(Select).value
            return None if value is Select.NULL else str(value)
        return self.query_one(Input).value or None

    def show_error(self, reason: str | None) -> None:
        """Show what is wrong with the field; None if nothing is wrong."""
        self.set_class(reason is not None, "-bad")
        self.query_one(".error", Static).update(reason or "")


class PayloadForm(Vertical):
    """A control for each field; it returns the entered values, and shows what is wrong with them."""

    DEFAULT_CSS = """
    PayloadForm { height: auto; }
    PayloadForm > .whole { color: $text-error; display: none; margin-bottom: 1; }
    PayloadForm.-bad > .whole { display: block; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "screen.back", "Leave", id="form.leave", key_display="esc")]

    class Edited(Message):
        """A field was changed."""

    def __init__(self, fields: Sequence[Field]) -> None:
        super().__init__()
        self._fields = fields
        self._seen: dict[str, str] = {}
        """The texts when they were looked at last."""
        self.shown_reasons: tuple[tuple[str, str], ...] = ()
        """Name and reason of each error that is shown; no name where it is about the whole form."""

    def compose(self) -> ComposeResult:
        """What is wrong with all of it, and a control for each field."""
        yield Static("", classes="whole", markup=False)
        if not self._fields:
            yield Static("No fields: nothing to fill in.", markup=False)
        for field in self._fields:
            yield FormField(field)

    def on_mount(self) -> None:
        """A control that only reports its first value was not edited."""
        self._seen = self.texts()

    def focus_first(self) -> None:
        """Give the focus to the first field."""
        for control in self.query("Input, Checkbox, Select")[:1]:
            control.focus()

    @property
    def form_fields(self) -> Iterable[FormField]:
        """The fields as widgets."""
        return self.query(FormField)

    def texts(self) -> dict[str, str]:
        """The entered texts by field name; fields that keep their default are absent."""
        return {each.field.name: each.text for each in self.form_fields if each.text is not None}

    def changed(self) -> dict[str, str]:
        """As `texts`, but without values that equal the default, and with … in place of secrets."""
        found = {name: text for name, text in self.texts().items() if not self._is_default(name, text)}
        return {name: "…" if self._field(name).secret else text for name, text in found.items()}

    def _field(self, name: str) -> Field:
        return next(field for field in self._fields if field.name == name)

    def _is_default(self, name: str, text: str) -> bool:
        field = self._field(name)
        return not field.required and bool(field.parse(text) == field.default)

    def values(self) -> dict[str, Any]:
        """The entered values by field name, without those that equal the default.

        Raises InvalidInput, with the reasons by field, for invalid JSON.
        """
        values, reasons = self._parsed()
        if reasons:
            raise InvalidInput("; ".join(f"{name} {reason}" for name, reason in reasons.items()), reasons)
        return values

    def _parsed(self) -> tuple[dict[str, Any], dict[str, str]]:
        """The values by field name, and the reasons by the names of fields whose text is no value."""
        values: dict[str, Any] = {}
        reasons: dict[str, str] = {}
        for name, text in self.texts().items():
            try:
                if not self._is_default(name, text):
                    values[name] = self._field(name).parse(text)
            except InvalidInput as error:
                reasons |= error.fields
        return values, reasons

    def check(self, validate: Callable[[dict[str, Any]], object], *, untouched: bool) -> bool:
        """Show what `validate` and the fields themselves refuse, as `show_errors` does; True if nothing is wrong."""
        values, unreadable = self._parsed()
        refused: dict[str, str] = {}
        try:
            validate(values)
        except InvalidInput as error:
            refused = error.fields or {"": str(error)}
        reasons = refused | unreadable  # of a field whose text is no value only this is true
        self.show_errors(reasons, untouched=untouched)
        return not reasons

    def show_errors(self, reasons: Mapping[str, str], *, untouched: bool) -> None:
        """Show each reason at its field, with `untouched` also at fields never edited; no reasons removes all that are shown.

        A reason that belongs to none of the fields is shown above all of them.
        """
        if not self.children:  # the screen is being closed, and they are gone
            return
        fields = {each.field.name: each for each in self.form_fields}
        for name, each in fields.items():
            each.touched = each.touched or untouched
            each.show_error(reasons.get(name) if each.touched else None)
        own = [(name, reasons[name]) for name, each in fields.items() if name in reasons and each.touched]
        whole = "; ".join(reason for name, reason in reasons.items() if name not in fields)
        if not any(each.touched for each in fields.values()) and not untouched:
            whole = ""
        self.set_class(bool(whole), "-bad")
        self.query_one(".whole", Static).update(whole)
        self.shown_reasons = (*([("", whole)] if whole else []), *own)

    def on_input_changed(self) -> None:
        """A text was changed."""
        self._edited()

    def on_checkbox_changed(self) -> None:
        """A box was checked or unchecked."""
        self._edited()

    def on_select_changed(self) -> None:
        """A choice was made."""
        self._edited()

    def _edited(self) -> None:
        texts = self.texts()
        if texts == self._seen:
            return
        self._seen = texts
        for each in self.form_fields:
            each.note_edit()
        self.post_message(self.Edited())


def go_to_error(place: Widget) -> str:
    """Give the focus to the first field below a widget that is wrong; the sentence names it, whatever colours are seen."""
    for control in place.query(".-bad Input, .-bad Checkbox, .-bad Select")[:1]:
        control.focus()
    reasons = [": ".join(filter(None, each)) for form in place.query(PayloadForm) for each in form.shown_reasons]
    more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
    return f"Nothing was enqueued{more}: {reasons[0]}" if reasons else "Nothing was enqueued."
