"""Benchmarks: each figure is measured beside that of a comparable program, in one run."""

import os
from pathlib import Path
from typing import Final

# Installed programs have their bytecode; without it each start and each of RQ's jobs would compile its modules anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

AS_USERS: Final = {"PYTHONPATH": str(Path(__file__).parent / "bare")}
"""Variables with which a command, ours or a peer's, loads nothing that only tests have installed."""
