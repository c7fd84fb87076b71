"""The part of Live that shows what happens: the tail, its line of title, and what can be done with it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from qtui.broker.lists.running import Running, Subject
from qtui.broker.search.expression import EVERYTHING, Expression
from qtui.broker.search.qualifiers import QUALIFIERS
from qtui.broker.tail.follower import Follower
from qtui.broker.tail.job_line_filter import JobLineFilter
from qtui.broker.tail.line_filter import OF_JOBS, OF_LINES, fits, parse_for_lines
from qtui.broker.tail.lines import Line
from qtui.broker.tail.reader import Tail
from qtui.presentation import formatting, tail_text
from qtui.presentation.colours import TONES
from qtui.screens.filter import Asked, FilterScreen
from qtui.shared.session import Session
from qtui.widgets.caption import Caption
from qtui.widgets.stream_view import StreamView
from qtui_workers.reporting.events import EventKind
from qtui_workers.text import printable

EVENTS: Final = 300
"""Events that are shown at first, the newest."""
LINES: Final = 20
"""Log lines of each running job that are shown at first; of jobs that are named as many as are kept."""
LINES_OF_NAMED: Final = 1_000

NOTHING: Final = "Nothing has happened yet.\nLog lines and events come here as they are written."


def _asked(title: str, names: tuple[str, ...]) -> Asked:
    return Asked(title, tuple(row for row in QUALIFIERS.values() if row.name in names), lambda text: parse_for_lines(text, names))


_LINES: Final = _asked("Only lines that fit", (*OF_LINES, *OF_JOBS))
_FIND: Final = _asked("Go to lines that fit, with n and N", OF_LINES)


class LiveStream(Vertical):
    """What happens to some jobs, as it happens; progress is left out, as bars show it."""

    class News(Message):
        """Lines have come."""

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, LiveStream.News)

    def __init__(self, about: Subject, session: Callable[[], Session]) -> None:
        super().__init__(id="stream")
        self._about, self._session = about, session
        self._follower: Follower | None = None
        self._filter: Expression = EVERYTHING
        self._known: JobLineFilter | None = None
        """A filter that is not applied yet, as jobs are read for it."""
        self._wanted: Expression = EVERYTHING
        """What `n` goes to; without it failures."""

    def compose(self) -> Iterable[Widget]:
        """The title and the lines."""
        yield Caption(id="stream-title")
        one = len(self._about.ids) == 1
        yield StreamView(
            empty=NOTHING,
            queue=not (one or self._about.queue),
            job=not one,
        )

    @property
    def view(self) -> StreamView:
        """The lines."""
        return self.query_one(StreamView)

    def start(self) -> None:
        """Read on, where the dashboard looks by itself."""
        if self._session().refresh_seconds:
            self._reader.start()

    def stop(self) -> None:
        """Read no more until `start`; nothing is forgotten."""
        if self._follower:
            self._follower.stop()

    @property
    def _reader(self) -> Follower:
        if self._follower is None:
            session = self._session()
            self._follower = Follower(
                lambda: Tail(session.client, self._about, events=EVENTS, lines=LINES_OF_NAMED if self._about.ids else LINES),
                session.name,
                lambda: self.post_message(self.News()),
                lambda error: session.reach.failed(error) if error else session.reach.answered(),
            )
        return self._follower

    @property
    def turn(self) -> int:
        """How many readings are done: to be given to `look`, as it was before the jobs were read."""
        return self._reader.turn

    def look(self, seen: Running, now: float, turn: int) -> None:
        """The jobs as they were seen. Called in a thread; raises redis.RedisError."""
        self._reader.look(seen, now, turn)

    def fetch(self, *, at_once: bool = False) -> None:
        """Show the lines that have come: in a moment, as more may come, or at once."""
        lines = self._reader.take()
        if lines:
            self.view.extend([line for line in lines if line.kind != EventKind.PROGRESS])
            if at_once:
                self.view.settle()
        if self._known and self._reader.knows:
            known, self._known = self._known, None
            self.view.filter(known.fits)
        self.say()

    def on_live_stream_news(self, message: News) -> None:
        """Show them."""
        message.stop()
        self.fetch()

    def on_stream_view_changed(self) -> None:
        """More is hidden, or newer than what is shown."""
        self.say()

    def say(self) -> None:
        """What is shown, and what that hides: "events and log lines · 1,204 hidden · filter: error:Timeout"."""
        view, muted = self.view, TONES["muted"]
        hides_all = self._filter.terms and not self._known and view.hidden
        none_fits = (
            f"No line fits the filter: {formatting.count(view.hidden)} hidden.\nPress / and enter an empty text to show all."
        )
        view.say_where_empty(none_fits if hides_all else NOTHING)
        what = "log and events" if len(self._about.ids) == 1 else "logs and events"
        parts = [Content.styled(what, "bold")]
        if self._filter.terms:
            parts.append(Content("reading jobs …" if self._known else f"{formatting.count(view.hidden)} hidden"))
        if self._wanted.terms:
            parts.append(Content(f"n N: {printable(self._wanted.text)}"))
        if view.wraps:
            parts.append(Content.styled("wrapped", muted))
        if view.frozen or not view.following:
            word = "frozen (f)" if view.frozen else "scrolled back (])"
            newer = f", {formatting.count(view.newer)} newer" if view.newer else ""
            parts.append(Content.styled(f"{word}{newer}", TONES["warn"]))
        if self._follower and self._follower.unread:
            unread = f"{formatting.count(self._follower.unread)} more logs are not read"
            parts.append(Content.styled(unread, TONES["warn"]))
        if self._filter.terms:  # what is long is last, where it may be cut
            parts.append(Content.styled(f"filter: {printable(self._filter.text)}", TONES["warn"]))
        title = Content.styled(" · ", muted).join(parts)
        self.query_one("#stream-title", Caption).say(title)

    # What can be done

    def ask_filter(self, queues: list[str]) -> None:
        """Ask which lines to show."""
        self._ask(self._filter, queues, self._apply_filter, _LINES)

    def _ask(self, now: Expression, queues: list[str], apply: Callable[[Expression], object], asked: Asked) -> None:
        self.app.push_screen(FilterScreen(now.text, {"queue": queues}, self._session().memory, apply, asked))

    def _apply_filter(self, expression: Expression) -> None:
        self._filter, self._known = expression, None
        if any(term.qualifier.name in OF_JOBS for term in expression.terms):
            session = self._session()
            self._known = JobLineFilter(lambda: session.client, expression)
            self._reader.filter(self._known, self.view.lines)
            self.say()
        else:
            self._reader.filter(None)
            self.view.filter((lambda line: fits(expression, line)) if expression.terms else None)

    def ask_find(self, queues: list[str]) -> None:
        """Ask for the lines to which `n` and `N` go."""
        self._ask(self._wanted, queues, self._apply_find, _FIND)

    def _apply_find(self, expression: Expression) -> None:
        self._wanted = expression
        self.view.forget_found()
        if expression.terms:
            self.go(-1)
        self.say()

    def end_filter(self) -> bool:
        """Show all lines again; whether some were hidden."""
        was = bool(self._filter.terms)
        if was:
            self._apply_filter(EVERYTHING)
        return was

    def end_find(self) -> bool:
        """Look for failures again; whether it was something else."""
        was = bool(self._wanted.terms)
        if was:
            self._apply_find(EVERYTHING)
        return was

    def go(self, step: int) -> None:
        """Go to the next line that is wanted, or to the previous one (-1); or say that there is none."""
        wanted = self._wanted
        found = self.view.find((lambda line: fits(wanted, line)) if wanted.terms else _is_failure, step)
        if not found:
            what = "line that fits" if wanted.terms else "failure"
            self.app.notify(f"No {what} {'below' if step > 0 else 'above'}.", timeout=2)

    def save(self) -> None:
        """Write the lines that fit into a new file in the current folder."""
        lines, app = self.view.shown(), self.app
        path = Path(f"qtui-live-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}.log")

        def work() -> None:
            try:
                with path.open("x", encoding="utf-8", errors="replace") as file:
                    file.writelines(f"{tail_text.row(line)}\n" for line in lines)
            except OSError as error:
                said, severity = f"The lines were not saved: {error.strerror or error} ({path.resolve()})", "error"
            else:
                said, severity = f"{len(lines):,} lines saved in {path.resolve()}", "information"
            app.call_from_thread(app.notify, printable(said, 500), severity=severity, markup=False)

        app.run_worker(work, thread=True, exit_on_error=False, group="save")


def _is_failure(line: Line) -> bool:
    return line.is_failure
