"""What a job may change in its process without the next job noticing: it is put back when the job has ended."""

from __future__ import annotations

import contextvars
import logging
import os
from collections.abc import Callable
from typing import Final, TypeVar

log = logging.getLogger("rq.worker")

T = TypeVar("T")

_VARIABLES: Final[dict[bytes, bytes]] = vars(os.environ)["_data"]
"""What `os.environ` holds, as it holds it: to copy `os.environ` itself takes a tenth of the time of a short job."""


class ProcessState:
    """The environment, the current folder, the umask and the context variables that a job finds.

    What a job leaves behind is put back; context variables are copied for it. Other state of the process (modules, threads,
    signal handlers, the locale) stays as the job leaves it.
    """

    def __init__(self) -> None:
        self._variables: dict[bytes, bytes] | None = None
        self._folder: str | None = None
        self._umask = -1

    def run(self, code: Callable[[], T]) -> T:
        """Notes how things are, then calls the job's code in a copied context; call `put_back` when it has ended."""
        self._umask = os.umask(0o077)
        os.umask(self._umask)
        self._folder = _current_folder()
        self._variables = _VARIABLES.copy()
        return contextvars.copy_context().run(code)

    def put_back(self) -> None:
        """Makes everything as it was noted; does nothing where `run` has not been called."""
        if self._variables is None:
            return
        if self._variables != _VARIABLES:
            _put_back_variables(self._variables)
        os.umask(self._umask)
        if self._folder is not None and _current_folder() != self._folder:
            try:
                os.chdir(self._folder)
            except OSError as error:
                log.error("a job has left the current folder, and the next job does not begin there: %s", error)


def _put_back_variables(wanted: dict[bytes, bytes]) -> None:
    for name in _VARIABLES.keys() - wanted.keys():
        del os.environb[name]
    for name, value in wanted.items():
        if _VARIABLES.get(name) != value:
            os.environb[name] = value


def _current_folder() -> str | None:
    """None where it was removed."""
    try:
        return os.getcwd()  # noqa: PTH109 - twice a job: a Path takes longer than the call
    except OSError:
        return None
