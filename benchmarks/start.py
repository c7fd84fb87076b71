"""What it takes from Enter to the answer, beside RQ's commands: each row in turn with its peer, in one run.

`python -m benchmarks.start` starts every command `--rounds` times, on a server of its own with two queues.
Times are the processor's, which other work on the machine changes least; behind them those of the clock. Modules are compiled
before, as an installed program has them.
"""

from __future__ import annotations

import argparse
import compileall
import os
import resource
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import redis
from rq import Queue

from benchmarks import AS_USERS
from benchmarks.core import benchmarked
from benchmarks.rows import Row, shown
from qtui.broker.queues import overview
from tests.support import Server

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Took:
    """One start, in milliseconds."""

    processor: float
    clock: float


@dataclass(frozen=True)
class Command:
    """What is started."""

    words: tuple[str, ...]
    variables: Mapping[str, str]
    ready: bytes = b""
    """What it says when it has begun its work, and is stopped; without that its end is waited for."""

    def run(self) -> Took:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("QTUI_", "REDIS_", "PYTHON"))}
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        with subprocess.Popen(
            [str(BIN / self.words[0]), *self.words[1:]],
            env=kept | AS_USERS | dict(self.variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            assert process.stdout is not None
            said, output = b"", process.stdout.fileno()
            while (not self.ready or self.ready not in said) and (more := os.read(output, 65_536)):
                said += more
            took = time.perf_counter() - began
            if self.ready:
                process.send_signal(signal.SIGINT)
                while os.read(output, 65_536):
                    pass
        if not self.ready:
            took = time.perf_counter() - began
            assert process.returncode == 0, said.decode()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Took(spent * 1e3, took * 1e3)


@dataclass(frozen=True)
class Comparison:
    """A command, its peer, and how many times as long it may take."""

    title: str
    ours: Command
    peer: Command
    most: float
    by_clock: bool = False
    """Whether the clock counts: what a program does until it is stopped is no part of its start."""

    def row(self, rounds: int) -> Row:
        pairs = [(self.ours.run(), self.peer.run()) for _ in range(rounds)]
        figure: Callable[[Took], float] = (lambda took: took.clock) if self.by_clock else (lambda took: took.processor)
        ours, peer = ([pair[side] for pair in pairs] for side in (0, 1))
        share = statistics.median(map(figure, ours)) / statistics.median(map(figure, peer))
        aim, met = f"≤ {self.most:g} × {self.peer.words[0]} {self.peer.words[1]}", share <= self.most
        return Row(self.title, _said(ours), _said(peer), share, aim, met)


def _said(all_of_them: list[Took]) -> str:
    processor, clock = (statistics.median(values) for values in zip(*((t.processor, t.clock) for t in all_of_them), strict=True))
    return f"{processor:.0f} ms ({clock:.0f})"


def comparisons(server: Server, client: redis.Redis) -> list[Comparison]:
    """Every row; the server has a user with a password."""
    url, guarded = server.url, f"unix://seer:p@{server.socket}"
    client.acl_setuser("seer", enabled=True, passwords="+p", commands=["+@all"], keys=["*"], channels=["*"])
    (config := server.folder / "config.toml").write_text(f'[contexts.here]\nurl = "{guarded}"\n')
    here, named = {"REDIS_URL": url}, {"QTUI_CONFIG": str(config)}
    job = Queue("mail", connection=client).enqueue("benchmarks.core.work", 1, "ada@example.org").id
    Queue("media", connection=client).enqueue("benchmarks.core.work", 2)
    completing = {"_QTUI_COMPLETE": "complete_bash", "COMP_WORDS": "qtui jobs m", "COMP_CWORD": "2"}

    def ours(*words: str, **variables: str) -> Command:
        return Command(("qtui", *words), {**here, **variables})

    def rq(*words: str) -> Command:
        return Command(("rq", words[0], "-u", url, *words[1:]), {})

    nothing, info = Command(("rq", "--help"), {}), rq("info")
    return [
        Comparison("qtui --help", ours("--help"), nothing, 0.3),
        Comparison("qtui jobs --help", ours("jobs", "--help"), nothing, 0.3),
        Comparison("qtui queues", ours("queues"), info, 0.15),
        Comparison("qtui queues --json", ours("queues", "--json"), info, 0.15),
        Comparison("qtui queues --url, a password", Command(("qtui", "queues", "--url", guarded), {}), info, 0.15),
        Comparison("qtui queues --context", Command(("qtui", "queues", "--context", "here"), named), info, 0.15),
        Comparison("qtui jobs", ours("jobs"), info, 1.0),
        Comparison("qtui job ID", ours("job", job), info, 1.0),
        Comparison("qtui retry", ours("retry", "--all", "--yes"), info, 1.0),
        Comparison("qtui enqueue", ours("enqueue", "test_job", "message=a"), rq("enqueue", "builtins.print", "1"), 0.9),
        Comparison("a queue completed", ours(**completing), info, 0.2),
        Comparison(
            "qtui-worker until it listens",
            Command(("qtui-worker", "mail"), here, ready=b"istening"),
            Command(("rq", "worker", "-u", url, "mail"), {}, ready=b"istening"),
            1.2,
            by_clock=True,
        ),
    ]


def rows(arguments: argparse.Namespace) -> Iterator[Row]:
    """Each comparison as it is made."""
    for package in ("qtui", "workers"):
        compileall.compile_dir(ROOT / package, quiet=2)
    with benchmarked() as (server, client):
        overview.load(client)  # the server knows its script, as it does after the first look
        for each in comparisons(server, client):
            yield each.row(3 if arguments.short else arguments.rounds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    shown(parser, rows)
