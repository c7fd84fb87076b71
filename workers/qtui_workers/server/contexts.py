"""Which connection is used: flags, the environment, a named connection of the config file, the embedded server."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal, TypeVar

from qtui_workers import records
from qtui_workers.errors import InvalidInput, NotFound
from qtui_workers.naming import suggestion
from qtui_workers.records import Pattern, Record, replace
from qtui_workers.server.address import Target, resolve, with_options, with_password_of
from qtui_workers.server.settings import RedisSettings

LARGEST: Final = 1_000_000
"""Characters of a config file; what is longer, as a device without an end, is not read."""
REDIS_VARIABLES: Final = tuple(name.upper() for name in RedisSettings.names())


Confirm = Literal["letter", "number", "name"]
Colour = Literal["red", "yellow", "green", "blue"]


class ContextSettings(Record):
    """One named connection: `[contexts.NAME]` in the config file."""

    url: str
    """Its address, as `--url` takes it."""
    password_command: tuple[str, ...] = ()
    """A program and its arguments that prints the password on its first line; run without a shell."""
    ca_certificate: str | None = None
    """The file of the authority that its certificate is checked with, for TLS; without it those that the system knows."""
    certificate: str | None = None
    """The file of our own certificate, for a server that wants one."""
    private_key: str | None = None
    """The file of its key; without it, it is in the same file."""
    read_only: bool = False
    """Refuse everything that would change something there."""
    confirm: Confirm = "letter"
    """What is typed before a change: a letter (many jobs: their number), always the number of jobs, or the context's name."""
    colour: Colour | None = None
    """Of the dashboard's first and last line and of its dialogs."""
    prefix: Annotated[str, Pattern("[!-~]{1,100}")] | None = None
    """What the names of all keys begin with, before a colon; without it RQ_KEY_PREFIX, or `rq`."""


class Connections(Record):
    """What the config file says about connections; its other fields are for the dashboard."""

    context: str | None = None
    """The connection used when nothing else names one."""
    read_only: bool = False
    """Refuse everything that would change something, everywhere."""
    contexts: Mapping[str, ContextSettings] = MappingProxyType({})
    """Named connections."""


C = TypeVar("C", bound=Connections)


class Context(Record):
    """The connection that a command, the dashboard or a worker works with."""

    HIDDEN = ("options",)

    name: str
    """What people call it: the context's name, or the address without its password."""
    target: Target
    read_only: bool = False
    confirm: Confirm = "letter"
    colour: Colour | None = None
    prefix: str | None = None
    """What the names of its keys begin with; None where the environment says that (`server.prefix`)."""
    options: tuple[str, ...] = ()
    """The options that chose it, which may hold a password; none where the environment or the config file did."""


def config_path(environment: Mapping[str, str] = os.environ) -> str:
    """Where the config file is: QTUI_CONFIG, else `~/.config/qtui/config.toml` (XDG_CONFIG_HOME is honoured).

    For a user without a home folder the one of the system, `/etc/xdg/qtui/config.toml`.
    """
    if named := environment.get("QTUI_CONFIG"):
        return os.path.expanduser(named)
    base = os.path.expanduser(environment.get("XDG_CONFIG_HOME") or "~/.config")
    return os.path.join(base if os.path.isabs(base) else "/etc/xdg", "qtui", "config.toml")


def read_config(model: type[C]) -> C:
    """The config file's content; the defaults where there is no file. `Connections` ignores what the dashboard reads of it.

    Raises InvalidInput for a file that cannot be read, is no TOML or has a wrong field, and where QTUI_CONFIG names a file
    that does not exist.
    """
    path = config_path()
    try:
        with open(path, encoding="utf-8") as file:
            written = file.read(LARGEST + 1)
    except (FileNotFoundError, NotADirectoryError):  # the home of a system's user may be no folder
        if os.environ.get("QTUI_CONFIG"):
            raise InvalidInput(f"QTUI_CONFIG names {path}, and there is no such file. Create it or unset QTUI_CONFIG.") from None
        return model()
    except OSError as error:
        raise InvalidInput(f"Cannot read {path}: {error.strerror}. Mend it or set QTUI_CONFIG.") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is not valid TOML: {error}.") from error
    if len(written) > LARGEST:
        raise InvalidInput(f"{path} has more than {LARGEST:,} characters: that is no config file. Set QTUI_CONFIG.")
    from qtui_workers.server import plain_toml  # not needed where there is no file

    try:
        given = plain_toml.read(written)
        if given is None:
            import tomllib

            given = tomllib.loads(written)
        return records.read(model, given, unknown="ignored" if model is Connections else "refused")
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {error}.") from None
    except ValueError as error:  # of tomllib
        raise InvalidInput(f"{path} is not valid TOML: {error}.") from error


def choose(url: str | None, context: str | None, known: Connections) -> Context:
    """The connection by the rule of all commands: `--url`, `--context`, the environment, the config file, embedded.

    A context that is named beside a URL does not choose the address, but what it forbids holds.
    Raises NotFound for a context that the config file does not have, InvalidInput for a URL that is not valid, or empty.
    """
    for option, given in (("--url", url), ("--context", context)):
        if given is not None and not given.strip():
            raise InvalidInput(f"{option} is empty: name a Redis, or leave it out")
    if url:
        chosen = replace(_unnamed(url, known), options=("--url", url))
        return _beside(chosen, context, known) if context else chosen
    if context:
        return replace(_named(context, known), options=("--context", context))
    if any(os.environ.get(name) for name in REDIS_VARIABLES) or not known.context:
        return _unnamed(None, known)
    return _named(known.context, known)


def _beside(chosen: Context, name: str, known: Connections) -> Context:
    """The connection with what a context that is named beside its URL forbids."""
    return replace(_limited(chosen, _settings(name, known)), options=(*chosen.options, "--context", name))


def _unnamed(url: str | None, known: Connections) -> Context:
    target = resolve(url)
    return Context(target.label, target, known.read_only)


def _named(name: str, known: Connections) -> Context:
    found = _settings(name, known)
    try:
        target = resolve(with_options(found.url, _certificates(found)))
        if found.password_command:
            target = with_password_of(target, found.password_command)
    except InvalidInput as error:
        raise InvalidInput(f"{config_path()}: context {name}: {error}") from None
    return _limited(Context(name, target, known.read_only, prefix=found.prefix), found)


def _certificates(settings: ContextSettings) -> dict[str, str]:
    """The certificates as options of the address; raises InvalidInput where it is not one of TLS."""
    given = {
        "ssl_ca_certs": settings.ca_certificate,
        "ssl_certfile": settings.certificate,
        "ssl_keyfile": settings.private_key,
    }
    options = {name: os.path.expanduser(path) for name, path in given.items() if path is not None}
    if options and not settings.url.strip().lower().startswith("rediss"):
        raise InvalidInput("certificates need an address that begins with rediss://, or rediss+sentinel://")
    return options


def _settings(name: str, known: Connections) -> ContextSettings:
    found = known.contexts.get(name)
    if found is None:
        hint = suggestion(name, sorted(known.contexts), "contexts")
        raise NotFound(f"No context named {name!r} in {config_path()}: {hint}")
    return found


def _limited(chosen: Context, settings: ContextSettings) -> Context:
    read_only = chosen.read_only or settings.read_only
    return replace(chosen, read_only=read_only, confirm=settings.confirm, colour=settings.colour)
