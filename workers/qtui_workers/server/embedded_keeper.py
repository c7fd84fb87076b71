"""The keeper of the embedded server: starts it, starts it again when it dies, ends it after its last user.

Run by `qtui_workers.server.embedded` as `python -I -S embedded_keeper.py FOLDER SOCKET BINARY GRACE`. It imports only the
standard library, so it starts in a few milliseconds, and nothing in the environment or the current folder can change what it
imports.

Four files in the folder are locked with `flock`; the kernel releases such a lock when its holder dies, however it dies.
`users.lock` is shared by every process that uses the server; `start.lock` is held while the keeper starts or ends;
`keeper.lock` is the keeper's; `server.lock` is inherited by the server process, so that no second one opens its data.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Final

USERS_LOCK: Final = "users.lock"
START_LOCK: Final = "start.lock"
KEEPER_LOCK: Final = "keeper.lock"
SERVER_LOCK: Final = "server.lock"
LOG: Final = "server.log"
PID: Final = "server.pid"

LONGEST_PAUSE: Final = 30.0
"""Seconds between two starts of something that keeps dying."""
STEADY: Final = 10.0
"""Seconds after which something that was started counts as running well."""
_GIVE_UP: Final = 2.0
"""Where its pause would be longer than so many seconds, the keeper ends: its users try again, or report the failure."""
_STOP_LIMIT: Final = 5.0
"""Seconds that the server has to end before it is killed; what it has written by then is kept."""
_LOG_LIMIT: Final = 1_000_000


def lock(folder: Path, name: str, how: int) -> int:
    """An open descriptor that holds the lock until it is closed; `how` as for `fcntl.flock`.

    Raises BlockingIOError when `how` has LOCK_NB and somebody else holds it, OSError when the file cannot be opened.
    """
    descriptor = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, how)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def next_pause(pause: float, lived: float) -> float:
    """Seconds to wait before starting again what ended after `lived` seconds."""
    return 0.0 if lived > STEADY else min(LONGEST_PAUSE, 2 * pause + 0.1)


def server_command(folder: Path, socket: str, binary: str) -> list[str]:
    """How the server is started: on a unix socket only, kept on disk, never evicting."""
    options = {
        "port": "0",
        "unixsocket": socket,
        "unixsocketperm": "700",
        "dir": str(folder),
        "pidfile": str(folder / PID),
        "logfile": str(folder / LOG),
        "save": "",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        # Jobs are hashes with one long value and small streams: these keep them compact.
        "hash-max-listpack-value": "1024",
        "stream-node-max-bytes": "512",
    }
    return [binary, *(part for name, value in options.items() for part in (f"--{name}", value))]


def server_process(folder: Path, socket: str) -> int | None:
    """The process of the folder's server: what listens on its socket, else what its file says; None where there is none.

    The number in the file may be that of another program by now: it must have the lock open that servers inherit, where the
    system reports that.
    """
    with contextlib.suppress(OSError, ValueError):
        return _listener(socket) or _written(folder)
    return _written(folder)


def _listener(path: str) -> int | None:
    import socket  # 3 ms, which a keeper seldom needs

    if sys.platform != "linux":
        return None
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1.0)
        connection.connect(path)
        process, _user, _group = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        return int(process)


def _written(folder: Path) -> int | None:
    try:
        process = int((folder / PID).read_text())
        os.kill(process, 0)
        if sys.platform != "linux":
            return process
        held = (folder / SERVER_LOCK).stat()
        return process if any(_is_same(file, held) for file in Path(f"/proc/{process}/fd").iterdir()) else None
    except (OSError, ValueError):
        return None


def _is_same(file: Path, other: os.stat_result) -> bool:
    with contextlib.suppress(OSError):  # it was closed meanwhile
        return os.path.samestat(file.stat(), other)
    return False


def is_stopped(process: int) -> bool:
    """Whether a process is stopped, as by SIGSTOP; False where the system does not report it."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] in ("T", "t")
    return False


class Keeper:
    """Keeps one server alive in a thread, while the main thread waits until it has no users."""

    def __init__(self, folder: Path, socket: str, command: list[str], grace: float) -> None:
        self._folder = folder
        self._socket = socket
        self._command = command
        self._grace = grace
        self._began_in = self._identity()
        self._stopping = threading.Event()
        self._spawning = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep_server, daemon=True)

    def run(self) -> None:
        """Return when nobody has used the server for the grace time and it has ended; nobody can join meanwhile."""
        self._thread.start()
        with contextlib.suppress(FileNotFoundError):
            while True:
                os.close(lock(self._folder, USERS_LOCK, fcntl.LOCK_EX))  # sleeps in the kernel while there are users
                time.sleep(self._grace)
                if self._identity() != self._began_in:
                    break
                starting = lock(self._folder, START_LOCK, fcntl.LOCK_EX)
                if self._unused():
                    # The start lock is held until this process ends: a user that arrives now starts another keeper after that.
                    self._stop_server(signal.SIGTERM, signal.SIGKILL)
                    return
                os.close(starting)
        # The folder was removed, and perhaps made again. The server is killed, or it would remove the socket of a new server.
        self._stop_server(signal.SIGKILL)

    def _identity(self) -> tuple[int, int]:
        found = self._folder.stat()
        return found.st_dev, found.st_ino

    def _unused(self) -> bool:
        try:
            os.close(lock(self._folder, USERS_LOCK, fcntl.LOCK_EX | fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        return True

    def _keep_server(self) -> None:
        pause = 0.0
        while not self._stopping.wait(pause):
            # Sleeps in the kernel while a server lives, also one whose own keeper was killed.
            held = lock(self._folder, SERVER_LOCK, fcntl.LOCK_EX)
            began = time.monotonic()
            child = self._spawn(held)
            os.close(held)
            if child is None:
                return
            code = child.wait()
            pause = next_pause(pause, time.monotonic() - began)
            if (code > 0 or pause > _GIVE_UP) and not self._stopping.is_set():
                os._exit(1)  # the server refuses to start or keeps being killed; its log says why

    def _spawn(self, held: int) -> subprocess.Popen[bytes] | None:
        with self._spawning:
            if self._stopping.is_set():
                return None
            try:
                self._shorten_log()
                self._child = subprocess.Popen(
                    self._command,
                    stdin=subprocess.DEVNULL,
                    restore_signals=False,  # SIGXFSZ stays ignored: a file that may not grow must not kill the server
                    pass_fds=(held,),
                )
            except OSError as error:
                print(f"the server cannot be started: {error}", file=sys.stderr, flush=True)  # noqa: T201 - its log
                os._exit(1)
        return self._child

    def _shorten_log(self) -> None:
        log = self._folder / LOG
        if log.exists() and log.stat().st_size > _LOG_LIMIT:
            log.replace(log.with_suffix(".log.old"))

    def _stop_server(self, *signals: signal.Signals) -> None:
        """Send these signals one after the other until the server has ended; at SIGTERM it writes what is left to disk."""
        with self._spawning:
            self._stopping.set()
        for number in signals:
            with contextlib.suppress(OSError):
                process = self._child.pid if self._child else server_process(self._folder, self._socket)
                if process is not None:
                    os.kill(process, number)
            self._thread.join(_STOP_LIMIT)
            if not self._thread.is_alive():
                return


def main(folder: Path, socket: str, binary: str, grace: float) -> None:
    """Become the keeper in the background: the process that was started ends when the keeper holds its lock."""
    os.umask(0o077)
    held = lock(folder, KEEPER_LOCK, fcntl.LOCK_EX)
    if os.fork():
        os._exit(0)  # the child shares the lock, and the process that started this one has no child to wait for
    os.setsid()
    Keeper(folder, socket, server_command(folder, socket, binary), grace).run()
    with contextlib.suppress(OSError):
        Path(socket).parent.rmdir()  # only a folder that was made for the socket; that of the data is not empty
    os.close(held)  # before the start lock, which ends with the process: its next holder must find no keeper
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], float(sys.argv[4]))
