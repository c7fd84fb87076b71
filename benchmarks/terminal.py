"""What the dashboard sends to its terminal and how soon it answers a key, in a real pseudo-terminal, beside `top` and `rq info`.

`python -m benchmarks.terminal` looks at 50 queues of which five change each second, and scrolls through `--jobs` failed jobs.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import select
import statistics
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import redis

from qtui_workers.server import keys
from tests.support import Server, clean_environment

_FRAME_END = b"\x1b[?2026l"
"""Ends a synchronized update, of which a terminal shows nothing before."""
_ANSWERS = {b"\x1b[?2026$p": b"\x1b[?2026;2$y", b"\x1b[c": b"\x1b[?62;c"}
"""What a program asks of its terminal, and what a modern one answers."""
REST = 4.0
"""Seconds after the last key until measuring begins."""


class Screen:
    """A program in a pseudo-terminal."""

    def __init__(self, command: Sequence[str], home: Path, columns: int, lines: int) -> None:
        self.received = 0
        """Bytes so far."""
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            environment = clean_environment(home, TERM="xterm-256color", COLORTERM="truecolor")
            # The size is set by the parent; a program must not begin before that.
            time.sleep(0.2)
            os.execvpe(command[0], list(command), environment)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def read(self, seconds: float) -> bytes:
        """What arrives within so many seconds, at the first read."""
        if not select.select([self._terminal], [], [], max(0.0, seconds))[0]:
            return b""
        with suppress(OSError):
            found = os.read(self._terminal, 1 << 16)
            self.received += len(found)
            for question, answer in _ANSWERS.items():
                if question in found:
                    os.write(self._terminal, answer)
            return found
        return b""

    def look(self, seconds: float) -> None:
        """Read for so many seconds."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.read(left)

    def type(self, key: bytes) -> None:
        """Send a key."""
        os.write(self._terminal, key)

    def press(self, key: bytes) -> float:
        """Seconds from the key to the end of the first frame after it."""
        began = time.perf_counter()
        os.write(self._terminal, key)
        found = b""
        while _FRAME_END not in found and time.perf_counter() - began < 2:
            found = found[-16:] + self.read(2)
        took = time.perf_counter() - began
        while self.read(0.03):
            pass
        return took

    @property
    def processor(self) -> float:
        """Seconds of the processor so far, of all its threads."""
        tasks = Path(f"/proc/{self.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    def end(self, key: bytes) -> None:
        with suppress(OSError):
            os.write(self._terminal, key)
        while self.read(1.0):
            pass
        with suppress(ProcessLookupError):
            os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)
        os.close(self._terminal)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    task: str
    figure: str
    aim: str = ""


def fill(client: redis.Redis, jobs: int) -> None:
    """50 queues, one of them with very many failed jobs."""
    stamp = "2024-01-01T00:00:00.000000Z"
    fields = {"data": '["mail.send", null, [], {}]', "status": "failed", "origin": "many"}
    fields |= dict.fromkeys(("created_at", "enqueued_at", "ended_at"), stamp)
    client.sadd(keys.QUEUES, *(keys.queue(f"queue-{number:02}") for number in range(50)), keys.queue("many"))
    for start in range(0, jobs, 5_000):
        with client.pipeline(transaction=False) as pipe:
            ids = {f"00000000-0000-4000-8000-{number:012}": 5e9 + number for number in range(start, min(start + 5_000, jobs))}
            pipe.zadd(keys.registry("failed", "many"), ids)
            for job_id in ids:
                pipe.hset(keys.job(job_id), mapping=fields)
            pipe.execute()
    for number in range(50):
        client.rpush(keys.queue(f"queue-{number:02}"), *(f"waiting-{number}-{place}" for place in range(50)))


def watched(screen: Screen, seconds: float, each_second: Callable[[int], object] = lambda _: None) -> tuple[float, float]:
    """Bytes a second and the share of a core while somebody looks and something happens each second."""
    screen.look(REST)
    received, used, began = screen.received, screen.processor, time.monotonic()
    for second in range(int(seconds)):
        each_second(second)
        screen.look(began + second + 1 - time.monotonic())
    took = time.monotonic() - began
    return (screen.received - received) / took, (screen.processor - used) / took


@contextmanager
def shown(command: Sequence[str], home: Path, columns: int, lines: int, leave: bytes = b"q") -> Iterator[Screen]:
    screen = Screen(command, home, columns, lines)
    try:
        screen.look(REST)
        yield screen
    finally:
        screen.end(leave)


def _rate(found: tuple[float, float]) -> str:
    return f"{found[0] / 1000:.1f} kB/s, {found[1]:.1%} of a core"


def _keys(screen: Screen, key: bytes, times: int) -> str:
    found = sorted(screen.press(key) for _ in range(times))
    return f"{statistics.median(found) * 1000:.1f} ms, p99 {found[int(len(found) * 0.99) - 1] * 1000:.1f} ms"


def rows(server: Server, home: Path, seconds: float, presses: int) -> Iterator[Row]:
    """The table, row by row."""
    ours = (sys.executable, "-m", "qtui", "--url", server.url)
    with server.client() as client:

        def change(second: int) -> None:
            for number in range(5):
                client.rpush(keys.queue(f"queue-{(second * 5 + number) % 50:02}"), f"new-{second}-{number}")

        with shown(ours, home, 120, 40) as screen:
            found = watched(screen, seconds, change)
            yield Row("50 queues, 5 change each second, 120x40", _rate(found), "1.5 kB/s, 1.5 %")
            yield Row("nothing changes, 120x40", _rate(watched(screen, seconds)), "0 bytes but a clock's")
        with shown(ours, home, 200, 60) as screen:
            screen.press(b"2")
            yield Row("Jobs, nothing changes, 200x60", _rate(watched(screen, seconds)), "3 kB/s")
            screen.press(b"5")
            yield Row("Workers, nothing changes, 200x60", _rate(watched(screen, seconds)), "3 kB/s")
        with shown(("top", "-d", "1"), home, 120, 40) as screen:
            yield Row("`top -d 1`, 120x40", _rate(watched(screen, seconds)))
        information = (str(Path(sys.executable).with_name("rq")), "info", "--interval", "1", "--url", server.url)
        with shown(information, home, 120, 40, leave=b"\x03") as screen:
            yield Row("`rq info --interval 1`, 120x40", _rate(watched(screen, seconds, change)))
        with shown(ours, home, 120, 40) as screen:
            for key in (b"2", b"]", b"]"):
                screen.press(key)
            screen.look(1.0)
            yield Row("cursor, failed jobs, 120x40", _keys(screen, b"j", presses), "4 ms")
            yield Row("a page never seen before", _keys(screen, b"\x1b[6~", presses), "8 ms, p99 20 ms")
            yield Row("End", _keys(screen, b"G", 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=200_000)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each screen is looked at")
    parser.add_argument("--presses", type=int, default=200)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="qt") as folder:
        server = Server(Path(folder), {})
        server.start()
        with server.client() as client:
            fill(client, wanted.jobs)
        print("| task | qtui | aim |\n|---|---:|---:|")
        for row in rows(server, Path(folder), wanted.seconds, wanted.presses):
            print(f"| {row.task} | {row.figure} | {row.aim} |", flush=True)
        server.kill()


if __name__ == "__main__":
    main()
