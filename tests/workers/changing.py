"""Jobs that change what belongs to their whole process, and one that looks at it."""

from __future__ import annotations

import contextvars
import decimal
import os
from pathlib import Path
from typing import Any

import redis

MODULE = "tests.workers.changing"

tenant: contextvars.ContextVar[str] = contextvars.ContextVar("tenant", default="none")
os.environ["SET_BY_THE_IMPORT"] = "kept"


def look() -> dict[str, Any]:
    """What a job finds."""
    umask = os.umask(0)
    os.umask(umask)
    names = ("ADDED_BY_A_JOB", "HOME", "TZ", "SET_BY_THE_IMPORT")
    variables = {name: os.environ.get(name) for name in names}
    precision = decimal.getcontext().prec
    return {"folder": str(Path.cwd()), "umask": umask, "tenant": tenant.get(), "precision": precision, **variables}


def change(*, fail: bool = False) -> dict[str, Any]:
    """Changes all of it, and returns what it found before."""
    found = look()
    os.environ["ADDED_BY_A_JOB"] = "1"
    os.environ["HOME"] = "/nowhere"
    os.environ.pop("TZ", None)
    os.chdir("/")
    os.umask(0o777)
    tenant.set("somebody")
    decimal.getcontext().prec = 3
    if fail:
        raise ValueError("as told")
    return found


def ignore(job: Any, connection: redis.Redis, *_: Any) -> None:
    """A callback: with one, RQ's own code runs the job."""


def is_in(folder: str) -> bool:
    return str(Path.cwd()) == folder


def remove_folder() -> None:
    """Removes the current folder, and goes elsewhere."""
    here = Path.cwd()
    os.chdir("/")
    here.rmdir()
