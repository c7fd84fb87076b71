"""Paragraphs in a place of a fixed number of lines: what one leaves free, another may take."""

from __future__ import annotations

from collections.abc import Sequence

from qtui.presentation.formatting import cells, pad


def laid_out(texts: Sequence[str], usual: Sequence[int], width: int) -> list[list[str]]:
    """The lines of each text, at most `width` cells wide; together they are as many as `usual` has, a number for each text.

    A text has its usual number of lines, filled up with blank ones. One that is longer takes the blank lines of others; if that
    is not enough, an ellipsis marks the cut.
    """
    wrapped = [wrap(text, width) for text in texts]
    heights = _heights([len(lines) for lines in wrapped], usual)
    return [_in(lines, height, width) for lines, height in zip(wrapped, heights, strict=True)]


def wrap(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` cells, broken at blanks, and inside a word that is wider than a line."""
    lines: list[str] = []
    for word in text.split():
        if lines and cells(lines[-1]) + 1 + cells(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
        while cells(lines[-1]) > width > 2:
            long = lines.pop()
            first = pad(long, width)[:-1].rstrip()
            lines += [first, long[len(first) :]]
    return lines


def _heights(needed: Sequence[int], usual: Sequence[int]) -> list[int]:
    """How many lines each has: the blank ones of others go to those that need more, the first of them first."""
    pairs = list(zip(needed, usual, strict=True))
    blank = min(sum(max(0, usually - need) for need, usually in pairs), sum(max(0, need - usually) for need, usually in pairs))
    taken = given = blank
    heights = []
    for need, usually in pairs:
        more, less = min(taken, max(0, need - usually)), min(given, max(0, usually - need))
        taken, given = taken - more, given - less
        heights.append(usually + more - less)
    return heights


def _in(lines: list[str], height: int, width: int) -> list[str]:
    if len(lines) <= height:
        return lines + [""] * (height - len(lines))
    return [*lines[: height - 1], pad(" ".join(lines[height - 1 :]), width).rstrip()] if height else []
