"""Fixtures of the commands' tests: `qtui` as a program of its own, seen only from outside."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.support import Qtui
from tests.support import Server


@pytest.fixture
def qtui(server: Server, home: Path) -> Qtui:
    """The command, with REDIS_URL naming the empty server."""
    return Qtui(home, {"REDIS_URL": server.url})


@pytest.fixture
def bare(home: Path) -> Qtui:
    """The command where nothing is configured."""
    return Qtui(home, {})
