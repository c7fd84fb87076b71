"""The four figures that matter as a picture: `python -m benchmarks | python -m benchmarks.picture benchmarks/figures.svg`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Final, NamedTuple

FOUR: Final = {
    "qtui queues": ("The queues, from Enter to the answer", "rq info"),
    "noop jobs, isolated": ("Jobs through one worker", "rq worker"),
    "retry:": ("Retrying failed jobs", "rq requeue"),
    "group by cause": ("Failed jobs by cause", "a loop over RQ's API"),
}
"""How the rows begin, what they are for a reader, and the peer."""
WIDTH: Final = 720
BAR: Final = 330
ROW: Final = 64


class Figure(NamedTuple):
    """One comparison: how many times as fast, and the two figures."""

    what: str
    peer: str
    times: float
    ours: str
    theirs: str


def figures(table: Iterable[str]) -> list[Figure]:
    """Those of the four that a printed table holds, in their order."""
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in table if line.startswith("|")]
    found = []
    for begins, (what, peer) in FOUR.items():
        row = next((row for row in rows if row[0].startswith(begins) and row[3]), None)
        if row:
            ratio = float(row[3].split()[0])
            found.append(Figure(what, peer, ratio if ratio > 1 else 1 / ratio, row[1], row[2]))
    return found


def drawn(found: list[Figure]) -> str:
    """An SVG for light and dark pages: the shorter bar is how long ours takes of what the peer takes."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {ROW * len(found) + 8}" '
        'font-family="sans-serif" font-size="13">',
        "<style>text{fill:#57606a}.t{fill:#1b66a8;font-weight:bold}@media(prefers-color-scheme:dark)"
        "{text{fill:#9aa7b6}.t{fill:#7cc0f5}}</style>",
    ]
    for place, figure in enumerate(found):
        top = place * ROW + 8
        ours = max(3.0, BAR / figure.times)
        parts += [
            f'<text x="0" y="{top + 12}">{escape(figure.what)}</text>',
            f'<rect x="0" y="{top + 19}" width="{ours:.1f}" height="11" rx="2" fill="#3d9a68"/>',
            f'<text x="{BAR + 12}" y="{top + 29}">qtui {escape(figure.ours)}</text>',
            f'<rect x="0" y="{top + 34}" width="{BAR}" height="11" rx="2" fill="#8fa3bf"/>',
            f'<text x="{BAR + 12}" y="{top + 44}">{escape(f"{figure.peer} {figure.theirs}")}</text>',
            f'<text class="t" x="{WIDTH - 8}" y="{top + 37}" font-size="20" text-anchor="end">{figure.times:.0f} ×</text>',
        ]
    return "\n".join([*parts, "</svg>\n"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="where the picture goes")
    wanted = parser.parse_args()
    found = figures(sys.stdin)
    if len(found) < len(FOUR):
        raise SystemExit(f"the table has only {len(found)} of the {len(FOUR)} figures")
    wanted.file.write_text(drawn(found), "utf-8")


if __name__ == "__main__":
    main()
