"""Ctrl-C while a command is loaded or ends: no traceback; the shell sees 130."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests.cli.support import Qtui

HELD = """
import sys

class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            print("loading", flush=True)
            sys.stdin.readline()

sys.meta_path.insert(0, Slow())
sys.argv = ["qtui", "queues"]
from qtui.cli import main
main()
"""


@pytest.mark.parametrize("module", ["gc", "qtui.printing.output", "qtui.commands.connection", "qtui.commands.queues"])
def test_while_it_is_loaded(qtui: Qtui, module: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HELD.format(module=module)],
        env=qtui.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "loading\n"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert err == ""
    assert process.returncode in (-signal.SIGINT, 130)


def test_an_import_alone_changes_no_signal(qtui: Qtui) -> None:
    code = "import signal, qtui.cli; assert signal.getsignal(signal.SIGINT) is signal.default_int_handler"
    subprocess.run([sys.executable, "-c", code], env=qtui.environment(), check=True)
    code = "import signal; signal.signal(2, signal.SIG_IGN); import qtui.cli; assert signal.getsignal(2) is signal.SIG_IGN"
    subprocess.run([sys.executable, "-c", code], env=qtui.environment(), check=True)
