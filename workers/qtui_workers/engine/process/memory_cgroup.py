"""What the kernel says about memory: the control group of this process, and how often it has killed a process there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_ENDLESS: Final = 1 << 60
"""Bytes; version 1 has no word for "no limit"."""


class MemoryCgroup:
    """The control group that holds this process and those that it starts (cgroups(7), versions 1 and 2).

    Everything is None where the system does not report it. Within a container its own group is the root of what is seen.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        """`root`: where `proc` and `sys` are."""
        base = root / "sys/fs/cgroup"
        two, one = _paths(root / "proc/self/cgroup")
        self._kills = next(_readable(base, two, "memory.events"), None) or next(
            _readable(base / "memory", one, "memory.oom_control"), None
        )
        self._limits = [
            *_readable(base, two, "memory.max"),
            *_readable(base / "memory", one, "memory.limit_in_bytes"),
        ]

    def kills(self) -> int | None:
        """How many processes of this group the kernel has killed for want of memory."""
        found = re.search(r"^oom_kill (\d+)$", _text(self._kills), re.MULTILINE)
        return int(found[1]) if found else None

    def limit(self) -> int | None:
        """Bytes that all processes of the group may hold, together."""
        texts = [_text(file).strip() for file in self._limits]
        limits = [int(text) for text in texts if text.isdecimal() and int(text) < _ENDLESS]
        return min(limits, default=None)


def _paths(file: Path) -> tuple[str | None, str | None]:
    """The path of the process's group in version 2, and in version 1."""
    two = one = None
    for line in _text(file).splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if not controllers:
            two = path
        elif "memory" in controllers.split(","):
            one = path
    return two, one


def _readable(base: Path, path: str | None, name: str) -> Iterator[Path]:
    """The files of that name that are there: of the group, and of those around it."""
    if path is not None:
        inside = base / path.lstrip("/")
        for folder in (inside, *inside.parents):
            if (folder / name).is_file():
                yield folder / name
            if folder == base:
                return


def _text(file: Path | None) -> str:
    try:
        return "" if file is None else file.read_text("utf-8", "replace")
    except OSError:
        return ""
