"""The environment variable in which a job, and the programs that it starts, find its id."""

from __future__ import annotations

import ctypes
import os
from typing import Any, Final

from qtui_workers.text import encode

_NAME: Final = b"RQ_JOB_ID"
_LEAST: Final = 256
"""Bytes of the buffer; it grows where an id needs more."""


class JobVariable:
    """RQ_JOB_ID, as RQ's horses set it.

    The C library never frees what a variable held before: assigned in `os.environ`, it would leak some 100 bytes a job. So the
    environment is given one buffer (putenv(3)), in which each id replaces the one before.
    """

    def __init__(self) -> None:
        self._buffer: ctypes.Array[ctypes.c_char] = ctypes.create_string_buffer(_LEAST)
        self._library: Any = ctypes.CDLL(None)
        self._seen_by_python: dict[bytes, bytes] = vars(os.environ)["_data"]

    def set(self, job_id: str) -> None:
        """Sets it for Python code and for programs that are started; anew for each job, as a job may have replaced it."""
        value = encode(job_id).partition(b"\0")[0]
        text = _NAME + b"=" + value
        before = self._buffer  # still part of the environment until putenv has returned
        if len(text) >= len(before):
            self._buffer = ctypes.create_string_buffer(2 * len(text))
        self._buffer.value = text
        self._library.putenv(self._buffer)
        self._seen_by_python[_NAME] = value
