"""HTTP to addresses from payloads: resolved once, never into our own network, no redirects, answers of bounded size."""

from __future__ import annotations

import ipaddress
import logging
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from qtui_workers.define.unrecoverable import Unrecoverable
from qtui_workers.services.extras import needs
from qtui_workers.services.public_addresses import IPAddress, is_public
from qtui_workers.text import decode, printable

if TYPE_CHECKING:
    import httpx2

_ANSWER_LIMIT: Final = 64 * 1024


class Unreachable(Exception):
    """There was no answer; a later attempt may get one."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What a server answered."""

    status: int
    body: bytes
    """Unchanged, at most `answer_limit` bytes of it."""
    headers: Mapping[str, str]

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    def excerpt(self) -> str:
        """The beginning of the body, safe to log."""
        return printable(decode(self.body[:1_000]).strip(), 200)


def request(
    method: str,
    url: str,
    *,
    content: bytes | BinaryIO = b"",
    headers: Mapping[str, str] | None = None,
    timeout: float = 15.0,
    allow_private: bool = False,
    answer_limit: int = _ANSWER_LIMIT,
) -> HttpAnswer:
    """One HTTP request; `timeout` is seconds for each wait, `answer_limit` bytes.

    The name is resolved once, and the connection goes to the address that was checked; the TLS certificate must be for the
    name. A redirect is an answer like any other. No proxy is used, also where the environment names one (HTTPS_PROXY): it
    would resolve the name itself, so that the check would say nothing. Raises Unrecoverable for an address that is not public
    (unless `allow_private`) and where httpx2 is missing, and Unreachable where there is no complete answer. No error repeats
    the URL, which may hold a secret.
    """
    with needs("http"):
        import httpx2  # heavy

    logging.getLogger("httpx2").setLevel(logging.WARNING)  # it logs each whole URL
    target = httpx2.URL(url)
    host = target.raw_host.decode("ascii").strip("[]")
    address = resolve(host, target.port or (443 if target.scheme == "https" else 80), allow_private)
    named = {
        "host": target.netloc.decode("ascii"),
        "user-agent": "qtui-worker",
        "accept-encoding": "identity",  # a few bytes must not become gigabytes
    }
    try:
        # trust_env=False: no proxy. The environment may still name certificates (SSL_CERT_FILE).
        tls = httpx2.create_ssl_context()
        with (
            httpx2.Client(timeout=timeout, verify=tls, trust_env=False, follow_redirects=False) as client,
            client.stream(
                method,
                target.copy_with(host=str(address)),
                content=content,
                headers={**named, **(headers or {})},
                extensions={"sni_hostname": host},
            ) as response,
        ):
            return HttpAnswer(response.status_code, _beginning(response, answer_limit), dict(response.headers))
    except httpx2.TransportError as error:
        reason = printable(str(error) or type(error).__name__, 200)
        raise Unreachable(f"{printable(host, 100)} gave no answer: {reason}") from None


def resolve(host: str, port: int, allow_private: bool) -> IPAddress:
    """The address to connect to; unless `allow_private`, all addresses of the name must be public.

    Raises Unrecoverable where one is not, and Unreachable where the name has none.
    """
    shown = printable(host, 100)
    try:
        found = [item[4][0] for item in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError) as error:
        raise Unreachable(f"{shown} cannot be found: {error}") from None
    addresses = [ipaddress.ip_address(str(text)) for text in found]
    refused = next((address for address in addresses if not is_public(address)), None)
    if refused is not None and not allow_private:
        raise Unrecoverable(f"{shown} is at {refused}, which is no public address; WEBHOOK_ALLOW_PRIVATE=true allows it")
    return addresses[0]  # the system puts the one that it can reach first (RFC 6724)


def _beginning(response: httpx2.Response, limit: int) -> bytes:
    body = bytearray()
    for chunk in response.iter_raw():
        body += chunk
        if len(body) >= limit:
            break
    return bytes(body[:limit])
