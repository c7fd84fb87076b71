"""A real HTTP server on this machine, which keeps what it is asked and answers as it is told."""

from __future__ import annotations

import ssl
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes


@dataclass(frozen=True)
class Reply:
    """One answer."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def certificate(folder: Path, name: str) -> Path:
    """A certificate of a name, such as DNS:localhost or IP:127.0.0.1, and its key, in one file."""
    both, key = folder / "both.pem", folder / "key.pem"
    subject = ["-subj", "/CN=test", "-addext", f"subjectAltName={name}"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(both), *subject]
    subprocess.run(made, check=True, capture_output=True)
    both.write_text(both.read_text() + key.read_text())
    return both


class Site:
    """The server; `replies` are given in turn, the last one from then on, unless `answer` decides."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.replies: list[Reply] = [Reply()]
        self.answer: Callable[[Asked], Reply] = lambda asked: self.replies[min(len(self.asked), len(self.replies)) - 1]
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})

    def use_tls(self, pem: Path) -> None:
        """Speaks TLS with that certificate from now on."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(pem)
        self._http.socket = context.wrap_socket(self._http.socket, server_side=True, do_handshake_on_connect=False)

    @property
    def port(self) -> int:
        return self._http.server_port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        site = self

        class Handler(BaseHTTPRequestHandler):
            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(self.command, self.path, headers, body)
                site.asked.append(asked)
                reply = site.answer(asked)
                self.send_response(reply.status)
                for name, value in {"content-length": str(len(reply.body)), **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                with suppress(BrokenPipeError, ConnectionResetError):  # who asked has read enough
                    self.wfile.write(reply.body)

            do_GET = do_POST = do_PUT = _serve

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        return Handler
