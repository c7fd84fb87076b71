"""A horse: a process that runs jobs, one after the other, so that what a job does to its process harms no worker."""

from __future__ import annotations

import gc
import marshal
import os
import random
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from resource import struct_rusage
from typing import Any, Final, NamedTuple, NoReturn

from qtui_workers.engine.claim import Claim
from qtui_workers.engine.ending import Ending
from qtui_workers.engine.process.frames import pack, unpack
from qtui_workers.engine.process.resident_memory import resident
from qtui_workers.engine.process.signals import stop_signals
from qtui_workers.engine.process.stack_file import SIGNAL, StackFile, can_send

_STARTED: Final = b"started"
_RUN: Final = "run"
_SETTLE: Final = "settle"
_SETTLED: Final = b"settled"
_LARGEST: Final = 600 * 1024 * 1024
"""Bytes of a frame: more than the longest value that Redis takes."""
_PATIENCE: Final = 30.0
"""Seconds that the rest of a frame may take."""

Perform = Callable[[Claim, Callable[[], None] | None], Ending]
Settle = Callable[[str], bool]


class HorseExit(NamedTuple):
    """How the process of a horse has ended, as `os.wait4` returns it."""

    pid: int
    status: int
    usage: struct_rusage | None = None


class HorseDied(Exception):
    """The process of the horse has ended, or its answer makes no sense."""


class CannotStart(Exception):
    """No process can be started now: no memory, or too many processes or open files; the cause is an OSError."""


class Horse:
    """A horse, as its worker sees it: making one forks a process, which waits for claims.

    `perform` runs a job there, and calls its second argument, where there is one, once the job's own code has begun;
    `settle` has RQ's own code end the job that ran last. Jobs that ran before may have left threads or memory behind.
    `patience`: seconds that the rest of an answer may take once it has begun. Raises CannotStart.
    """

    def __init__(self, perform: Perform, settle: Settle, *, patience: float = _PATIENCE) -> None:
        self.jobs = 0
        """How many jobs the horse has received."""
        self.cpu = 0.0
        """Processor seconds of the attempts that have ended."""
        with ExitStack() as opened:
            try:
                self._socket, other = map(opened.enter_context, socket.socketpair())
                lifeline, self._lifeline = os.pipe()
                for end in (lifeline, self._lifeline):
                    opened.callback(os.close, end)
                self.stacks = StackFile()
                """Where it writes its Python stack."""
                opened.callback(self.stacks.close)
                sys.stdout.flush()
                sys.stderr.flush()
                self.pid = os.fork()
            except OSError as error:
                raise CannotStart(error.strerror or str(error)) from error
            opened.pop_all()
        if self.pid == 0:
            self._socket.close()
            os.close(self._lifeline)
            _run_horse(other, lifeline, self.stacks, perform, settle)
        # Done here too, not only in the horse: so it has a group of its own before anything can kill it with its group.
        with suppress(OSError):
            os.setpgid(self.pid, self.pid)
        other.close()
        os.close(lifeline)
        _set_patience(self._socket, patience)

    def fileno(self) -> int:
        """The descriptor that becomes readable when the horse answers or dies."""
        return self._socket.fileno()

    def run(self, claim: Claim, *, report_start: bool = False) -> None:
        """Sends it a job; with `report_start` it reports that the job's own code has begun, unless the job ends before."""
        self.jobs += 1
        self._send(_RUN, report_start, tuple(claim))

    def settle(self, execution: str) -> None:
        """Has RQ's own code end that execution; `receive_settled` waits for the answer."""
        self._send(_SETTLE, execution)

    def receive(self) -> Ending | float:
        """Waits for its answer: how the job ended, or when (time.monotonic) its code had begun. Raises HorseDied."""
        try:
            parts = self._receive()
            return float(parts[1]) if parts[0] == _STARTED else Ending.from_frame(parts)
        except (ValueError, IndexError) as error:
            raise HorseDied from error

    def receive_settled(self) -> bool:
        """Waits for its answer to `settle`: False where another execution ran last. Raises HorseDied."""
        return self._receive() == [_SETTLED, b"1"]

    def kill(self) -> None:
        """Kills it and all processes of its group."""
        for end in (os.killpg, os.kill):
            with suppress(OSError):
                end(self.pid, signal.SIGKILL)

    def end(self) -> HorseExit:
        """Kills it and waits for its end."""
        self.kill()
        ended = HorseExit(self.pid, 0)
        with suppress(ChildProcessError):
            ended = HorseExit(*os.wait4(self.pid, 0))
        self._close()
        return ended

    def ask_stack(self) -> None:
        """Asks it to write its Python stack, which takes no longer than until another thread of Python gets its turn."""
        with suppress(OSError):
            os.write(self._lifeline, b"?")

    def force_stack(self) -> bool:
        """Has it write its Python stack by a signal; False where the signal would end it."""
        if SIGNAL is None or not can_send(self.pid):
            return False
        with suppress(OSError):
            os.kill(self.pid, SIGNAL)
        return True

    def memory(self) -> int | None:
        """Bytes of memory that it holds now; None where the system does not report it."""
        return resident(self.pid)

    def _send(self, *order: Any) -> None:
        """Sends an order: by `marshal`, as the horse trusts its worker. The worker does not trust the horse: see `_receive`."""
        body = marshal.dumps(order)
        try:
            self._socket.sendall(len(body).to_bytes(4) + body)
        except OSError as error:
            raise HorseDied from error

    def _receive(self) -> list[bytes]:
        try:
            return unpack(_receive(self._socket))
        except (OSError, EOFError, ValueError) as error:
            raise HorseDied from error

    def _close(self) -> None:
        self._socket.close()
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1
            self.stacks.close()


def _set_patience(sock: socket.socket, seconds: float) -> None:
    """Has the system itself end each call after so long: each timeout of Python's costs a further call."""
    whole, rest = divmod(seconds, 1)
    for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", int(whole), int(rest * 1_000_000)))


def _receive(sock: socket.socket) -> bytes:
    """What comes next, without its length; EOFError where the other end is closed, ValueError where it is too long to be true."""
    length = int.from_bytes(_exactly(sock, 4))
    if length > _LARGEST:
        raise ValueError("no frame")
    return _exactly(sock, length)


def _exactly(sock: socket.socket, count: int) -> bytes:
    data = sock.recv(count)
    if len(data) == count:
        return data
    whole = bytearray(data)
    while len(whole) < count:
        more = sock.recv(min(count - len(whole), 1 << 20))
        if not more:
            raise EOFError
        whole += more
    return bytes(whole)


# In the horse's own process


def _run_horse(sock: socket.socket, lifeline: int, stacks: StackFile, perform: Perform, settle: Settle) -> NoReturn:
    code = 1
    try:
        os.setpgrp()
        os.register_at_fork(after_in_child=lambda: _leave_horse(sock))
        random.seed()
        gc.freeze()
        for number in _workers_signals():
            signal.signal(number, _ignored)
        stacks.listen()
        threading.Thread(target=_heed_worker, args=(lifeline, stacks), name="watches the worker", daemon=True).start()
        _serve(sock, perform, settle)
    except EOFError:
        code = 0
    finally:
        os._exit(code)


def _workers_signals() -> list[signal.Signals]:
    return [*stop_signals(), signal.SIGTTIN, signal.SIGTTOU]


def _ignored(_signum: int, _frame: object) -> None:
    """The signal is for the worker, which lets the job finish. SIG_IGN would be inherited by the programs that the job starts."""


def _leave_horse(sock: socket.socket) -> None:
    """Called in a fork of the horse, which must not answer for the horse, nor keep its socket open when the horse has died."""
    sock.close()
    for number in _workers_signals():
        signal.signal(number, signal.SIG_DFL)


def _serve(sock: socket.socket, perform: Perform, settle: Settle) -> NoReturn:
    while True:
        verb, *order = marshal.loads(_receive(sock))  # noqa: S302 - it comes from the worker
        answers = _Answers(sock)
        if verb == _RUN:
            report_start, claim = order
            answers.ended(perform(Claim(*claim), answers.started if report_start else None))
        else:
            answers.settled(settle(*order))


class _Answers:
    """The answers to one command: the start of the job, which another thread reports, is never sent after the job's ending."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._sending = threading.Lock()
        self._finished = False

    def started(self) -> None:
        with self._sending:
            if not self._finished:
                self._sock.sendall(pack([_STARTED, repr(time.monotonic()).encode()]))

    def ended(self, ending: Ending) -> None:
        with self._sending:
            self._finished = True
            self._sock.sendall(pack(ending.to_frame()))

    def settled(self, done: bool) -> None:
        self._sock.sendall(pack([_SETTLED, b"1" if done else b"0"]))


def _heed_worker(lifeline: int, stacks: StackFile) -> None:
    """Writes the Python stack when the worker asks for it.

    Once the worker has died, it kills the horse and all that it started: another worker will soon run the job again.
    """
    while os.read(lifeline, 1):
        stacks.write()
    os.killpg(os.getpgrp(), signal.SIGKILL)
