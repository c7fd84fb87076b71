"""`python -m screenshots.make`: makes the pictures of the README anew, on a throw-away server."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from qtui_workers.server import embedded
from qtui_workers.server.connection import connect
from screenshots.keyspace import freeze, seed
from screenshots.scenes import SCENES, take

HERE = Path(__file__).parent
SHOWN = ("queues", "failures", "failed", "failed-job", "live", "enqueue")
"""The scenes that the README shows."""


@contextmanager
def gallery() -> Iterator[redis.Redis]:
    """A client of a server of its own that holds the keyspace of the pictures."""
    with tempfile.TemporaryDirectory(prefix="qtui-") as folder:
        with connect(f"embedded:{folder}", role="qtui-screenshots") as client:
            seed(client)
            freeze(client)
            yield client
        embedded.shared(Path(folder)).leave(wait=10)


def make(client: redis.Redis) -> dict[str, str]:
    """The pictures as SVG, by the names of their files."""
    return {f"{name}.svg": asyncio.run(take(SCENES[name], client)) for name in SHOWN}


def main() -> None:
    """Write every picture beside this file."""
    with gallery() as client:
        for name, svg in make(client).items():
            (HERE / name).write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
