"""How much memory a process holds now."""

from __future__ import annotations

import os
from pathlib import Path


def resident(pid: int) -> int | None:
    """Bytes of memory; None where the system does not report it, or there is no such process (Linux: proc(5))."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None
