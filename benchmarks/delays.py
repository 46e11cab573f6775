"""A server whose answers take a known time: 5 ms, and 50 ms for 3 in 100. It logs what each really took.

`python -m benchmarks.delays LOG` prints its port and serves until its standard input ends; then LOG has the
microseconds between the last byte of each request and the first byte of its answer, one a line.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, sleep

import uvloop

__all__ = ["delaying"]

USUAL_S, SLOW_S, SLOW_SHARE = 0.005, 0.050, 0.03
ANSWER = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{"ok":true}'


class _Server(asyncio.Protocol):
    """Reads requests without a body, one at a time."""

    def __init__(self, took: array[int], draw: random.Random) -> None:
        self._took, self._draw = took, draw
        self._pending = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # TCP, so it is one

    def data_received(self, data: bytes) -> None:
        now = perf_counter()
        self._pending += data
        while b"\r\n\r\n" in self._pending:
            self._pending = self._pending.partition(b"\r\n\r\n")[2]
            delay_s = SLOW_S if self._draw.random() < SLOW_SHARE else USUAL_S
            asyncio.get_running_loop().call_later(delay_s, self._answer, now)

    def _answer(self, asked: float) -> None:
        self._took.append(int((perf_counter() - asked) * 1e6))
        if not self._transport.is_closing():
            self._transport.write(ANSWER)


async def _serve(log: Path) -> None:
    loop = asyncio.get_running_loop()
    took: array[int] = array("q")
    draw = random.Random(1)
    server = await loop.create_server(lambda: _Server(took, draw), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()
    log.write_text("\n".join(map(str, took)))


@contextmanager
def delaying(log: Path) -> Iterator[str]:
    """Serve while the block lasts; yields the base URL. Afterwards `log` is written."""
    command = [sys.executable, "-m", "benchmarks.delays", str(log)]
    process = subprocess.Popen(
        command, cwd=Path(__file__).parents[1], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        sleep(0.2)
    finally:
        process.stdin.close()
        process.wait()


if __name__ == "__main__":
    uvloop.run(_serve(Path(sys.argv[1])))
