"""Who changed what: a line in a file of this machine and an entry in Redis for every change that an operator makes."""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

import redis

from qtui_workers.errors import InvalidInput, NotFound, RedisUnavailable, Refused
from qtui_workers.server import keys
from qtui_workers.server.redis_errors import explain, is_away, label_of
from qtui_workers.server.replies import unless_wrong_type
from qtui_workers.settings import folder_of
from qtui_workers.text import decode, printable

KEPT: Final = 10_000
"""About this many entries are kept in Redis."""
LARGEST: Final = 4 << 20
"""Bytes of a file; then it gets the next number, and a new one is begun."""
FILES: Final = 5
"""Files that are kept, the one that is written included."""
NAMED: Final = 20
"""Ids of one entry at most."""
LONGEST: Final = 2_000
"""Characters of one text of an entry at most."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One change; the fields are the JSON of the file, the stream and the command."""

    at: float
    """Seconds since the epoch, by the clock of the operator's machine."""
    by: str
    """"ada@laptop"."""
    connection: str
    """The name of the connection there."""
    what: str
    """What was done: the name of an operation, or a command such as "pause"."""
    about: str
    """To what: a filter, names of queues; '' where `ids` says it all."""
    ids: tuple[str, ...]
    """The ids of the first jobs, where single ones were chosen."""
    jobs: int | None
    """How many jobs it was about; None where it was not about jobs."""
    done: int | None
    outcome: str
    """How it ended, as a sentence."""
    batch: str = ""
    """The name of the run of an operation; what was removed is put back by it."""
    left: str = ""
    """The command that does the rest, where it was stopped; '' where nothing is left."""


@dataclass(slots=True)
class Change:
    """A change that is being made; what it did is filled in before it ends."""

    what: str
    about: str = ""
    ids: tuple[str, ...] = ()
    jobs: int | None = None
    done: int | None = None
    outcome: str = ""
    batch: str = ""
    left: str = ""


def operator() -> str:
    """Who we are: the user's name and the name of the machine."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may have a user without a name
        user = str(os.getuid())
    return printable(f"{user}@{socket.gethostname()}", 100)


def path() -> Path:
    """The file: `audit.jsonl` in the folder for state (XDG_STATE_HOME). Raises InvalidInput where there is no such folder."""
    return folder_of("XDG_STATE_HOME", None, "audit") / "audit.jsonl"


class Audit:
    """Records the changes made over one connection."""

    def __init__(
        self,
        connection: str,
        say: Callable[[str], object] = lambda _text: None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`connection`: its name. `say` is called, once in all, where an entry cannot be written; the change goes on."""
        self._connection = connection
        self._say = say
        self._said = False
        self._clock = clock
        self._by = operator()

    @contextmanager
    def change(self, client: redis.Redis, what: str, about: str = "", ids: tuple[str, ...] = ()) -> Iterator[Change]:
        """Every change that an operator makes is made inside such a block, and recorded, also where it fails.

        What was refused before anything was changed (InvalidInput, NotFound, Refused) is no change.
        """
        change = Change(what, about, ids)
        try:
            yield change
        except (InvalidInput, NotFound, Refused):
            raise
        except BaseException as error:
            change.outcome = f"failed: {error or type(error).__name__}"
            self._write(client, change, refused=isinstance(error, RedisUnavailable | redis.RedisError))
            raise
        self._write(client, change)

    def about(self, what: str) -> dict[str, Any]:
        """Who does that, as in an entry."""
        return {"at": self._clock(), "by": self._by, "connection": self._connection, "what": what}

    def _write(self, client: redis.Redis, change: Change, *, refused: bool = False) -> None:
        """`refused`: Redis did not make the change."""
        line = json.dumps(asdict(_bounded(Entry(**self.about(change.what), **_rest(change)))), ensure_ascii=False)
        troubles = []
        try:
            append(path(), line)
        except InvalidInput as error:
            troubles.append(f"the audit file was not written: {error}")
        except OSError as error:
            troubles.append(f"the audit file {printable(str(path()), 300)} was not written: {error.strerror or error}")
        try:
            client.xadd(keys.AUDIT, {"entry": line}, maxlen=KEPT, approximate=True)
        except (redis.RedisError, OSError) as error:
            if not (refused or is_away(error)):  # then the change itself says that
                troubles.append(f"the audit in Redis was not written: {explain(error, label_of(client))}")
        if troubles and not self._said:
            self._said = True
            self._say("; ".join(troubles))


class Unrecorded(Audit):
    """Records nothing: for benchmarks, and for programs that keep their own records."""

    def _write(self, client: redis.Redis, change: Change, *, refused: bool = False) -> None:
        pass


UNRECORDED: Final = Unrecorded("")


def _rest(change: Change) -> dict[str, Any]:
    named = asdict(change)
    del named["what"]
    return named


def _bounded(entry: Entry) -> Entry:
    values = {each.name: getattr(entry, each.name) for each in fields(entry)}
    cut = {name: printable(value, LONGEST) for name, value in values.items() if isinstance(value, str)}
    return Entry(**{**values, **cut, "ids": tuple(printable(job_id, 200) for job_id in entry.ids[:NAMED])})


def append(file: Path, line: str) -> None:
    """Add a line to a file that only its owner can read; a large one becomes FILE.1, and so on. Raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open(file.parent / "lock", "a", opener=_private) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if file.stat().st_size >= LARGEST:
                _rotate(file)
        with open(file, "a", encoding="utf-8", errors="backslashreplace", opener=_private) as log:
            log.write(f"{line}\n")


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


def _rotate(file: Path) -> None:
    for number in range(FILES - 1, 0, -1):
        older = file.with_name(f"{file.name}.{number - 1}") if number > 1 else file
        with suppress(FileNotFoundError):
            older.replace(file.with_name(f"{file.name}.{number}"))


def load(client: redis.Redis, limit: int) -> list[Entry]:
    """The newest entries in Redis, those of all operators, the newest first; one round trip. Unreadable ones are left out."""
    found = unless_wrong_type(client.xrevrange, keys.AUDIT, count=limit) or ()
    return [entry for _, raw in found if (entry := _read(raw.get(b"entry") or raw.get("entry")))]


def load_file(limit: int) -> list[Entry]:
    """The newest entries of the file of this machine, newest first. Raises OSError or InvalidInput where it cannot be read."""
    if not path().exists():
        return []
    lines = path().read_text("utf-8", "replace").splitlines()[-limit:]
    return [entry for line in reversed(lines) if (entry := _read(line))]


def _read(raw: bytes | str | None) -> Entry | None:
    try:
        given = json.loads(decode(raw) if isinstance(raw, bytes) else raw or "")
        return _bounded(
            Entry(
                at=float(given["at"]),
                **{
                    name: str(given.get(name) or "") for name in ("by", "connection", "what", "about", "outcome", "batch", "left")
                },
                ids=tuple(map(str, given.get("ids") or ())),
                jobs=_number(given.get("jobs")),
                done=_number(given.get("done")),
            )
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) else None
