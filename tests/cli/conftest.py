"""Fixtures of the commands' tests: `qtui` as a program of its own, seen only from outside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.launcher import Launcher
from tests.cli.support import ROOT, Qtui
from tests.support import Server, clean_environment


@pytest.fixture(scope="session")
def launcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher]:
    launcher = Launcher(clean_environment(tmp_path_factory.mktemp("launcher"), PYTHONPATH=str(ROOT)))
    yield launcher
    launcher.close()


@pytest.fixture
def qtui(server: Server, home: Path, launcher: Launcher) -> Qtui:
    """The command, with REDIS_URL naming the empty server."""
    return Qtui(home, {"REDIS_URL": server.url}, launcher)


@pytest.fixture
def bare(home: Path, launcher: Launcher) -> Qtui:
    """The command where nothing is configured."""
    return Qtui(home, {}, launcher)
