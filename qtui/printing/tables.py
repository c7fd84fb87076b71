"""Aligned columns of text for people, which fit into the terminal where there is one."""

from __future__ import annotations

import os
import sys
from collections.abc import Container, Iterable, Sequence
from typing import Final

from qtui.broker.status import STATUSES, Status
from qtui.presentation import formatting
from qtui.printing import output
from qtui_workers.text import printable, short_id

GAP: Final = 2
LEAST: Final = 16
"""A column of text is cut down to so many cells, or to its title, before a column is left out."""
SPARED: Final = (
    *(STATUSES[s].short for s in (Status.FINISHED, Status.CANCELED, Status.READY_TO_ENQUEUE, Status.DEFERRED, Status.SCHEDULED)),
    *("FIRST", "LAST 24 H", "OLDEST", "TRY", "WHERE", "WHEN"),
)
"""The titles of the columns that are left out first; after them those at the right."""


def columns(head: Sequence[str], rows: Iterable[Sequence[str]], right: Container[int], width: int | None = None) -> str:
    """Aligned text: the columns with a number in `right` to the right, the others to the left.

    Within `width` cells, by default those of the terminal; elsewhere, such as in a file, as wide as it is. Where there is too
    little room ids are shortened, then long texts are cut, then columns are left out, and a line says which.
    """
    table = [list(head), *([printable(cell) for cell in row] for row in rows)]
    width = terminal_width() if width is None else width
    aligned = [number in right for number in range(len(head))]
    if width is None:
        return _aligned(table, _widths(table), aligned)
    if _needs(_widths(table)) > width:
        table = [[short_id(cell) if head[n] == "JOB" else cell for n, cell in enumerate(row)] for row in table]
    left_out = []
    while _needs(_narrowed(table, aligned, width)) > width and len(table[0]) > 1:
        number = _least(table[0])
        left_out.append(table[0][number])
        for row in (*table, aligned):
            del row[number]  # type: ignore[attr-defined]  # lists of texts and one of flags
    text = _aligned(table, [min(cells, width) for cells in _narrowed(table, aligned, width)], aligned)
    return f"{text}\nNo room for {', '.join(left_out)}: a wider terminal or --json has them." if left_out else text


def terminal_width() -> int | None:
    """How many cells a line of standard output has; None where it is no terminal."""
    if not output.is_terminal(sys.stdout):
        return None
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except OSError:
        return None


def _widths(table: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(formatting.cells, column)) for column in zip(*table, strict=True)]


def _needs(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def _narrowed(table: Sequence[Sequence[str]], aligned: Sequence[bool], width: int) -> list[int]:
    """The widths of the columns, those of texts cut, the widest first, until all fit or none can be cut any more."""
    widths = _widths(table)
    least = [max(LEAST, formatting.cells(title)) for title in table[0]]
    while (over := _needs(widths) - width) > 0:
        texts = [n for n, is_number in enumerate(aligned) if not is_number and widths[n] > least[n] and table[0][n] != "JOB"]
        if not texts:
            break
        widest = max(texts, key=lambda n: widths[n])
        widths[widest] -= min(over, widths[widest] - least[widest], max(1, widths[widest] // 4))
    return widths


def _least(titles: Sequence[str]) -> int:
    """The column that is left out next; never the first."""
    return next((titles.index(title) for title in SPARED if title in titles[1:]), len(titles) - 1)


def _aligned(table: Iterable[Sequence[str]], widths: Sequence[int], aligned: Sequence[bool]) -> str:
    lines = (
        [formatting.pad(cell, width, right=right) for cell, width, right in zip(row, widths, aligned, strict=True)]
        for row in table
    )
    return "\n".join((" " * GAP).join(line).rstrip() for line in lines)
