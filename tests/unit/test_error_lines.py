"""What was raised, read from tracebacks as Python writes them and from what else stands in their place."""

from __future__ import annotations

import traceback
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qtui_workers.reporting.error_lines import error_line, frames

MESSAGES = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp")) | st.sampled_from("\n :|+-"), max_size=60)


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    try:
        raise error from cause
    except BaseException as caught:  # noqa: BLE001 - it is what is wanted
        return caught


def written(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def first(error: BaseException) -> str:
    return traceback.format_exception_only(error)[0].partition("\n")[0].strip()


def recursing(depth: int) -> None:
    recursing(depth + 1)


def error_of(function: Callable[[], object]) -> BaseException:
    try:
        function()
    except Exception as error:  # noqa: BLE001 - it is what is wanted
        return error
    raise AssertionError("nothing was raised")


def group(name: str, *errors: Exception) -> ExceptionGroup[Exception]:
    return ExceptionGroup(name, errors)


CAUSE = group("cause", KeyError(1), group("deeper", ValueError("cause")))
OTHER = ValueError("other")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (raised(ValueError("no")), "ValueError: no"),
        (raised(ValueError("two\nlines")), "ValueError: two"),
        (raised(ValueError("\n\n  begins late\nmore")), "ValueError: begins late"),
        (raised(ValueError("these:\n  a")), "ValueError: these:"),
        (raised(ValueError(written(raised(OTHER)))), "ValueError: Traceback (most recent call last):"),
        (raised(ValueError("failed there:\n" + written(raised(OTHER)))), "ValueError: failed there:"),
        (raised(ValueError()), "ValueError"),
        (raised(SystemExit(3)), "SystemExit: 3"),
        (raised(ValueError("no"), raised(KeyError("cause"))), "ValueError: no"),
        (raised(ValueError("no"), CAUSE), "ValueError: no"),
        (error_of(lambda: compile("a b", "x.py", "exec")), "SyntaxError: invalid syntax"),
        (error_of(lambda: recursing(0)), "RecursionError: maximum recursion depth exceeded"),
        (group("some", OTHER), "ExceptionGroup: some (1 sub-exception): ValueError: other"),
        (raised(group("some", raised(OTHER), KeyError(2))), "ExceptionGroup: some (2 sub-exceptions): ValueError: other"),
        (raised(group("some", OTHER), raised(KeyError(1))), "ExceptionGroup: some (1 sub-exception): ValueError: other"),
        (raised(group("some", OTHER), CAUSE), "ExceptionGroup: some (1 sub-exception): ValueError: other"),
        (
            raised(group("some", raised(TypeError("x"), CAUSE), OTHER)),
            "ExceptionGroup: some (2 sub-exceptions): TypeError: x",
        ),
        (
            raised(group("a", raised(group("b", raised(OTHER, CAUSE)), CAUSE), KeyError(2))),
            "ExceptionGroup: a (2 sub-exceptions): ExceptionGroup: b (1 sub-exception): ValueError: other",
        ),
    ],
)
def test_a_traceback_says_what_was_raised(error: BaseException, line: str) -> None:
    assert error_line(written(error)) == line


@given(MESSAGES, st.lists(MESSAGES, max_size=2))
def test_it_is_the_first_line_that_python_writes_of_the_exception(message: str, notes: list[str]) -> None:
    error = ValueError(f"x{message}")
    for note in notes:
        error.add_note(note)
    assert error_line(written(raised(error))) == first(error)
    found = error_line(written(raised(ExceptionGroup(f"g{message}", [raised(error)]))))
    assert found == f"{first(ExceptionGroup(f'g{message}', [error]))}: {first(error)}"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (None, None),
        ("", None),
        (" \n\n ", None),
        ("Work-horse terminated unexpectedly; waitpid returned 9; ", "Work-horse terminated unexpectedly; waitpid returned 9;"),
        ("a sentence\r\n  and more\r\n", "a sentence"),
        ("b\x0bc\x85d\na", "b\x0bc\x85d"),
        ("x" * 1_000, "x" * 500),
        ("Traceback (most recent call last):\n  File cut", None),
        ("  + Exception Group Traceback (most recent call last):\n  |   File cut", None),
        ("  | ", None),
    ],
)
def test_other_texts_and_parts_of_tracebacks(text: str | None, line: str | None) -> None:
    assert error_line(text) == line


@given(
    st.lists(st.sampled_from(["\n", " ", "  | ", "  + ", "+-", "-" * 12, "Traceback (most recent call last):", "x: y"])).map(
        "".join
    )
)
def test_whatever_is_stored_is_read(text: str) -> None:
    assert len(error_line(text) or "") <= 500
    assert 0 <= frames(text.split("\n")) <= len(text.split("\n"))


def test_the_text_of_an_exception_begins_after_its_frames() -> None:
    lines = written(raised(ValueError("two\n  lines"), CAUSE)).split("\n")
    assert lines[frames(lines) :] == ["ValueError: two", "  lines", ""]
    lines = written(raised(CAUSE)).split("\n")
    assert lines[frames(lines) :] == []
