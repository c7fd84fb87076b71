"""The dialog shown before anything is changed: how many, which, where, and what cannot be done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical, VerticalScroll
from textual.geometry import Size
from textual.message import Message
from textual.widgets import Button, Input, Static

from qtui.lazy import Lazy
from qtui.presentation import formatting, labels
from qtui.screens.parts.dialog import LOW, Dialog
from qtui.screens.parts.question import Question, Wanted
from qtui.screens.parts.screen_keys import keys_of
from qtui.shared.messages import CopyRequested, DialogClosed
from qtui.shared.session import session_of
from qtui.widgets.items import Items
from qtui.widgets.line_input import LineInput
from qtui_workers.server.contexts import Context
from qtui_workers.text import printable

if TYPE_CHECKING:
    from qtui.broker.operations import Parameter
    from qtui.presentation import questions
else:
    questions = Lazy("qtui.presentation.questions")

SLIM = 76
"""Where a terminal has fewer columns, or a name has to be typed, how to answer yes stands above the buttons."""
MOST_TYPED = 22
"""Cells of the words that say what has to be typed; the question tells a longer name."""
MOST_NOTES = 5


@dataclass
class QuestionKnown(Message):
    """The question has been prepared, or preparing it has failed."""

    wanted: Wanted
    outcome: Question | Exception


class AnswerInput(LineInput):
    """The field for what has to be typed. For a number it takes no letters: they go on to the dialog, which they close."""

    wanted: str | int | None = None
    """What has to be typed; None if nothing has to."""

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """The letters that are keys of the dialog stay so while a number is typed."""
        if isinstance(self.wanted, str):
            return super().check_consume_key(key, character)
        return character is not None and formatting.is_of_count(character)

    async def _on_key(self, event: events.Key) -> None:
        """Only what may be part of the answer is typed here, and only after the question was seen."""
        screen = self.screen
        early = isinstance(screen, ConfirmScreen) and screen.is_early(event)
        letters = isinstance(self.wanted, str)
        if early or (event.is_printable and not letters and not formatting.is_of_count(event.character or "")):
            event.prevent_default()


class ConfirmScreen(Dialog):
    """Asks before anything is changed; the button No has the focus at first, and every letter but its keys closes it too.

    How to answer yes follows from the change: `y`; where it lasts, what no typed word contains: tab, enter; where it is one of
    many jobs, their number; and from the connection, which may want its name. A key that was pressed before the question was on
    the screen is ignored.
    If there is a parameter, its value is typed first: Enter shows the question for this value, or what is wrong with the value.
    """

    CSS_PATH = "confirm.tcss"
    LETTERS = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "answer(False)", "No", id="confirm.cancel", key_display="esc"),
        Binding("y", "answer(True)", "Yes", id="confirm.yes"),
        Binding("p", "next_way", "Another way", id="confirm.way", tooltip="Retry with care; or delete for good"),
        Binding("c", "copy", "Copy the command", id="confirm.copy", tooltip="The command that would do the same"),
        Binding("left,right", "app.focus_next", "Choose", show=False),
        Binding("up", "scroll_text('up')", "Up", show=False, id="confirm.up"),
        Binding("down", "scroll_text('down')", "Down", show=False, id="confirm.down"),
        Binding("pageup", "scroll_text('page_up')", "Page up", show=False, id="confirm.page_up"),
        Binding("pagedown", "scroll_text('page_down')", "Page down", show=False, id="confirm.page_down"),
    ]

    def __init__(
        self,
        title: str,
        ask: Callable[[Wanted], Iterable[Question]],
        context: Context,
        *,
        lasting: bool,
        parameter: Parameter | None = None,
        value: str = "",
    ) -> None:
        """`ask` makes the question, and makes it again as more becomes known; it runs in a thread and may read from Redis.

        An error that it raises is shown in place of the question. `context` is the connection on which it happens.
        `lasting`: the change cannot be taken back, so a letter is not enough. `value`: what the parameter begins with.
        """
        super().__init__()
        self.what = title
        self.lasting = lasting
        self.parameter = parameter
        self._value = value
        self._ask = ask
        self._wanted = Wanted(None)
        self._where = context
        self._question: Question | None = None
        self._ways_ahead = 0
        """How often the key for another way was pressed before the question was there."""
        self._painted_at = inf
        self.add_class(*([f"-{context.colour}"] if context.colour else []))

    def compose(self) -> ComposeResult:
        """A sentence, a sample, two buttons. No button is called "Cancel", because Cancel is an operation on jobs."""
        with Vertical(id="dialog", classes="-lasting" if self.lasting else ""):
            with VerticalScroll(id="said", can_focus=False):
                yield Static(id="question", markup=False)
                if self.parameter:
                    hint = f"{self.parameter.metavar}: {self.parameter.hint}"
                    yield LineInput(self._value, placeholder=hint, select_on_focus=False, id="value", compact=True)
                yield Items(gap=2, id="ways")
                yield Static(id="sample", markup=False)
                yield Static(id="facts", markup=False)
                yield Static(id="notes", markup=False)
                yield Static(id="command", markup=False)
            with Container(id="foot"):
                yield Static(id="how", markup=False)
                with Horizontal(id="buttons"):
                    yield Button("No", id="no")
                    yield AnswerInput(id="answer", compact=True)
                    yield Button(f"Yes, {self.what.lower()}", id="yes", variant="error" if self.lasting else "primary")

    def on_resize(self, event: events.Resize) -> None:
        """Another size: what fits."""
        self._fit(event.size)

    def _fit(self, size: Size) -> None:
        """The buttons are always in sight: the text above them has the rest of the height, and can be scrolled."""
        low, slim = size.height < LOW, size.width < SLIM or isinstance(self._to_type, str)
        self.set_class(low, "-low").set_class(slim, "-slim")
        around = (4 if low else 8) + slim  # the frame, the blank lines, how to answer and the buttons
        self.query_one("#said").styles.max_height = max(1, size.height - around)

    def _say_more(self, more: bool) -> None:
        """Say at the frame that there is more text than is seen."""
        self.query_one("#dialog").border_subtitle = "↑ ↓ more" if more else ""

    def action_scroll_text(self, way: str) -> None:
        """Scroll the text: "up", "down", "page_up" or "page_down"."""
        getattr(self.query_one("#said"), f"scroll_{way}")(animate=False)

    def on_mount(self) -> None:
        """Prepare the question; an operation with a parameter waits until its value is typed."""
        self.watch(self.query_one("#said"), "show_vertical_scrollbar", self._say_more)
        if self.parameter:
            self._prompt(self.parameter)
            self.query_one("#value", Input).focus()
        else:
            self._look(None)
            self.query_one("#no", Button).focus()

    def on_unmount(self) -> None:
        """Say that the screen below is seen again; nobody waits for questions any more."""
        self._wanted.stop.set()
        self.app.post_message(DialogClosed())

    def _prompt(self, parameter: Parameter) -> None:
        self._show(f"{self.what}: {parameter.prompt}")

    def _look(self, text: str | None, way: int | None = None) -> None:
        self._wanted.stop.set()
        wanted = self._wanted = Wanted(text, way)
        outage = session_of(self.app).reach.outage
        self._show(f"{self.what}: looking …{f' {outage.reason}' if outage else ''}")

        def work() -> None:
            try:
                for question in self._ask(wanted):
                    self.post_message(QuestionKnown(wanted, question))
            except Exception as error:  # noqa: BLE001 - shown to the operator, whatever it is
                self.post_message(QuestionKnown(wanted, error))

        self.run_worker(work, thread=True, exit_on_error=False)

    def action_next_way(self) -> None:
        """Ask about the next way of doing it."""
        question, ahead = self._question, self._ways_ahead
        self._ways_ahead = 0
        if question and question.ways:
            self._look(self._wanted.text, (question.way + ahead + 1) % len(question.ways))
        elif question is None:
            self._ways_ahead = ahead + 1

    def on_input_changed(self, event: Input.Changed) -> None:
        """The value changed: the question about the previous value no longer holds. Or the number: yes may be possible now."""
        if event.input.id == "value" and self.parameter:
            self._prompt(self.parameter)
        else:
            self._allow()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The value is complete; or the number, which then says yes."""
        if event.input.id == "value":
            self._look(event.value.strip())
        elif (wanted := self._to_type) and not questions.is_typed(event.value, wanted):
            self.query_one("#how", Static).update(f"not {questions.as_typed(wanted)}: nothing done")
        else:
            self.action_answer(True)

    def on_question_known(self, message: QuestionKnown) -> None:
        """Show the question, unless the typed value has changed meanwhile, or the question is about the other way by now."""
        typed = self.query_one("#value", Input).value.strip() if self.parameter else None
        if message.wanted is not self._wanted or typed != message.wanted.text:
            return
        if isinstance(message.outcome, Question) and self._question and self._question.asks_the_same(message.outcome):
            self._question = message.outcome
            self._fill_in(message.outcome)
        elif isinstance(message.outcome, Question):
            self._show(message.outcome.text, message.outcome)
            first = "#answer" if self._to_type and not self._lasts else "#no"
            self.query_one(first).focus()
            if self._ways_ahead:
                self._ways_ahead -= 1
                self.action_next_way()
        else:
            trouble = session_of(self.app).reach.failed(message.outcome)
            again = f" Trying again in {trouble.wait} s." if trouble.is_away else ""
            self._show(f"{labels.sentence(message.outcome, self._where.name)}{again}", Question(""))
            if trouble.is_away:
                self.set_timer(max(0.0, trouble.next_look - time.monotonic()), lambda: self._look_again(message.wanted))

    def _look_again(self, wanted: Wanted) -> None:
        """Show the same question as before, unless another one is shown by now."""
        if wanted is self._wanted and self._question and not self._question.agreed:
            self._look(wanted.text, wanted.way)

    def _show(self, text: str, question: Question | None = None) -> None:
        """Show a sentence; yes can only be chosen if it belongs to a question with something to do.

        Without a question it is still looked for, or a value is awaited.
        """
        self._question = question
        vain = question is not None and question.agreed is None
        self.query_one("#yes").display = not vain
        self.query_one("#no", Button).label = "Close" if vain else "No"
        self.query_one("#question", Static).update(printable(text))
        self._fill_in(question or Question(""))
        self._say_ways(question)
        self._say_command(question.command if question else "")
        field = self.query_one("#answer", AnswerInput)
        field.value, field.wanted = "", self._to_type
        typed = f"type {questions.as_typed(field.wanted)}" if field.wanted else ""
        field.placeholder = typed if formatting.cells(typed) <= MOST_TYPED else "type its name"
        field.styles.width = max(16, formatting.cells(field.placeholder) + 2)
        field.set_class(bool(field.wanted), "-any")
        self._allow()
        self._fit(self.size)
        self._painted_at = inf
        self.call_after_refresh(self._painted)

    def _fill_in(self, question: Question) -> None:
        """Show what is known beside the question."""
        notes = [printable(note, 400) for note in question.notes]
        if len(notes) > MOST_NOTES:
            notes[MOST_NOTES - 1 :] = [f"… and {len(notes) - MOST_NOTES + 1:,} notes more"]
        self._fill("#sample", [printable(line, 110) for line in question.sample])
        self._fill("#facts", [printable(line, 200) for line in question.facts])
        self._fill("#notes", notes)

    def _fill(self, place: str, lines: list[str]) -> None:
        self.query_one(place, Static).set_class(bool(lines), "-any").update("\n".join(lines))

    def _say_ways(self, question: Question | None) -> None:
        """The ways of doing it, the one of the question marked."""
        ways = question.ways if question else ()
        named = [f"●{name}" if question and place == question.way else f" {name}" for place, name in enumerate(ways)]
        items = self.query_one("#ways", Items).set_class(bool(ways), "-any")
        items.items = (f"{self._key('confirm.way')}  {named[0]}", *named[1:]) if ways else ()

    def _say_command(self, command: str, copied: str = "") -> None:
        how = copied or f"{self._key('confirm.copy')} copies"
        self._fill("#command", [f"{how}  {printable(command, 240)}"] if command else [])

    def action_copy(self) -> None:
        """Put the command that would do the same on the clipboard."""
        if self._question and (command := self._question.command):
            self.app.post_message(CopyRequested(command, said=lambda how: self._say_command(command, how)))

    def _painted(self) -> None:
        self._painted_at = time.monotonic()

    def _allow(self) -> None:
        """Enable the button Yes if the answer may be yes now, and say how it is given."""
        question = self._question if self._question and self._question.agreed else None
        wanted = self._to_type
        typed = question is not None and (not wanted or questions.is_typed(self.query_one("#answer", Input).value, wanted))
        self.query_one("#yes", Button).disabled = not typed
        self.query_one("#how", Static).update(self._how(question) if question else "")
        self.refresh_bindings()

    def _how(self, question: Question) -> str:
        """How to answer yes, in a few words."""
        if wanted := self._to_type:
            what = "number" if isinstance(wanted, int) else "name"
            return f"tab, {what}, enter" if self._lasts else f"{what}, enter: yes"
        return "tab, enter: yes" if self._lasts else f"{self._key('confirm.yes')}: yes"

    def _key(self, name: str) -> str:
        """How the key of that name is shown: the first of those that do it and are letters."""
        keys = list(keys_of(self, name))
        return self.app.get_key_display(Binding(min(keys, key=len, default=""), ""))

    def is_early(self, event: events.Key) -> bool:
        """Whether a key was pressed before what the dialog shows now was on the screen."""
        return event.time <= self._painted_at

    def ignores(self, event: events.Key) -> bool:
        """Whether a key comes too early to be acted on; the one that asks about another way never does."""
        return event.key not in keys_of(self, "confirm.way") and self.is_early(event)

    async def on_key(self, event: events.Key) -> None:
        """An answer is carried out at once, before what was typed with it; a letter that is none closes the dialog."""
        if not event.is_printable or self.ignores(event) or self.app.screen is not self:
            return
        answers = keys_of(self, *self._answers)
        event.prevent_default()
        event.stop()
        if event.key in answers:
            await self.run_action(answers[event.key].action)
        else:
            if self._question and self._question.agreed and not self._letter_is_enough:
                how = self._how(self._question).removesuffix(": yes")
                self.notify(f"{self.what}: nothing was done. To do it: {how}.", severity="warning")
            self.dismiss()

    @property
    def _answers(self) -> list[str]:
        """The names of the keys that close it as an answer, or leave it open."""
        yes = ["confirm.yes"] if self._letter_is_enough else []
        ways = ["confirm.way"] if self._question is None or self._question.ways else []  # they are not known while it looks
        return [*yes, *ways, "confirm.cancel", "confirm.copy"]

    @property
    def _lasts(self) -> bool:
        return self.lasting or bool(self._question and self._question.lasting)

    @property
    def _letter_is_enough(self) -> bool:
        return not self._lasts and self._to_type is None

    @property
    def _to_type(self) -> str | int | None:
        """What has to be typed to say yes to the question; None if nothing has to."""
        question = self._question
        return questions.to_type(question.number, self._where) if question and question.agreed else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """`y` is an answer only to a question about what can be undone or done again, on few jobs."""
        if action == "copy":
            return bool(self._question and self._question.command)
        return parameters != (True,) or self._letter_is_enough

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """A button was chosen."""
        self.action_answer(event.button.id == "yes")

    def action_answer(self, agreed: bool) -> None:
        """Close the dialog; carry the change out if the answer is yes. Yes is ignored while its button is disabled."""
        if not agreed:
            self.dismiss()
        elif self._question and self._question.agreed and not self.query_one("#yes", Button).disabled:
            self.dismiss()
            self._question.agreed()
