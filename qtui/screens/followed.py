"""The job under the cursor of a table, which a screen shows beside its list: found and read in the same load as the list."""

from __future__ import annotations

from dataclasses import dataclass

import redis

from qtui.broker import job as jobs_whole
from qtui.broker.models import JobDetail, JobRow, Window
from qtui.widgets.row_table import RowTable
from qtui_workers.errors import NotFound


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the cursor of a table of jobs is."""

    job_id: str | None
    """The job under it; None where there was none so far, or the cursor stays on the first row whichever job that is."""
    number: int
    """The number of its row, from 0."""
    moves: int
    """How often the operator had moved it."""


def cursor_of(table: RowTable[JobRow], last: str | None = None) -> Cursor:
    """The cursor of a table; `last` is the job that stays under it if the table has no rows."""
    row = None if table.is_following else table.cursor_row
    return Cursor(row.id if row else last, table.cursor, table.moves)


def job_under(client: redis.Redis, window: Window, cursor: Cursor) -> JobDetail | None:
    """The job that the table will have under the cursor when it shows the window; None if it is gone.

    That is the same job, or if it has left the list, the one in its place; if there are no rows, the same job.
    """
    ids = [row.id for row in window.rows]
    wanted = cursor.job_id
    if ids and wanted not in ids:
        wanted = ids[max(0, min(cursor.number - window.offset, len(ids) - 1))]
    try:
        return jobs_whole.load(client, wanted) if wanted else None
    except NotFound:
        return None
