"""Tables of text: as wide as they are, or within the terminal."""

from __future__ import annotations

import pytest

from qtui.presentation import formatting
from qtui.printing.tables import columns

ID = "7f3a91c2-1111-4222-8333-444455556666"
HEAD = ["JOB", "QUEUE", "FUNCTION", "WHEN", "TRY", "ERROR"]
ROWS = [[ID, "payments", "shop.tasks.charge.charge_customer", "3m ago", "1/3", "TimeoutError: " + "no answer " * 12]]


def test_without_a_terminal_nothing_is_cut() -> None:
    assert all(cell.strip() in columns(HEAD, ROWS, (3, 4)) for cell in ROWS[0])


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 130, 300])
def test_every_line_fits_and_the_id_is_whole_or_as_short_as_lists_show_it(width: int) -> None:
    head, row, *rest = columns(HEAD, ROWS, (3, 4), width).splitlines()
    assert formatting.cells(head) <= width
    assert formatting.cells(row) <= width
    assert row.startswith((ID, ID[:8] + " "))
    assert head.startswith("JOB ")
    assert "ERROR" in head or "ERROR" in rest[0]


def test_what_is_left_out_is_named() -> None:
    text = columns(HEAD, ROWS, (3, 4), 60)
    assert text.splitlines()[-1] == "No room for TRY, WHEN: a wider terminal or --json has them."
    assert "No room" not in columns(HEAD, ROWS, (3, 4), 80)


def test_a_queue_keeps_what_is_wrong_with_it() -> None:
    head = ["QUEUE", "QUEUED", "RUN", "FAILED", "SCHED", "DEFER", "FINISHED", "WORKERS", "OLDEST", "STATUS"]
    row = ["emails-bulk-of-a-long-name", "9,000", "0", "5,000", "0", "0", "12,000", "0", "2m 10s", "⚠ nobody listens"]
    lines = columns(head, [row], range(1, 9), 80).splitlines()
    assert all(formatting.cells(line) <= 80 for line in lines[:2])
    assert "⚠ nobody listens" in lines[1]
    assert lines[2] == "No room for FINISHED, DEFER: a wider terminal or --json has them."
    assert "9,000" in lines[1]
