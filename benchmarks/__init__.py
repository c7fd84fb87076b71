"""Benchmarks: each figure is measured beside that of a comparable program, in one run."""

import os

# Installed programs have their bytecode; without it each start and each of RQ's jobs would compile its modules anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
