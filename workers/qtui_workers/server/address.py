"""Where Redis is: the one place that reads addresses, without a client, so that it is light to import."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from qtui_workers.errors import InvalidInput
from qtui_workers.records import Record, replace
from qtui_workers.server.settings import EmbeddedSettings, RedisSettings
from qtui_workers.server.url import decoded, pairs, split
from qtui_workers.text import printable

if TYPE_CHECKING:
    from pathlib import Path

    from qtui_workers.server.credentials import PasswordCommand

_OPTIONS: Final = {
    "db", "username", "password", "protocol", "socket_timeout", "socket_connect_timeout", "health_check_interval",
    "max_connections",
}  # fmt: skip
_TLS_OPTIONS: Final = {
    "ssl_cert_reqs", "ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile", "ssl_password", "ssl_check_hostname",
}  # fmt: skip


_SENTINEL_OPTIONS: Final = ("sentinel_username", "sentinel_password")
_SCHEMES: Final = ("redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel")
_SECRETS: Final = "in a name or password the characters / ? # @ : % must be percent-encoded"


class Sentinels(Record):
    """The sentinels, which know where the primary is."""

    HIDDEN = ("password",)
    hosts: tuple[tuple[str, int], ...]
    name: str
    """Of the primary, as the Sentinels know it."""
    username: str = ""
    password: str = ""


class Target(Record):
    """Where Redis is, and how one gets in."""

    HIDDEN = ("url", "password_command")
    url: str
    """May hold a password; "" for the embedded server. Behind Sentinel its host stands for the primary."""
    label: str
    """`host:port/db`, a socket's path, or `embedded`; never a password, never a control character."""
    embedded: Path | None = None
    """The folder of the embedded server."""
    sentinels: Sentinels | None = None
    password_command: PasswordCommand | None = None
    """What gives the password; then the address has none."""

    @property
    def is_tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.url.startswith("rediss:")


def with_password_of(target: Target, command: tuple[str, ...]) -> Target:
    """The same Redis, with the password that a program prints; raises InvalidInput where the address has one, or needs none."""
    from qtui_workers.server.credentials import PasswordCommand

    if target.embedded is not None:
        raise InvalidInput("the embedded server has no password: leave password_command out")
    scheme, _, rest = target.url.partition("://")
    access, at, _ = rest.partition("/")[0].rpartition("@")
    username, colon, _ = access.partition(":")
    if colon or {"username", "password"} & pairs(split(target.url).query).keys():
        raise InvalidInput(
            "with a password_command the address holds no password, and the user before the host: redis://USER@host"
        )
    url = f"{scheme}://{rest.removeprefix(access + at)}"
    return replace(target, url=url, password_command=PasswordCommand(command, decoded(username)))


def with_options(url: str, options: dict[str, str]) -> str:
    """The address with these options added."""
    if not options:
        return url
    from urllib.parse import urlencode

    return f"{url}{'&' if '?' in url else '?'}{urlencode(options)}"


def resolve(url: str | None = None) -> Target:
    """The Redis to use: `url`, else REDIS_URL, else REDIS_HOST and similar variables, else the user's embedded server.

    Raises InvalidInput that names the variable (or the address) and the reason; never repeats a password.
    """
    if url:
        return _parse(url, "The Redis address")
    settings = RedisSettings.read()
    if settings.redis_url:
        return _parse(settings.redis_url.reveal(), "REDIS_URL")
    if parts := _parts(settings):
        return _parse(_compose(settings), ", ".join(parts))
    return Target("", "embedded", EmbeddedSettings.read().folder())


def _parts(settings: RedisSettings) -> list[str]:
    return [name.upper() for name in settings.names() if name != "redis_url" and getattr(settings, name) is not None]


def _compose(settings: RedisSettings) -> str:
    host = settings.redis_host or "localhost"
    from urllib.parse import quote

    password = settings.redis_password.reveal() if settings.redis_password else ""
    user = f"{quote(settings.redis_username or '', safe='')}:{quote(password, safe='')}@"
    bracketed = f"[{host}]" if ":" in host else host
    return f"redis://{user if user != ':@' else ''}{bracketed}:{settings.redis_port or 6379}/{settings.redis_db or 0}"


def _parse(url: str, source: str) -> Target:
    url = url.strip()
    scheme, colon, rest = url.partition(":")
    scheme = scheme.lower()
    if scheme == "embedded" and colon:
        return _embedded(rest, source)
    if scheme not in _SCHEMES or not rest.startswith("//"):
        raise InvalidInput(
            f"{source} must begin with redis://, rediss://, unix://, redis+sentinel:// or embedded:, "
            "as in redis://localhost:6379/0."
        )
    try:
        if scheme.endswith("+sentinel"):
            return _behind_sentinel(scheme.removesuffix("+sentinel"), rest)
        return _address(scheme, f"{scheme}:{rest}")
    except ValueError as error:
        raise InvalidInput(f"{source}: {error}.") from None


def _embedded(rest: str, source: str) -> Target:
    if not rest:
        return Target("", "embedded", EmbeddedSettings.read().folder())
    from pathlib import Path  # 3 ms

    folder = Path(rest)
    if not folder.is_absolute():
        raise InvalidInput(f"{source}: embedded: takes a folder's whole path, as in embedded:/var/lib/jobs.")
    return Target("", f"embedded:{printable(str(folder))}", folder)


def _behind_sentinel(scheme: str, rest: str) -> Target:
    """The target of `//[USER:PASSWORD@]HOST[:PORT],…/NAME[/DATABASE][?OPTIONS]`; raises ValueError with the reason."""
    place, _, query = rest.removeprefix("//").partition("?")
    authority, _, path = place.partition("/")
    access, at, hosts = authority.rpartition("@")
    name, _, database = path.strip("/").partition("/")
    if not name:
        raise ValueError("it names no primary, as in redis+sentinel://host1:26379,host2:26379/mymaster/0")
    try:
        each = [split(f"redis://{one}") for one in hosts.split(",")]
    except ValueError:
        raise ValueError(f"the host or port of a Sentinel is not one ({_SECRETS})") from None
    if not all(one.host for one in each):
        raise ValueError("a Sentinel has no host, as in redis+sentinel://host1:26379,host2:26379/mymaster/0")
    given = pairs(query)
    own = [given.pop(option, "") for option in _SENTINEL_OPTIONS]
    sentinels = Sentinels(tuple((one.host, one.port or 26379) for one in each), decoded(name), *own)
    found = _address(scheme, with_options(f"{scheme}://{access}{at}primary/{database}", given))
    label = f"{decoded(name)}{found.label.removeprefix('primary:6379')} of Sentinel {hosts}"
    return replace(found, label=printable(label), sentinels=sentinels)


def _address(scheme: str, url: str) -> Target:
    """The target of a redis, rediss or unix address; raises ValueError with the reason, which repeats no secret."""
    if not url.isprintable() or " " in url:
        raise ValueError("it holds a space or a control character, which must be percent-encoded")
    try:
        parts = split(url)
    except ValueError:
        raise ValueError(f"the host or port is not one ({_SECRETS})") from None
    if parts.fragment:
        raise ValueError(f"it has a part after # ({_SECRETS})")
    options = _query(parts.query, _OPTIONS | _TLS_OPTIONS if scheme == "rediss" else _OPTIONS)
    number = options.get("db") or ("" if scheme == "unix" else parts.path.strip("/")) or "0"
    if not re.fullmatch(r"[0-9]{1,9}", number):
        raise ValueError("the database is a number, as in redis://localhost:6379/0")
    if options.keys() - {"db", "username", "password"}:
        from redis.connection import parse_url  # 100 ms

        parse_url(url)  # type: ignore[no-untyped-call] # redis-py's; its ValueError names an option whose value is not of its type
    if scheme == "unix":
        path = decoded(parts.path)
        if parts.host or not path.strip("/"):
            raise ValueError("a socket is named by its whole path, as in unix:///run/redis.sock")
        return Target(url, printable(path) + (f" db {number}" if number != "0" else ""))
    host = decoded(parts.host or "localhost")
    return Target(url, printable(f"[{host}]" if ":" in host else host) + f":{parts.port or 6379}/{number}")


def _query(query: str, known: set[str]) -> dict[str, str]:
    options = pairs(query)
    if unknown := sorted(options.keys() - known):
        raise ValueError(f"the option {printable(unknown[0], 40)!r} is not known; known are {', '.join(sorted(known))}")
    if options.get("protocol", "2") != "2":
        raise ValueError("protocol can only be 2, for a server or proxy that cannot do RESP3, which is the default")
    return options


class Plain(Record):
    """All that it takes to reach a Redis at a plain address."""

    HIDDEN = ("password",)
    place: tuple[str, int] | str
    """Host and port, or the path of a socket."""
    database: int
    username: str = ""
    password: str = ""


def plain(target: Target) -> Plain | None:
    """The parts of an address that needs no more than these; None for any other."""
    if target != Target(target.url, target.label):
        return None
    parts = split(target.url)
    options = pairs(parts.query)
    if parts.scheme not in ("redis", "unix") or options.keys() - {"db"}:
        return None
    username, password = decoded(parts.username), decoded(parts.password)
    if parts.scheme == "unix":
        return Plain(decoded(parts.path), int(options.get("db", 0)), username, password)
    number = options.get("db") or parts.path.strip("/") or 0
    return Plain((decoded(parts.host or "localhost"), parts.port or 6379), int(number), username, password)
