"""Which lines of a tail fit an expression: the same words and qualifiers as for jobs, as far as a line holds them."""

from __future__ import annotations

from typing import Final

from qtui.broker.search.candidate import Candidate, lazy
from qtui.broker.search.expression import BadExpression, Expression, parse
from qtui.broker.search.qualifiers import QUALIFIERS
from qtui.broker.status import Status
from qtui.broker.status import parse as status_of
from qtui.broker.tail.lines import LOG, META, Line
from qtui_workers.reporting.events import EventKind
from qtui_workers.server import keys

OF_LINES: Final = ("status", "queue", "id", "func", "worker", "error", "attempts", "")
"""The qualifiers that a line can be tested for; '' is a word."""

OF_JOBS: Final = ("payload", "age")
"""Those that are read of the job of a line: they stay as they are while it runs."""

_STATUSES: Final = {
    EventKind.RETRYING.value: Status.SCHEDULED,
    EventKind.HELD.value: Status.DEFERRED,
    LOG: Status.STARTED,
    META: Status.STARTED,
}


class _LineCandidate(Candidate):
    """A line as an expression reads it: what it says of its job."""

    def __init__(self, line: Line) -> None:
        super().__init__(b"", "", None, {})
        self._line = line

    @property
    def id(self) -> str:
        return self._line.job or ""

    @lazy
    def queue(self) -> str | None:
        return self._line.queue

    @lazy
    def status(self) -> Status | None:
        return status_of(self._line.kind) or _STATUSES.get(self._line.kind)

    @lazy
    def function(self) -> str | None:
        return self._line.function

    @lazy
    def error(self) -> str | None:
        return self._line.text if self._line.is_failure else None

    @lazy
    def content(self) -> bytes:
        return b""

    def raw(self, name: str) -> bytes | None:
        return b"%d" % self._line.attempt if name == keys.FIELD_ATTEMPT and self._line.attempt else None

    def text(self, name: str) -> str | None:
        """The texts in which words are looked for: what the line says, and its worker and function."""
        if name == "worker_name":
            return self._line.worker
        return f"{self._line.kind} {self._line.level} {self._line.function or ''} {self._line.text}"


def parse_for_lines(text: str, known: tuple[str, ...] = OF_LINES) -> Expression:
    """The expression that a text says; BadExpression where it cannot be read, or asks for what is not `known` of a line."""
    found = parse(text)
    for term in found.terms:
        if term.qualifier.name not in known:
            names = ", ".join(name for name in QUALIFIERS if name in known)
            asked = term.qualifier.name
            raise BadExpression(f"a line does not tell '{asked}' of its job: ask for {names}, or a word", text.find(asked))
    return found


def fits(expression: Expression, line: Line) -> bool:
    """Whether a line fits."""
    return not expression.terms or expression.fits(_LineCandidate(line), line.at)
