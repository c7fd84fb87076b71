"""Paragraphs that share the lines of a place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from qtui.presentation.paragraphs import laid_out, wrap

COMMAND = "Start a worker: qtui-worker nightly --url unix:///run/redis/jobs-of-the-shop/redis.sock"


@pytest.mark.parametrize(
    ("texts", "lines"),
    [
        (["mail fails.", "Enter its causes"], [["mail fails.", ""], ["Enter its causes"]]),
        (["mail fails.", COMMAND], [["mail fails."], [COMMAND[:41], COMMAND[42:]]]),
        (["mail fails. " * 4, ""], [["mail fails. mail fails. mail fails. mail", "fails."], [""]]),
    ],
)
def test_a_long_text_takes_the_lines_that_another_leaves_blank(texts: list[str], lines: list[list[str]]) -> None:
    assert laid_out(texts, (2, 1), 45) == lines


def test_what_does_not_fit_at_all_is_cut_with_an_ellipsis_and_takes_no_line_that_another_needs() -> None:
    text, step = laid_out(["word " * 30, COMMAND], (2, 1), 45)
    assert (len(text), len(step)) == (2, 1)
    assert text[1].endswith("…")
    assert step[0].endswith("…")


def test_a_word_that_is_wider_than_a_line_is_broken() -> None:
    assert wrap("see unix:///a/very/long/path now", 10) == ["see", "unix:///a", "/very/lon", "g/path now"]


@given(st.lists(st.text(max_size=200), min_size=2, max_size=4), st.integers(4, 60), st.data())
def test_there_are_always_as_many_lines_as_usual_none_too_wide(texts: list[str], width: int, data: st.DataObject) -> None:
    usual = data.draw(st.lists(st.integers(1, 3), min_size=len(texts), max_size=len(texts)))
    laid = laid_out(texts, usual, width)
    assert sum(map(len, laid)) == sum(usual)
    assert all(cell_len(line) <= width for lines in laid for line in lines)


@given(st.text(max_size=200), st.integers(4, 60))
def test_wrapping_loses_nothing_but_blanks(text: str, width: int) -> None:
    assert "".join("".join(wrap(text, width)).split()) == "".join(text.split())
