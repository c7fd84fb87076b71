"""The life of a job on one axis: waits and attempts as parts of a bar, as long as they took, with their words below."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from qtui.broker.one_job.attempts import KnownAttempt, Span
from qtui.broker.status import STATUSES, Status, Tone
from qtui.presentation import formatting
from qtui.presentation.cells import Pieces

WAIT, IN_QUEUE, NOT_KNOWN, ATTEMPT = "╌", "─", "?", "█"
GAP: Final = 2
"""Cells between two words."""
DAY: Final = 86_400

_ENDS: Final[dict[str | None, tuple[str, str, Tone | None]]] = {
    **{
        outcome: (word, STATUSES[status].glyph, STATUSES[status].tone)
        for outcome, word, status in (
            ("ok", "finished", Status.FINISHED),
            ("failed", "failed", Status.FAILED),
            ("stopped", "stopped", Status.STOPPED),
            ("gave up", "gave up", Status.FAILED),
            ("runs", "running", Status.STARTED),
        )
    },
    "retried": ("asked to be retried", "↻", "warn"),
    None: ("ended", "•", None),
}
"""For each way in which an attempt ends: its word, glyph and tone."""


def ending(attempt: KnownAttempt) -> tuple[str, str, Tone | None]:
    """How an attempt ended, or that it runs: a word, a glyph and a tone."""
    return _ENDS[attempt.outcome]


def draw(spans: Sequence[Span], now: float, width: int) -> tuple[Pieces, Pieces]:
    """The bar, and the words below it, at most `width` cells each. Every part has a cell; of too many, the oldest go."""
    if not spans or width < 1:
        return (), ()
    shown = spans[-width:]
    cells = allot([span.seconds(now) for span in shown], width)
    bar: list[tuple[str, Tone | None]] = []
    for span, number in zip(shown, cells, strict=True):
        bar += _part(span, number)
    starts = [0, *accumulate(cells)]
    return bar, _words(shown, starts, now, width)


def allot(lengths: Sequence[float], width: int) -> list[int]:
    """So many cells for each length: one at least, the others in proportion; together `width`, which is enough for that."""
    total = sum(lengths)
    shares = [width * (length / total if total else 1 / len(lengths)) for length in lengths]
    cells = [max(1, int(share)) for share in shares]
    while (over := sum(cells) - width) > 0:
        place = max((place for place, number in enumerate(cells) if number > 1), key=lambda place: cells[place] - shares[place])
        cells[place] -= 1
    for place in sorted(range(len(cells)), key=lambda place: cells[place] - shares[place])[:-over]:
        cells[place] += 1
    return cells


def _part(span: Span, cells: int) -> Pieces:
    if span.attempt is not None:
        _, glyph, tone = ending(span.attempt)
        return [(ATTEMPT * (cells - 1) + glyph, tone)]
    line = (IN_QUEUE if span.status else WAIT) * cells
    if span.skipped:
        line = line[: cells // 2] + NOT_KNOWN + line[cells // 2 + 1 :]
    elif span.is_last and span.status:
        return [(line[1:] + STATUSES[span.status].glyph, STATUSES[span.status].tone)]
    return [(line, "muted")]


def words(span: Span, now: float, *, is_only: bool = True, short: bool = False) -> tuple[str, Tone | None]:
    """What a part is, and how long: "queued 2.1 s", "✗ attempt 2 failed 30.0 s"; of an attempt also `short`, "✗ 2 30.0 s"."""
    long = formatting.duration(span.seconds(now))
    if span.attempt is None:
        return _wait(span, now, long, short=short), STATUSES[span.status].tone if span.is_last and span.status else "muted"
    word, glyph, tone = ending(span.attempt)
    number = "" if span.attempt.number is None or is_only else str(span.attempt.number)
    if span.attempt.began is None:
        long = formatting.UNKNOWN
    if short:
        return " ".join(filter(None, (glyph, number and f"{number}:", long))), tone
    return " ".join(filter(None, (glyph, number and f"attempt {number}", word, long))), tone


def _wait(span: Span, now: float, long: str, *, short: bool) -> str:
    if span.skipped:
        return f"? {span.skipped} not kept, {long}" if short else f"? {_attempts(span.skipped)} not kept, in {long}"
    if not span.is_last or span.status is None:
        return long if short else f"{STATUSES[span.status].title if span.status else 'waited'} {long}"
    title = f"{STATUSES[span.status].glyph} {STATUSES[span.status].title}"
    if span.status is Status.SCHEDULED and span.ended is not None:
        return f"{STATUSES[span.status].glyph} due {formatting.until(span.ended, now)}"
    return f"{title} {long}"


def _attempts(number: int) -> str:
    return f"{number} attempt{'s' if number > 1 else ''}"


def _words(spans: Sequence[Span], starts: Sequence[int], now: float, width: int) -> Pieces:
    """The words, each below the beginning of its part or as near to it as it fits; where not all fit, the weightiest."""
    only = sum(span.attempt is not None for span in spans) == 1
    for short in (False, True):
        texts = [words(span, now, is_only=only, short=short) for span in spans]
        chosen = list(range(len(spans)))
        if _need(texts, chosen) <= width:
            break
    else:
        chosen = []
        for place in _by_weight(spans, now):
            if _need(texts, [*chosen, place]) <= width:
                chosen.append(place)
        chosen.sort()
    return _placed([texts[place] for place in chosen], [starts[place] for place in chosen], width)


def _by_weight(spans: Sequence[Span], now: float) -> list[int]:
    """The last part first, then the longest one, the other attempts, the newest first, and waits, the longest first."""
    lengths = [span.seconds(now) for span in spans]
    longest = lengths.index(max(lengths))

    def weight(place: int) -> tuple[bool, bool, bool, float]:
        is_wait = spans[place].attempt is None
        return place != len(spans) - 1, place != longest, is_wait, -lengths[place] if is_wait else -place

    return sorted(range(len(spans)), key=weight)


def _need(texts: Sequence[tuple[str, Tone | None]], chosen: Sequence[int]) -> int:
    return sum(formatting.cells(texts[place][0]) for place in chosen) + GAP * max(0, len(chosen) - 1)


def _placed(texts: Sequence[tuple[str, Tone | None]], starts: Sequence[int], width: int) -> Pieces:
    sizes = [formatting.cells(text) for text, _ in texts]
    rest = list(accumulate((size + GAP for size in reversed(sizes)), initial=0))[::-1]  # of each, with all behind it
    pieces: list[tuple[str, Tone | None]] = []
    at = 0
    for place, (text, tone) in enumerate(texts):
        start = max(at + GAP * bool(place), min(starts[place], width - rest[place] + GAP))
        pieces += [(" " * (start - at), None), (text, tone)]
        at = start + sizes[place]
    return pieces


def edges(spans: Sequence[Span], now: float) -> tuple[str, str]:
    """When it began, and how long ago it ended; '' where it has not."""
    if not spans:
        return "", ""
    first, last = spans[0].began, spans[-1].ended
    same_day = formatting.date_time(first)[:10] == formatting.date_time(now)[:10]
    began = formatting.clock(first) if same_day else formatting.date_time(first)[5:16]
    return began, "" if last is None or spans[-1].is_last else formatting.ago(last, now)
