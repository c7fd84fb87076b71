"""A way to a server that a test can break in several manners."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.support import Server


class Way:
    """A way to a server that can be led elsewhere, be closed, lose the next reply that has a word in it, and fall silent."""

    def __init__(self, listener: socket.socket, path: str) -> None:
        self.path = path
        self.open = True
        self.lose = b""
        self._listener = listener
        self._silences: list[threading.Event] = []
        host, port = listener.getsockname()
        self.url = f"redis://{host}:{port}/0"

    def fall_silent(self) -> None:
        """From now on the connections that there are carry nothing any more, and stay open; new ones work."""
        for silence in self._silences:
            silence.set()

    def serve(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        far = socket.socket(socket.AF_UNIX)
        with near, far, suppress(OSError):
            if not self.open:
                return
            far.connect(self.path)
            silent = threading.Event()
            self._silences.append(silent)
            threading.Thread(target=self._back, args=(far, near, silent), daemon=True).start()
            while request := near.recv(65536):
                if not silent.is_set():
                    far.sendall(request)

    def _back(self, far: socket.socket, near: socket.socket, silent: threading.Event) -> None:
        with suppress(OSError):
            while reply := far.recv(65536):
                if silent.is_set():
                    continue
                if self.lose and self.lose in reply:
                    self.open, self.lose = False, b""
                    break
                near.sendall(reply)
        for end in (near, far):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def way(server: Server) -> Iterator[Way]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found = Way(listener, server.socket)
        thread = threading.Thread(target=found.serve)
        thread.start()
        yield found
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
