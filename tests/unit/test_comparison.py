"""Attempts beside each other: what is seen of how many, and what has the sign of a difference."""

from __future__ import annotations

import pytest

from qtui.broker.one_job.attempts import KnownAttempt
from qtui.presentation import comparison
from qtui.presentation.formatting import cells

TRACE = """Traceback (most recent call last):
  File "/srv/venv/lib/python3.11/site-packages/rq/job.py", line 9, in perform
    return self.call()
           ^^^^^^^^^^^
  File "/srv/shop/charge.py", line {line}, in charge
    ask(gateway)
{error}
"""


def tried(number: int, error: str = "", line: int = 41, **more: object) -> KnownAttempt:
    trace = TRACE.format(line=line, error=error) if error else None
    given = {"outcome": "failed", "began": 100.0 * number, "ended": 100.0 * number + 10, "worker": "w1", **more}
    return KnownAttempt(number=number, error=error or None, traceback=trace, **given)


def shown(attempts: list[KnownAttempt], width: int, first: int = 0) -> list[str]:
    return ["".join(text for text, _ in line) for line in comparison.lines(attempts, first, 1000.0, width)]


def line(name: str, attempts: list[KnownAttempt], width: int = 120) -> str:
    return next(each for each in shown(attempts, width) if each.startswith(name))


@pytest.mark.parametrize(
    ("number", "width", "beside"), [(5, 60, 2), (5, 78, 2), (5, 40, 1), (5, 146, 3), (1, 146, 1), (9, 500, 9)]
)
def test_as_many_stand_beside_each_other_as_fit(number: int, width: int, beside: int) -> None:
    assert comparison.beside(number, width) == beside


@pytest.mark.parametrize("width", [30, 46, 78, 146])
def test_no_line_is_longer_than_its_width(width: int) -> None:
    attempts = [tried(n, "ValueError: 商品が見つかりません " + "x" * 300) for n in range(1, 6)]
    for first in range(5):
        assert all(cells(each) <= width for each in shown(attempts, width, first))


def test_the_head_says_which_they_are_and_how_many_more_there_are() -> None:
    attempts = [tried(n) for n in range(1, 6)]
    head = shown(attempts, 78, 1)[0]
    assert head.split() == ["‹", "1", "more", "attempt", "2", "attempt", "3", "2", "more", "›"]


def test_errors_differ_by_their_cause_and_not_by_their_numbers() -> None:
    same = [tried(1, "TimeoutError: no answer in 3 s"), tried(2, "TimeoutError: no answer in 7 s")]
    assert "≠" not in "".join(shown(same, 120))
    other = [*same, tried(3, "KeyError: 'sku'")]
    assert line("error", other, 200).count("≠") == 1
    assert line("error", other, 200).index("≠") > line("error", other, 200).index("7 s")


def test_figures_differ_where_one_is_twice_the_other_and_not_known_differs_from_nothing() -> None:
    attempts = [
        tried(1, peak_memory_bytes=10 << 20, cpu_seconds=1.0),
        tried(2, peak_memory_bytes=30 << 20, cpu_seconds=1.4, ended=290.0, worker="w2"),
        tried(3, ended=310.0, worker="w2"),
    ]
    marks = {name: line(name, attempts, 200).count("≠") for name in ("how", "ran", "worker", "peak memory", "processor", "error")}
    assert marks == {"how": 0, "ran": 2, "worker": 1, "peak memory": 1, "processor": 0, "error": 0}
    assert line("peak memory", attempts, 200).split()[-1] == "–"
    assert "waited" in line("waited", attempts)
    assert line("waited", attempts).split()[1:] == ["–", "–", "–"]


def test_the_ends_of_the_tracebacks_meet_at_the_error_and_lines_that_differ_have_the_sign() -> None:
    attempts = [tried(1, "ValueError: a"), tried(2, "ValueError: a", line=52), tried(3)]
    found = shown(attempts, 200)
    trace = found[next(number for number, each in enumerate(found) if each.startswith("traceback")) :]
    assert [each.count("≠") for each in trace] == [0, 0, 0, 1, 0, 0]
    assert "charge.py:41 charge" in trace[3]
    assert "≠  charge.py:52 charge" in trace[3]
    assert trace[-1].count("ValueError: a") == 2
    assert "^^^" not in "".join(trace)
    assert "RQ keeps none of it" in trace[0]


def test_control_characters_are_symbols() -> None:
    attempts = [tried(1, "ValueError: \x1b[2J\x07", worker="w\x1b]0;title\x07")]
    text = "\n".join(shown(attempts, 120))
    assert "\x1b" not in text
    assert "␛[2J␇" in text
