"""The job under the cursor of a table, which a screen shows beside its list: found and read in the same load as the list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import redis

from qtui.broker.models import JobDetail, JobRow
from qtui.broker.one_job import job as jobs_whole
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


@dataclass(frozen=True, slots=True)
class Followed:
    """The job that is shown beside the list."""

    detail: JobDetail | None
    """None: it is gone, or there is none."""
    row: JobRow | None
    """The same as the list had it."""
    moves: int
    """How often the cursor had been moved when it was read."""


class HasId(Protocol):
    """A row of a table of jobs."""

    @property
    def id(self) -> str:
        """The job's id."""
        ...


def cursor_of(table: RowTable[Any]) -> Cursor:
    """The cursor of a table."""
    row: HasId | None = None if table.is_following else table.cursor_row
    return Cursor(row.id if row else None, table.cursor, table.moves)


def job_under(
    client: redis.Redis, rows: Sequence[JobRow], offset: int, cursor: Cursor, known: Followed | None = None
) -> Followed:
    """The job that the table will have under the cursor when it shows these rows, which begin at number `offset`.

    That is the same job, or if it has left the list, the one in its place; if there are no rows, the same job. `known`: what
    was read before; of a job that has ended it still holds if its row is the same.
    """
    by_id = {row.id: row for row in rows}
    wanted = cursor.job_id
    if rows and wanted not in by_id:
        wanted = rows[max(0, min(cursor.number - offset, len(rows) - 1))].id
    row = by_id.get(wanted or "")
    if known and known.detail and row and row == known.row and row.status and row.status.ended:
        return Followed(known.detail, row, cursor.moves)
    try:
        detail = jobs_whole.load(client, wanted) if wanted else None
    except NotFound:
        detail = None
    return Followed(detail, row, cursor.moves)
