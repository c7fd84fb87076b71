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
from pathlib import Path

import redis

from benchmarks import rows as table
from benchmarks.rows import Row
from qtui_workers.server import keys
from tests.support import Server, clean_environment

_FRAME_END = b"\x1b[?2026l"
"""Ends a synchronized update, of which a terminal shows nothing before."""
_ANSWERS = {b"\x1b[?2026$p": b"\x1b[?2026;2$y", b"\x1b[c": b"\x1b[?62;c"}
"""What a program asks of its terminal, and what a modern one answers."""
_PATIENCE = 10.0
"""Seconds that a program has for its end."""
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
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
            os.execvpe(command[0], list(command), environment)

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

    def press_until(self, key: bytes, text: str) -> None:
        """Press a key until this text is sent to the terminal."""
        for _ in range(20):
            self.type(key)
            found, until = b"", time.monotonic() + 1.0
            while (left := until - time.monotonic()) > 0:
                found += self.read(left)
            if text.encode() in found:
                return
        raise RuntimeError(f"{text!r} did not come on the terminal")

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
        """Seconds of the processor so far, of all its threads, also of those that have ended."""
        return time.clock_gettime(~self.pid << 3 | 2)  # the clock of a process, as clock_getcpuclockid(3) of Linux makes it

    @property
    def memory(self) -> float:
        """MiB that are resident."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

    def end(self, key: bytes) -> None:
        with suppress(OSError):
            os.write(self._terminal, key)
        until = time.monotonic() + _PATIENCE
        while self.read(1.0) and time.monotonic() < until:
            pass
        with suppress(ProcessLookupError):
            os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)
        os.close(self._terminal)


FUNCTION = "mail.send"
"""What failed; shown in the list of failed jobs alone."""


def fill(client: redis.Redis, jobs: int) -> None:
    """50 queues, one of them with very many failed jobs, no two rows of which look alike: what looks alike is not sent again."""
    stamp = "2024-01-01T00:00:00.000000Z"
    fields = {"data": f'["{FUNCTION}", null, [], {{}}]', "status": "failed", "origin": "many"}
    fields |= dict.fromkeys(("created_at", "enqueued_at", "ended_at"), stamp)
    client.sadd(keys.QUEUES, *(keys.queue(f"queue-{number:02}") for number in range(50)), keys.queue("many"))
    for start in range(0, jobs, 5_000):
        with client.pipeline(transaction=False) as pipe:
            ids = {f"{number:08x}-0000-4000-8000-000000000000": 5e9 + number for number in range(start, min(start + 5_000, jobs))}
            pipe.zadd(keys.registry("failed", "many"), ids)
            for job_id in ids:
                pipe.hset(keys.job(job_id), mapping=fields)
            pipe.execute()
    for number in range(50):
        client.rpush(keys.queue(f"queue-{number:02}"), *(f"waiting-{number}-{place}" for place in range(50)))


def watched(screen: Screen, seconds: float, each_second: Callable[[int], object] = lambda _: None) -> tuple[float, float]:
    """Bytes a second and the share of a core while somebody looks and something happens each second."""
    received = used = began = 0.0
    for second in range(-int(REST), int(seconds)):
        if second == 0:
            received, used, began = screen.received, screen.processor, time.monotonic()
        each_second(second)
        screen.look(1.0)
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


def looks(task: str, found: tuple[float, float], most: float | None = None, most_of_a_core: float | None = None) -> Row:
    """What looking costs: bytes a second and the share of a core, each with its aim."""
    sent, used = found[0] / 1000, found[1]
    aims = [f"{most:g} kB/s"] if most is not None else []
    aims += [f"{most_of_a_core:.1%}"] if most_of_a_core is not None else []
    met = None if most is None else sent <= most and (most_of_a_core is None or used <= most_of_a_core)
    return Row(task, f"{sent:.1f} kB/s, {used:.1%} of a core", aim=f"≤ {', '.join(aims)}" if aims else "", met=met)


def key(task: str, screen: Screen, pressed: bytes, times: int, middle: float, late: float | None = None) -> Row:
    """Milliseconds from a key to the end of its frame: the median and p99, each with its aim."""
    found = sorted(screen.press(pressed) * 1000 for _ in range(times))
    median, last = statistics.median(found), found[int(len(found) * 0.99) - 1]
    met = median <= middle and (late is None or last <= late)
    aim = f"≤ {middle:g} ms" + (f", p99 {late:g} ms" if late else "")
    return Row(task, f"{median:.1f} ms, p99 {last:.1f} ms", aim=aim, met=met)


def rows(wanted: argparse.Namespace) -> Iterator[Row]:
    """The table."""
    jobs, seconds, presses = (10_000, 5.0, 60) if wanted.short else (wanted.jobs, wanted.seconds, wanted.presses)
    with tempfile.TemporaryDirectory(prefix="qt") as folder:
        server = Server(Path(folder), {})
        server.start()
        try:
            with server.client() as client:
                fill(client, jobs)
                yield from looking(server, client, Path(folder), seconds, short=wanted.short)
            yield from typing(server, Path(folder), presses)
        finally:
            server.kill()


def looking(server: Server, client: redis.Redis, home: Path, seconds: float, *, short: bool) -> Iterator[Row]:
    """Screens that are only looked at."""
    ours = (sys.executable, "-m", "qtui", "--url", server.url)

    def change(second: int) -> None:
        for number in range(5):
            client.rpush(keys.queue(f"queue-{(second * 5 + number) % 50:02}"), f"new-{second}-{number}")

    with shown(ours, home, 120, 40) as screen:
        yield looks("nothing but clocks and ages changes, 120x40", watched(screen, seconds), 0.3)
        yield looks("50 queues, 5 change each second, 120x40", watched(screen, seconds, change), 1.5, 0.015)
    with shown(ours, home, 200, 60) as screen:
        for task, pressed in (("Jobs", b"2"), ("Workers", b"5")):
            screen.press(pressed)
            yield looks(f"{task}, only ages change, 200x60", watched(screen, seconds), 3)
    if not short:
        information = (str(Path(sys.executable).with_name("rq")), "info", "--interval", "1", "--url", server.url)
        for command, leave in ((("top", "-d", "1"), b"q"), (information, b"\x03")):
            with shown(command, home, 120, 40, leave) as screen:
                yield looks(f"`{Path(command[0]).name} {command[1]} …`, 120x40", watched(screen, seconds, change))


def typing(server: Server, home: Path, presses: int) -> Iterator[Row]:
    """Keys on a long list."""
    with shown((sys.executable, "-m", "qtui", "--url", server.url), home, 120, 40) as screen:
        screen.press(b"2")
        screen.press_until(b"]", FUNCTION)
        yield key("cursor down among failed jobs, 120x40", screen, b"j", presses, 4)
        yield key("a page that was never seen", screen, b"\x1b[6~", presses, 8, 20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=200_000)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each screen is looked at")
    parser.add_argument("--presses", type=int, default=200)
    table.shown(parser, rows)


if __name__ == "__main__":
    main()
