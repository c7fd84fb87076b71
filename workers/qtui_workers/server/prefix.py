"""The prefix of the names of all keys: one for a whole process, as RQ reads its own once.

A context of the config file may have one (`prefix`), else it is RQ_KEY_PREFIX, else "rq". It is decided before
`server.keys` is imported, which makes all names of it; whatever needs another one is another process.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, NoReturn

from qtui_workers.errors import InvalidInput, QtuiError
from qtui_workers.server.contexts import Connections, Context, choose, read_config

VARIABLE: Final = "RQ_KEY_PREFIX"
_given: Final = os.environ.get(VARIABLE)
"""What the process was started with."""


def decide(words: Sequence[str]) -> None:
    """Choose the prefix of the connection that a command line names; what is wrong there is reported where it is read."""
    with suppress(QtuiError):
        chosen = choose(_value(words, "--url"), _value(words, "--context"), read_config(Connections))
        if chosen.prefix:
            os.environ[VARIABLE] = chosen.prefix


def _value(words: Sequence[str], option: str) -> str | None:
    """The last value of an option, if it is there."""
    found = None
    for place, word in enumerate(words):
        if word == "--":
            break
        if word == option:
            found = "".join(words[place + 1 : place + 2])
        elif word.startswith(f"{option}="):
            found = word.partition("=")[2]
    return found


def fits(chosen: Context) -> bool:
    """Whether the names of keys that this process makes are those of a connection."""
    from qtui_workers.server import keys  # not before the prefix is decided

    return _of(chosen) == keys.PREFIX


def check(chosen: Context) -> None:
    """Raises InvalidInput where the names of keys would be those of another connection."""
    if not fits(chosen):
        prefix = _of(chosen)
        raise InvalidInput(f"the keys of {chosen.name} begin with '{prefix}:': set {VARIABLE}={prefix} for this command")


def begin_anew(words: Sequence[str], prefix: str | None = None) -> NoReturn:
    """Replace this process by a Python with that command line; `prefix`: the prefix, where it does not decide it by itself."""
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    if used := prefix or _given:
        environment[VARIABLE] = used
    os.execve(sys.executable, [sys.executable, *words], environment)  # noqa: S606 - there is no shell


def _of(chosen: Context) -> str:
    return chosen.prefix or _given or "rq"
