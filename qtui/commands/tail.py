"""`qtui tail`: what happens to jobs, as it happens."""

from __future__ import annotations

import json as json_text
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Final

from qtui.broker import clock
from qtui.broker.lists import running
from qtui.broker.lists.running import Subject
from qtui.broker.one_job import job_ids
from qtui.broker.status import Status
from qtui.commands.connection import check_queue, connected
from qtui.commands.options import ContextName, Url, complete_queues
from qtui.commands.searching import given
from qtui.presentation import formatting, tail_text
from qtui.printing import documents, output
from qtui_workers.command_line.declare import argument, option
from qtui_workers.errors import InvalidInput
from qtui_workers.server.redis_errors import explain, is_away

if TYPE_CHECKING:
    import redis

    from qtui.broker.tail.job_line_filter import JobLineFilter
    from qtui.broker.tail.lines import Line

ORDER: Final = 31
EVERY: Final = 1.0
"""Seconds between two looks at the jobs themselves."""
PAUSE: Final = 1 / 15
"""Seconds between two readings: lines that come fast are read some at a time."""
BACKLOG: Final = 1_000
"""Log lines of each named job with which it begins; of the others it begins with none."""
PATIENCE: Final = (1.0, 2.0, 4.0, 8.0)
"""Seconds until the next try where Redis is away; the last value is repeated."""
SOME_FAILED: Final = 1


def tail(
    ids: Annotated[
        list[str] | None,
        argument(metavar="ID", help="These jobs: it ends when all of them have ended.", show_default=False),
    ] = None,
    queue: Annotated[
        str | None,
        option("--queue", metavar="Q", help="The jobs of this queue.", show_default=False, autocompletion=complete_queues),
    ] = None,
    expression: Annotated[
        str | None,
        option(
            "--filter",
            metavar="EXPR",
            help="Only lines that fit, such as 'error:Timeout age<1h payload.customer_id:42 \"two words\" -word'.",
            show_default=False,
        ),
    ] = None,
    url: Url = None,
    context: ContextName = None,
    json: Annotated[bool, option("--json", help="One JSON document a line.")] = False,
) -> None:
    """Progress, log lines and events of jobs as they come.

    Without ids it goes on until Ctrl-C. With ids it ends with exit code 0 when all have finished, 1 where one has not succeeded.
    """
    from qtui.broker.tail.job_line_filter import JobLineFilter
    from qtui.broker.tail.line_filter import OF_JOBS, OF_LINES, parse_for_lines

    wanted = parse_for_lines(given(expression), (*OF_LINES, *OF_JOBS))
    if ids and queue:
        raise InvalidInput("name jobs, or a queue, not both: a job's queue is known")
    if len(ids or ()) > running.MOST:
        raise InvalidInput(f"at most {running.MOST} jobs can be named; tail their queue with --queue")
    with connected(url, context) as (client, chosen):
        check_queue(client, queue)
        named = tuple(dict.fromkeys(job_ids.find(client, job_id) for job_id in ids or ()))
        following = _Following(client, Subject(named, queue), chosen.name, JobLineFilter(lambda: client, wanted))
        try:
            for shown in following.batches():
                if shown:
                    output.say("\n".join(_json(line) if json else tail_text.row(line, place=len(named) != 1) for line in shown))
                elif output.is_abandoned():
                    return
        finally:
            if following.hidden:
                output.note(f"lines hidden by the filter: {formatting.count(following.hidden)}")
    if not following.all_finished:
        raise SystemExit(SOME_FAILED)


def _json(line: Line) -> str:
    return json_text.dumps(documents.of_tail_line(line))


class _Following:
    """What is read, until all named jobs have ended."""

    def __init__(self, client: redis.Redis, about: Subject, connection: str, known: JobLineFilter) -> None:
        """`known` says which lines are wanted."""
        from qtui.broker.tail.reader import Tail

        self._client, self._about, self._connection, self._known = client, about, connection, known
        self._tail = Tail(client, about, lines=BACKLOG if about.ids else 0)
        self._seen = running.NOBODY
        self._lines: list[Line] = []
        """What was read, and is not tested yet."""
        self._failures = 0
        self._unread = 0
        self.hidden = 0
        """Lines that did not fit."""

    @property
    def all_finished(self) -> bool:
        """Whether each named job has succeeded."""
        return all(run.now.status is Status.FINISHED for run in self._seen.runs)

    def batches(self) -> Iterator[Sequence[Line]]:
        """The lines that fit, some at a time, perhaps none; raises redis.RedisError where Redis answers, but refuses."""
        next_look = 0.0
        while True:
            try:
                now = time.monotonic()
                if now >= next_look:
                    self._seen = running.look(self._client, self._seen, now, self._about)
                    yield self._fitting(self._tail.read(0, self._seen, clock.now(self._client).seconds))
                    next_look = now + EVERY
                    if self._has_ended:
                        return
                lines = self._tail.read(max(0.01, next_look - time.monotonic()))
                self._say_well()
                yield self._fitting(lines)
                if lines:
                    time.sleep(PAUSE)
            except OSError as error:
                self._wait(error)
            except Exception as error:
                if not is_away(error):
                    raise
                self._wait(error)

    def _fitting(self, lines: list[Line]) -> list[Line]:
        """Those of the lines that fit; where Redis goes away meanwhile, they are tested again."""
        self._lines += lines
        found = self._known.fitting(self._lines)
        self.hidden += len(self._lines) - len(found)
        self._lines = []
        return found

    @property
    def _has_ended(self) -> bool:
        runs = self._seen.runs
        ended = bool(self._about.ids) and not self._tail.is_behind
        return ended and all(run.now.status is None or run.now.status.ended for run in runs)

    def _wait(self, error: Exception) -> None:
        if not self._failures:
            output.note(f"{explain(error, self._connection)} Trying again until it answers.")
        time.sleep(PATIENCE[min(self._failures, len(PATIENCE) - 1)])
        self._failures += 1

    def _say_well(self) -> None:
        if self._failures:
            output.note("Redis answers again: what was dropped meanwhile is said where it is missing.")
            self._failures = 0
        if self._tail.unread > self._unread:
            output.note(f"{self._tail.unread:,} more jobs run than logs are read at the same time: their lines are missing.")
        self._unread = self._tail.unread
