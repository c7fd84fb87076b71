"""Servers that are reached in other ways than by a plain address: in TLS, or behind Sentinel."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from tests.support import SERVER, Server, wait_until
from tests.workers.sockets import free_port


def program_with_tls() -> str:
    """A server program that can do TLS; the test is skipped where this machine has none."""
    for program in filter(None, (SERVER, shutil.which("redis-server"), shutil.which("valkey-server"))):
        command = [program, "--port", "0", "--tls-port", "1"]  # without certificates it ends at once
        if b"No tls-cert-file configured" in subprocess.run(command, capture_output=True, timeout=20, check=False).stdout:
            return program
    pytest.skip("needs a redis-server or valkey-server that was built with TLS")


@dataclass(frozen=True)
class Certificates:
    """An authority, and what it signed for the server and for a client."""

    folder: Path

    @property
    def authority(self) -> Path:
        return self.folder / "ca.pem"

    def of(self, name: str) -> tuple[Path, Path]:
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"


def make_certificates(folder: Path) -> Certificates:
    """Made by openssl; the test is skipped where it is not there."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl to make certificates")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1")
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=authority")
    for name in ("server", "client"):
        openssl("req", *new_key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names"]
        openssl("x509", "-req", "-in", f"{name}.csr", *signed, "-out", f"{name}.pem")
    return Certificates(folder)


@contextmanager
def tls_server(folder: Path) -> Iterator[tuple[int, Certificates]]:
    """The port of a server that wants a client's certificate, and the certificates."""
    program, made, port = program_with_tls(), make_certificates(folder), free_port()
    certificate, key = made.of("server")
    options = {"tls-port": str(port), "tls-cert-file": str(certificate), "tls-key-file": str(key), "bind": "127.0.0.1"}
    server = Server(folder, options | {"tls-ca-cert-file": str(made.authority)}, program)
    server.start()
    try:
        yield port, made
    finally:
        server.kill()


@dataclass(frozen=True)
class Watched:
    """A primary and its replica, which a Sentinel watches."""

    sentinel: redis.Redis
    port: int
    ports: tuple[int, int]
    """Of the two servers, first the one that began as the primary."""

    @property
    def url(self) -> str:
        return f"redis+sentinel://127.0.0.1:1,127.0.0.1:{self.port}/main/0"

    def primary(self) -> int:
        """The port of the primary now."""
        return int(self.sentinel.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main")[1])

    def fail_over(self) -> None:
        """Make the replica the primary."""

        def begun() -> bool:
            try:
                return bool(self.sentinel.execute_command("SENTINEL", "FAILOVER", "main"))
            except redis.ResponseError:  # it has not heard from the replica yet
                return False

        before = self.primary()
        wait_until(begun, description="the failover begins")
        wait_until(lambda: self.primary() != before, description="the Sentinel names the other server")


@contextmanager
def watched(folder: Path) -> Iterator[Watched]:
    """Two servers and a Sentinel in this folder."""
    ports, port = (free_port(), free_port()), free_port()
    servers = []
    for number in ports:
        (folder / str(number)).mkdir()
        options = {"port": str(number), "bind": "127.0.0.1", "repl-diskless-sync-delay": "0"}
        servers.append(Server(folder / str(number), options))
    configuration = folder / "sentinel.conf"
    configuration.write_text(
        f"port {port}\nbind 127.0.0.1\ndir {folder}\nsentinel monitor main 127.0.0.1 {ports[0]} 1\n"
        "sentinel down-after-milliseconds main 1000\n"
    )
    try:
        for server in servers:
            server.start()
        with servers[1].client() as replica:
            replica.replicaof("127.0.0.1", str(ports[0]))
        sentinel = subprocess.Popen([SERVER, configuration, "--sentinel"], stdout=subprocess.DEVNULL)
        try:
            with redis.Redis(port=port, protocol=2) as client:
                wait_until(lambda: _answers(client), description="the Sentinel answers")
                yield Watched(client, port, ports)
        finally:
            sentinel.kill()
            sentinel.wait()
    finally:
        for server in servers:
            server.kill()


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False
