"""The dashboard in a browser: textual-serve starts it over pipes, with a driver of Textual's, and passes on what both send."""

from __future__ import annotations

import json
import subprocess
from typing import IO, Any

import redis

from qtui_workers.enqueue.queue_service import QueueService
from tests.cli.support import COMMAND, Qtui

WEB = {"TEXTUAL_DRIVER": "textual.drivers.web_driver:WebDriver", "COLUMNS": "100", "LINES": "30"}


def send(process: subprocess.Popen[bytes], kind: bytes, data: bytes) -> None:
    """A packet, as textual-serve sends what a browser has sent."""
    assert process.stdin
    process.stdin.write(kind + len(data).to_bytes(4, "big") + data)
    process.stdin.flush()


def until(out: IO[bytes], text: bytes) -> None:
    """Read packets until the text was shown; fails where the output ends before."""
    shown = b""
    while text not in shown:
        head = out.read(5)
        assert len(head) == 5, f"the output ended before {text!r}: {shown[-500:]!r}"
        data = out.read(int.from_bytes(head[1:], "big"))
        shown += data if head[:1] == b"D" else b""


def test_it_is_shown_over_pipes_and_heeds_keys(qtui: Qtui, client: redis.Redis) -> None:
    QueueService(client).enqueue("test_job", queue="payments")
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(COMMAND, env=qtui.environment(**WEB), cwd=qtui.home, **pipes) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == b"__GANGLION__\n"
            until(process.stdout, b"payments")
            send(process, b"D", b"5")
            until(process.stdout, b"No worker is registered")
            send(process, b"M", json.dumps({"type": "quit"}).encode())
            assert process.wait(20) == 0
        finally:
            process.kill()
