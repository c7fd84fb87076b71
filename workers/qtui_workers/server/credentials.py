"""A password that a program prints, such as that of a password manager or of a cloud."""

from __future__ import annotations

import threading
from typing import Final

from qtui_workers.errors import RedisUnavailable
from qtui_workers.text import printable

PATIENCE: Final = 15.0
"""Seconds after which the program is ended."""


class PasswordCommand:
    """Runs a program for a password: at the first connection, and again where the server refuses what it printed before.

    It has the form of redis-py's credential providers. What the program prints is neither shown nor logged.
    """

    def __init__(self, command: tuple[str, ...], username: str = "", patience: float = PATIENCE) -> None:
        """`command` is the program and its arguments; no shell reads them. `username` '' is Redis' default user."""
        self._command = command
        self._username = username
        self._patience = patience
        self._password: str | None = None
        self._is_new = False
        self._lock = threading.Lock()

    def get_credentials(self) -> tuple[str, ...]:
        """The password, after the user's name where there is one; raises RedisUnavailable where the program fails."""
        with self._lock:
            self._is_new = self._password is None
            if self._password is None:
                self._password = self._run()
            return (self._username, self._password) if self._username else (self._password,)

    def forget(self) -> bool:
        """The server refused the password: the program is run anew for the next; False where it has just been run."""
        with self._lock:
            if not self._is_new:
                self._password = None
            return not self._is_new

    def _run(self) -> str:
        import subprocess

        name = f"password_command ({printable(self._command[0], 80)})"
        nowhere = subprocess.DEVNULL
        try:
            done = subprocess.run(
                self._command, stdin=nowhere, stdout=subprocess.PIPE, stderr=nowhere, timeout=self._patience, check=False
            )
        except subprocess.TimeoutExpired:
            reason = f"did not end within {self._patience:g} s"
        except (OSError, ValueError) as error:
            reason = f"cannot be run: {getattr(error, 'strerror', None) or 'its words are not valid'}"
        else:
            password = done.stdout.decode(errors="surrogateescape").partition("\n")[0].rstrip("\r")
            if done.returncode == 0 and password:
                return password
            reason = f"ended with {done.returncode}" if done.returncode else "printed no password on its first line"
        # Without what led to it, as that holds what the program printed.
        raise RedisUnavailable(f"The {name} {reason}: run it yourself to see why, or correct it in the config file.") from None
