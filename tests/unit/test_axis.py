"""The life of a job on one axis: proportions that stay readable, and words that stay in order."""

from __future__ import annotations

import random

import pytest

from qtui.broker.one_job.attempts import KnownAttempt, Span
from qtui.broker.status import Status
from qtui.presentation import axis, formatting
from qtui.presentation.cells import Pieces

DAY = 86_400.0


def life(*parts: tuple[float, str], numbered: bool = True) -> list[Span]:
    """Parts one after the other: seconds, and how an attempt ended, "" for a wait."""
    found, at, number = [], 0.0, 0
    for seconds, outcome in parts:
        number += bool(outcome)
        tried = KnownAttempt(number if numbered else None, outcome, at, at + seconds) if outcome else None
        found.append(Span(at, at + seconds, tried, None if tried else Status.QUEUED))
        at += seconds
    return found


def text(pieces: Pieces) -> str:
    return "".join(part for part, _ in pieces)


def drawn(spans: list[Span], width: int, now: float = 1e6) -> tuple[str, str]:
    bar, words = axis.draw(spans, now, width)
    return text(bar), text(words)


def test_parts_are_as_long_as_they_took() -> None:
    bar, words = drawn(life((10, ""), (30, "failed"), (20, ""), (40, "ok")), 100)
    assert bar == "─" * 10 + "█" * 29 + "✗" + "─" * 20 + "█" * 39 + "✓"
    assert words == "queued 10.0 s  ✗ attempt 1 failed 30.0 s  queued 20.0 s     ✓ attempt 2 finished 40.0 s"
    assert words.index("✓") == bar.index("─█", 40) + 1, "below the beginning of its part"


def test_the_only_attempt_needs_no_number() -> None:
    assert drawn(life((2.1, ""), (30, "failed")), 60)[1].split("  ")[-1].strip() == "✗ failed 30.0 s"


def test_a_blink_beside_days_has_a_cell_of_its_own_and_its_words() -> None:
    spans = life((3 * DAY, ""), (0.004, "failed"), (DAY, ""), (0.2, "failed"))
    bar, words = drawn(spans, 60)
    assert (len(bar), bar.count("✗"), bar.count("█")) == (60, 2, 0)
    assert bar.index("✗") == pytest.approx(45, abs=1)
    assert words.split() == ["3d", "✗", "1:", "4", "ms", "1d", "✗", "2:", "0.2", "s"]


@pytest.mark.parametrize("width", [1, 2, 10, 20, 40, 78, 198])
def test_whatever_took_how_long_every_part_has_a_cell_and_the_words_fit(width: int) -> None:
    chance = random.Random(width)
    for _ in range(50):
        parts = [
            (10 ** chance.uniform(-4, 6), chance.choice(["", "ok", "failed", "stopped"])) for _ in range(chance.randint(1, 25))
        ]
        spans = life(*parts)
        bar, words = drawn(spans, width)
        assert len(bar) == width
        assert formatting.cells(words) <= width
        assert sum(bar.count(glyph) for glyph in "✓✗■") == sum(bool(outcome) for _, outcome in parts[-width:])
        if width >= 20:
            assert axis.words(spans[-1], 1e6, short=True)[0].split()[-1] in words, "how long the last part took is always said"


def test_words_stay_in_the_order_of_their_parts() -> None:
    spans = life(*((1.0 + number, "failed" if number % 2 else "") for number in range(12)))
    words = drawn(spans, 78)[1]
    numbers = [int(word[:-1]) for word in words.split() if word.endswith(":")]
    assert numbers == sorted(numbers)
    assert "6:" in words


def test_what_goes_on_grows_with_the_clock_and_says_what_it_is() -> None:
    running = [Span(0.0, 10.0, status=Status.QUEUED), Span(10.0, None, KnownAttempt(1, "runs", 10.0))]
    assert drawn(running, 40, now=20.0) == ("─" * 20 + "█" * 19 + "▸", "queued 10.0 s       ▸ running 10.0 s")
    assert drawn(running, 40, now=40.0)[0] == "─" * 10 + "█" * 29 + "▸"
    waits = [Span(0.0, 100.0, status=Status.SCHEDULED, is_last=True)]
    assert drawn(waits, 20, now=40.0) == ("─" * 19 + "◷", "◷ due in 1m")
    assert drawn([Span(0.0, None, status=Status.DEFERRED, is_last=True)], 30, now=70.0)[1] == "⋯ deferred 1m 10s"


def test_attempts_of_which_nothing_is_known_are_said() -> None:
    spans = [Span(0.0, 60.0, skipped=2), Span(60.0, 70.0, KnownAttempt(3, "failed", 60.0, 70.0))]
    bar, words = drawn(spans, 70)
    assert (bar.count("?"), bar.count("✗")) == (1, 1)
    assert words.startswith("? 2 attempts not kept, in 1m  ")


def test_an_attempt_whose_beginning_is_not_known_has_no_length() -> None:
    assert axis.words(Span(5.0, 5.0, KnownAttempt(1, "failed", None, 5.0)), 9.0)[0] == "✗ failed –"


def test_the_edges_say_when_it_began_and_how_long_ago_it_ended() -> None:
    assert axis.edges([], 0.0) == ("", "")
    assert axis.edges(life((30, "ok")), 60.0) == ("00:00:00", "30s ago")
    assert axis.edges(life((30, "ok")), 2 * DAY) == ("01-01 00:00", "1d ago")
    assert axis.edges([Span(0.0, None, KnownAttempt(1, "runs", 0.0))], 60.0)[1] == ""
