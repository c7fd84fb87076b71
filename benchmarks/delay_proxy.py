"""A way to a server on which every byte takes as long as over a distant line.

`python -m benchmarks.delay_proxy SOCKET` listens until Ctrl-C and prints its address; `delayed(...)` does it for a benchmark.
Bytes are delayed, not slowed down: any number of them may be on the way at once, as on a real line.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress


async def _carry(near: asyncio.StreamReader, far: asyncio.StreamWriter, seconds: float) -> None:
    """Hands on what arrives, each piece `seconds` after it came."""
    loop = asyncio.get_running_loop()
    pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def hand_on() -> None:
        while True:
            due, piece = await pieces.get()
            await asyncio.sleep(due - loop.time())
            if not piece:
                break
            far.write(piece)
            await far.drain()

    handing = asyncio.create_task(hand_on())
    with suppress(OSError):
        while piece := await near.read(1 << 18):
            pieces.put_nowait((loop.time() + seconds, piece))
    pieces.put_nowait((loop.time() + seconds, b""))
    with suppress(OSError):
        await handing
        far.close()


async def serve(socket: str, round_trip: float) -> None:
    """Carries every connection to the server on that socket; `round_trip` is in seconds."""

    async def connected(near: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        far, far_out = await asyncio.open_unix_connection(socket)
        await asyncio.gather(_carry(near, far_out, round_trip / 2), _carry(far, near_out, round_trip / 2))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    print(f"redis://{host}:{port}/0", flush=True)
    await server.serve_forever()


@contextmanager
def delayed(socket: str, round_trip: float = 0.02) -> Iterator[str]:
    """The address of the server on that socket, behind a line of that round trip in seconds; the proxy is a process."""
    command = [sys.executable, "-m", "benchmarks.delay_proxy", socket, "--ms", str(round_trip * 1e3)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as proxy:
        assert proxy.stdout
        try:
            yield proxy.stdout.readline().strip()
        finally:
            proxy.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("socket", help="of the server")
    parser.add_argument("--ms", type=float, default=20.0, help="a round trip, in milliseconds")
    wanted = parser.parse_args()
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(wanted.socket, wanted.ms / 1e3))


if __name__ == "__main__":
    main()
