"""What a person may set: named connections and a few preferences, from flags, the environment and a TOML file."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workers.connection import Target, resolve
from workers.errors import InvalidInput, NotFound

REDIS_VARIABLES = ("REDIS_URL", "REDIS_HOST", "REDIS_PORT", "REDIS_DB", "REDIS_USERNAME", "REDIS_PASSWORD")


class ContextSettings(BaseModel):
    """One named connection: `[contexts.NAME]` in the config file."""

    model_config = ConfigDict(extra="forbid")

    url: str
    """Where it is, as `--url` takes it."""
    read_only: bool = False
    """Refuse everything that would change something there."""


class Preferences(BaseModel):
    """The config file."""

    model_config = ConfigDict(extra="forbid")

    context: str | None = None
    """The connection used when nothing else names one."""
    refresh: float = Field(default=1.0, ge=0.1, le=3600)
    """Seconds between two looks."""
    theme: str | None = None
    """A theme of the dashboard; the palette lists them."""
    read_only: bool = False
    """Refuse everything that would change something, everywhere."""
    contexts: dict[str, ContextSettings] = {}
    """Named connections."""


@dataclass(frozen=True, slots=True)
class Context:
    """The connection that a command or the dashboard works with."""

    name: str
    """What people call it: the context's name, or the address without its password."""
    target: Target
    read_only: bool = False


def config_path(environment: Mapping[str, str] = os.environ) -> Path:
    """Where the config file is: QTUI_CONFIG, else `~/.config/qtui/config.toml` (XDG_CONFIG_HOME is honoured)."""
    if named := environment.get("QTUI_CONFIG"):
        return Path(named).expanduser()
    base = environment.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser() / "qtui" / "config.toml"


def preferences(path: Path | None = None) -> Preferences:
    """The config file's content; the defaults where there is no file.

    Raises InvalidInput for a file that cannot be read, is no TOML or has a wrong field.
    """
    path = path or config_path()
    try:
        return Preferences.model_validate(tomllib.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        return Preferences()
    except OSError as error:
        raise InvalidInput(f"Cannot read {path}: {error.strerror}. Mend it or set QTUI_CONFIG.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} is not valid TOML: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise InvalidInput(f"{path}: {field}: {first['msg']}.") from error


def choose(url: str | None, context: str | None, chosen: Preferences) -> Context:
    """The connection by the rule of the commands: `--url`, `--context`, the environment, the config file, embedded.

    Raises NotFound for a context that the config file does not have, InvalidInput for a URL that is none.
    """
    if url:
        return _unnamed(url, chosen)
    if context:
        return _named(context, chosen)
    if any(os.environ.get(name) for name in REDIS_VARIABLES) or not chosen.context:
        return _unnamed(None, chosen)
    return _named(chosen.context, chosen)


def _unnamed(url: str | None, chosen: Preferences) -> Context:
    target = resolve(url)
    return Context(target.label, target, chosen.read_only)


def _named(name: str, chosen: Preferences) -> Context:
    found = chosen.contexts.get(name)
    if found is None:
        known = ", ".join(sorted(chosen.contexts)) or "none"
        raise NotFound(f"No context named {name!r} in {config_path()}; it has: {known}.")
    return Context(name, resolve(found.url), chosen.read_only or found.read_only)
