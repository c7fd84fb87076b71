"""The dialog in which a filter is typed, with completion, what was typed before, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from textual.binding import Binding, BindingType
from textual.suggester import Suggester
from textual.widgets import Input

from qtui.broker.search.expression import BadExpression, Expression, parse
from qtui.broker.search.qualifiers import QUALIFIERS, Qualifier
from qtui.broker.status import Status
from qtui.preferences.memory import Memory
from qtui.screens.parts.field_dialog import FieldDialog
from qtui.widgets.line_input import LineInput
from qtui_workers.text import printable


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to fit an expression."""

    title: str
    qualifiers: Sequence[Qualifier]
    """Those that can be typed."""
    read: Callable[[str], Expression]
    """The expression of a text; raises BadExpression."""


JOBS: Final = Asked("Only jobs that fit", tuple(QUALIFIERS.values()), parse)


class TermSuggester(Suggester):
    """Completes the term that is being typed: names of qualifiers, and their values."""

    def __init__(self, values: Mapping[str, Iterable[str]], qualifiers: Sequence[Qualifier]) -> None:
        """`values`: for names of qualifiers, the values that are known."""
        super().__init__(use_cache=False, case_sensitive=True)
        self._words = [
            *(f"{q.name}." if q.name == "payload" else f"{q.name}{q.operators[-1]}" for q in qualifiers),
            *(f"status:{status.value}" for status in Status),
            *(f"{name}:{value}" for name, known in values.items() for value in known if value.isprintable() and " " not in value),
        ]

    async def get_suggestion(self, value: str) -> str | None:
        """The whole text with its last term completed; None where nothing fits."""
        before, _, term = value.rpartition(" ")
        minus = "-" if term.startswith("-") else ""
        typed = term.removeprefix("-")
        fitting = [word for word in self._words if typed and word.startswith(typed) and word != typed]
        return f"{before}{' ' if before else ''}{minus}{fitting[0]}" if fitting else None


class FilterScreen(FieldDialog):
    """Asks which jobs, or lines, to show; Enter shows them, an empty text shows all."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Close", id="filter.close", key_display="esc"),
        Binding("up", "earlier(1)", "Earlier", show=False, id="filter.earlier"),
        Binding("down", "earlier(-1)", "Later", show=False, id="filter.later"),
    ]

    def __init__(
        self,
        text: str,
        values: Mapping[str, Iterable[str]],
        memory: Memory,
        apply: Callable[[Expression], object],
        asked: Asked = JOBS,
    ) -> None:
        """`values`: for names of qualifiers, the values that are known.

        `memory` has what was typed before, and gets the text. `apply` is called with the expression.
        """
        super().__init__(
            asked.title,
            ("→ completes", "↑ earlier", "enter shows", "empty shows all", "esc closes"),
            [*(q.example for q in asked.qualifiers), '"two words"', "-word"],
        )
        self._asked = asked
        self._text, self._values, self._memory, self._apply = text, values, memory, apply
        self._place = 0
        """How far back in the history; 0 is what is being typed."""

    def field(self) -> Input:
        """The filter so far, with completion."""
        return LineInput(
            self._text,
            placeholder='error:Timeout age<1h "two words" -word',
            suggester=TermSuggester(self._values, self._asked.qualifiers),
            compact=True,
        )

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Apply the filter, or say what is wrong with it, and where."""
        try:
            expression = self._asked.read(event.value)
        except BadExpression as error:
            place = max(0, min(error.start, len(event.value)))
            event.input.cursor_position = place
            self.say_wrong(printable(str(error), 300))
            return
        if expression.text:
            self._memory.remember_filter(expression.text)
        self.dismiss()
        self._apply(expression)

    def action_earlier(self, step: int) -> None:
        """Put in what was typed before."""
        history = self._memory.now.filters
        self._place = max(0, min(self._place + step, len(history)))
        field = self.query_one(Input)
        field.value = history[-self._place] if self._place else self._text
        field.cursor_position = len(field.value)
