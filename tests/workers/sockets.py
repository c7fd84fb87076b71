"""Sockets that are no Redis, or break on the way to one."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import hiredis

from tests.support import Server


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def accepting(serve: Callable[[socket.socket], object]) -> Iterator[str]:
    """The address of a port whose connections are served one after the other."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                serve(connection)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


@contextmanager
def listening(*replies: bytes) -> Iterator[str]:
    """The address of something that is no Redis: it answers what it is sent with these, or never if there is none."""
    opened: list[socket.socket] = []

    def answer(connection: socket.socket) -> None:
        opened.append(connection)
        with suppress(OSError):  # the client has seen enough
            for reply in replies:
                connection.recv(1000)
                connection.sendall(reply)
            if replies:
                connection.shutdown(socket.SHUT_WR)

    with accepting(answer) as address:
        yield address
    for connection in opened:
        connection.close()


@contextmanager
def losing_one_reply(server: Server, after: bytes) -> Iterator[str]:
    """The address of a way to the server that breaks once: when the reply to the command `after` comes by."""
    lost = threading.Event()

    def carry(near: socket.socket) -> None:
        with near, socket.socket(socket.AF_UNIX) as far:
            far.connect(server.socket)
            while request := near.recv(65536):
                far.sendall(request)
                reply = far.recv(65536)
                if after in request and not lost.is_set():
                    lost.set()
                    return
                near.sendall(reply)

    with accepting(carry) as address:
        yield address


@contextmanager
def refusing(server: Server, command: bytes, reply: bytes) -> Iterator[str]:
    """The address of a proxy before the server that answers one command by itself, with that reply."""

    def carry(near: socket.socket) -> None:
        with near, socket.socket(socket.AF_UNIX) as far, suppress(OSError):
            far.connect(server.socket)
            requests = hiredis.Reader()
            while received := near.recv(65536):
                requests.feed(received)
                while (request := requests.gets()) is not False:
                    if request[0].upper() == command:
                        near.sendall(reply)
                        continue
                    far.sendall(hiredis.pack_command(tuple(request)))
                    near.sendall(far.recv(65536))

    with accepting(lambda near: threading.Thread(target=carry, args=(near,), daemon=True).start()) as address:
        yield address


@contextmanager
def counting(server: Server) -> Iterator[tuple[str, list[bytes]]]:
    """The path of a socket before the server, and what has come over it: an entry each time that a reply was waited for."""
    path, packets = f"{server.folder}/counting", list[bytes]()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()

        def carry() -> None:
            with suppress(OSError):
                near, _ = listener.accept()
                with near, socket.socket(socket.AF_UNIX) as far:
                    far.connect(server.socket)
                    while request := near.recv(65536):
                        packets.append(request)
                        far.sendall(request)
                        near.sendall(far.recv(65536))

        thread = threading.Thread(target=carry, daemon=True)
        thread.start()
        yield path, packets
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    Path(path).unlink()


@contextmanager
def cluster_node(folder: Path) -> Iterator[Server]:
    """A node of a cluster that serves no slot."""
    port = next(port for _ in range(1000) if (port := free_port()) < 55_000)  # the nodes' own port is 10,000 above
    server = Server(folder, {"cluster-enabled": "yes", "port": str(port)})
    server.start()
    try:
        yield server
    finally:
        server.kill()
