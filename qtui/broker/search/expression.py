"""Expressions: which jobs a person wants to see, such as `status:failed func:send_email took>30s "two words" -word`.

An expression is a list of terms, all of which must fit. A term is a word, or a qualifier, a sign and a value; quotes hold a text
with blanks together; a minus before a term means that it must not fit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final

from qtui.broker.search.candidate import NOTHING, Candidate, Need
from qtui.broker.search.qualifiers import QUALIFIERS, WORD, Qualifier, Test
from qtui.broker.status import Status
from qtui_workers.errors import InvalidInput
from qtui_workers.text import printable

LONGEST: Final = 1_000
"""Characters of an expression."""

_NAMED: Final = re.compile(r"(?P<name>[A-Za-z_][^\s:<>=\"]*)(?P<sign>>=|<=|:|>|<)")
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')
_BARE: Final = re.compile(r"\S+")


class BadExpression(InvalidInput):
    """An expression that cannot be read; the message says at which character, `start` is that place, counted from 0."""

    def __init__(self, reason: str, start: int) -> None:
        super().__init__(f"{reason} (at character {start + 1})")
        self.start = start


@dataclass(frozen=True, slots=True)
class Term:
    """One condition."""

    qualifier: Qualifier
    sign: str
    value: str
    negated: bool
    test: Test

    def fits(self, job: Candidate, now: float) -> bool:
        """Whether a job fits."""
        return self.test(job, now) is not self.negated


@dataclass(frozen=True, slots=True)
class Expression:
    """What a person typed, ready to be tested against jobs."""

    text: str
    terms: tuple[Term, ...] = field(default=(), compare=False)
    """The cheap ones first."""

    @property
    def need(self) -> Need:
        """What has to be read of each job."""
        need = NOTHING
        for term in self.terms:
            need |= term.qualifier.need
        return need

    def fits(self, job: Candidate, now: float) -> bool:
        """Whether a job fits; `now` is the time in seconds since the epoch."""
        return all(term.fits(job, now) for term in self.terms)

    def fitting(self, jobs: list[Candidate], now: float) -> list[Candidate]:
        """Those of the jobs that fit."""
        for term in self.terms:
            test, wanted = term.test, not term.negated
            jobs = [job for job in jobs if test(job, now) is wanted]
        return jobs

    def statuses(self) -> tuple[Status, ...]:
        """The statuses that its jobs can have, in RQ's order."""
        terms = self.about("status")
        return tuple(status for status in Status if all(t.fits(Candidate.supposed(status=status), 0) for t in terms))

    def queues(self, known: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the known queues that its jobs can be in."""
        terms = self.about("queue")
        return tuple(queue for queue in known if all(t.fits(Candidate.supposed(queue=queue), 0) for t in terms))

    def about(self, name: str) -> list[Term]:
        """The terms of a qualifier."""
        return [term for term in self.terms if term.qualifier.name == name]


EVERYTHING: Final = Expression("")
"""Fits every job."""


def parse(text: str) -> Expression:
    """The expression that a text says; BadExpression where it cannot be read."""
    if len(text) > LONGEST:
        raise BadExpression(f"an expression has at most {LONGEST:,} characters", LONGEST)
    terms = sorted(_terms(text), key=lambda term: term.qualifier.cost)
    return Expression(" ".join(text.split()), tuple(terms))


def quoted(value: str) -> str:
    """A value as it has to be typed in an expression."""
    if value and not any(c.isspace() for c in value) and '"' not in value:
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _terms(text: str) -> Iterator[Term]:
    place = 0
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        start = place
        negated = text[place] == "-" and text[place + 1 : place + 2].strip() != ""
        place += negated
        named = _NAMED.match(text, place)
        value_at = named.end() if named else place
        value, place = _value(text, value_at)
        name, sign = (named["name"], named["sign"]) if named else ("", ":")
        yield _term(name, sign, value, negated, start + negated, value_at)


def _value(text: str, place: int) -> tuple[str, int]:
    """The value that begins at a place, and where it ends."""
    if found := _QUOTED.match(text, place):
        return re.sub(r"\\(.)", r"\1", found[1]), found.end()
    if text[place : place + 1] == '"':
        raise BadExpression('a quote that is not closed: end the text with "', place)
    if found := _BARE.match(text, place):
        return found[0], found.end()
    raise BadExpression('a value is missing: write it behind the sign, without a blank, or in quotes: ""', place)


def _term(name: str, sign: str, value: str, negated: bool, start: int, value_at: int) -> Term:
    first, _, path = name.partition(".")
    qualifier = WORD if not name else QUALIFIERS.get(first)
    if qualifier is None or bool(path) is not (first == "payload"):
        raise BadExpression(_unknown(name), start)
    if sign not in qualifier.operators:
        raise BadExpression(f"{name} cannot be compared with '{sign}': write {qualifier.example}", start + len(name))
    try:
        test = qualifier.test(sign, value, path)
    except BadExpression:
        raise
    except InvalidInput as error:
        raise BadExpression(f"{name}: {error}", value_at) from None
    return Term(qualifier, sign, value, negated, test)


def _unknown(name: str) -> str:
    if name == "payload" or name.startswith("payload."):
        return f"name the value of the payload: {QUALIFIERS['payload'].example}"
    near = get_close_matches(name.partition(".")[0].lower(), QUALIFIERS, n=1, cutoff=0.6)
    meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(QUALIFIERS)}."
    return f"there is no '{printable(name, 40)}': {meant} To look for it as a text, put it in quotes"
