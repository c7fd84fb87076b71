"""What benchmarks measure, as rows of one table."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One figure, beside that of a peer in the same run."""

    title: str
    ours: str
    peer: str = ""
    ratio: float | None = None
    """How many times as good as the peer; None where there is none."""
    aim: str = ""
    met: bool | None = None
    """Whether the aim is reached; None where there is none."""

    def __str__(self) -> str:
        ratio = "" if self.ratio is None else f"{self.ratio:.{1 if self.ratio >= 1 else 2}f} ×"
        met = "" if self.met is None else "yes" if self.met else "no"
        return f"| {self.title} | {self.ours} | {self.peer} | {ratio} | {self.aim} | {met} |"


HEAD = "| task | qtui | peer | ratio | aim | met |\n|---|---:|---:|---:|---:|---|"


def faster(title: str, ours: str, peer: str, ratio: float, aim: float | None = None) -> Row:
    """A figure that is to be so many times as good as a peer's."""
    return Row(title, ours, peer, ratio, f"≥ {aim:g} ×" if aim else "", ratio >= aim if aim else None)


def within(title: str, value: float, unit: str, most: float, peer: str = "") -> Row:
    """A figure that is to be at most so large."""
    return Row(title, f"{value:.1f} {unit}", peer, None, f"≤ {most:g} {unit}", value <= most)


def printed(rows: Iterable[Row]) -> None:
    """Prints each row as it is measured."""
    print(HEAD, flush=True)
    for row in rows:
        print(row, flush=True)


def shown(parser: argparse.ArgumentParser, rows: Callable[[argparse.Namespace], Iterator[Row]]) -> None:
    """The main function of a benchmark."""
    parser.add_argument("--short", action="store_true", help="fewer jobs, in less than 40 s")
    printed(rows(parser.parse_args()))
