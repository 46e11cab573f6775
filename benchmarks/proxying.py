"""What an idle proxy costs: the same requests with and without it, one after the other, in one run.

`python -m benchmarks.proxying PROTOCOL UPSTREAM` prints its port and forwards until its standard input ends; for
each line of that it prints the CPU seconds that it has used.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import uvloop

from benchmarks.parts import Table
from windtunnel.engine.run.process import SystemClock
from windtunnel.model.record import Record
from windtunnel.model.turbulence import Phases, ProxySpec
from windtunnel.turbulence.proxy.proxy import EmbeddedProxy

__all__ = ["proxying"]

PAIRS = 500
"""Requests each way of one stretch, in turn: what else the machine does meets all of them."""

STRETCHES = 10
"""Stretches of a round: other work comes in bursts, which the median over many short ones is not moved by."""

WARM = 200
BUSY_S = 3
CONNECTIONS = 50
REQUEST = (
    b"GET /api/products HTTP/1.1\r\nHost: payments\r\nUser-Agent: bench\r\nAccept: */*\r\n"
    b"X-Correlation-ID: %032x\r\ntraceparent: 00-%032x-00f067aa0ba902b7-01\r\n\r\n"
)
DIRECT = "nginx itself"


def proxying(base_url: str, rounds: int) -> Table:
    """Latency added, and CPU per request, of a proxy without faults. nginx answers with 1 KB."""
    upstream = urlsplit(base_url).netloc
    with _proxy("http", base_url) as http, _proxy("tcp", upstream) as tcp:
        ways = {DIRECT: upstream, "http proxy": http.address, "tcp proxy": tcp.address}
        times: dict[str, list[list[float]]] = defaultdict(list)
        costs: dict[str, list[float]] = defaultdict(list)
        rates: dict[str, list[float]] = defaultdict(list)
        for _ in range(rounds):
            for way, stretches in _in_turn(ways).items():
                times[way] += stretches
            for way, proxy in ((DIRECT, None), ("http proxy", http), ("tcp proxy", tcp)):
                before = proxy.cpu_s() if proxy is not None else 0.0
                requests = _busy(f"http://{ways[way]}")
                rates[way].append(requests / BUSY_S)
                if proxy is not None:
                    costs[way].append((proxy.cpu_s() - before) / requests * 1e6)
    return Table(
        title="An idle proxy",
        head=("way", "p50", "p99", "p50, added", "p99, added", "CPU µs a request", "a second on one core", "wrk"),
        rows=[_row(way, times, costs[way], rates[way]) for way in ways],
        notes=(
            f"Times: {STRETCHES} stretches a round of {PAIRS} requests each way, in turn, one connection each; "
            "medians over the stretches, added is that of the difference, with its least and most. The rest: wrk "
            f"with {CONNECTIONS} connections for {BUSY_S} s a round; a second on one core is 1 s over the CPU a "
            "request, wrk what it got with nginx on the same processors.",
        ),
    )


def _row(way: str, times: dict[str, list[list[float]]], costs: list[float], rates: list[float]) -> tuple[str, ...]:
    own = [(_at(took, 50), _at(took, 99)) for took in times[way]]
    direct = [(_at(took, 50), _at(took, 99)) for took in times[DIRECT]]
    added = [[mine[which] - other[which] for mine, other in zip(own, direct, strict=True)] for which in (0, 1)]
    cost = statistics.median(costs) if costs else 0.0
    return (
        way,
        *(f"{statistics.median(each[which] for each in own):.3f} ms" for which in (0, 1)),
        *(
            f"{statistics.median(each):+.3f} ms ({min(each):+.3f} to {max(each):+.3f})" if costs else "–"
            for each in added
        ),
        f"{cost:.1f} ({min(costs):.1f}–{max(costs):.1f})" if costs else "–",
        f"{1e6 / cost:,.0f}" if costs else "–",
        f"{statistics.median(rates):,.0f}/s",
    )


def _at(took: list[float], percent: int) -> float:
    return statistics.quantiles(took, n=100)[percent - 1]


def _in_turn(ways: dict[str, str]) -> dict[str, list[list[float]]]:
    """Milliseconds of requests that are sent one after the other, the ways in turn, by stretch."""
    took: dict[str, list[list[float]]] = {way: [[] for _ in range(STRETCHES)] for way in ways}
    sockets: dict[str, socket.socket] = {}
    for way, address in ways.items():
        host, _, port = address.rpartition(":")
        sockets[way] = socket.create_connection((host, int(port)))
        sockets[way].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for number in range(-WARM, PAIRS * STRETCHES):
        for way, sock in sockets.items():
            began = time.perf_counter()
            sock.sendall(REQUEST % (number + WARM, number + WARM))
            _receive(sock)
            if number >= 0:
                took[way][number // PAIRS].append((time.perf_counter() - began) * 1e3)
    for sock in sockets.values():
        sock.close()
    return took


def _receive(sock: socket.socket) -> None:
    data = sock.recv(65_536)
    head, _, body = data.partition(b"\r\n\r\n")
    found = re.search(rb"Content-Length: (\d+)", head)
    assert found is not None, data
    left = int(found[1]) - len(body)
    while left > 0:
        left -= len(sock.recv(65_536))


def _busy(url: str) -> int:
    program = shutil.which("wrk")
    if program is None:
        raise RuntimeError("wrk is not installed: apt-get install wrk")
    command = [program, "-t1", f"-c{CONNECTIONS}", f"-d{BUSY_S}s", f"{url}/api/products"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"(\d+) requests in", answer)
    assert found is not None, answer
    return int(found[1])


class _Proxy:
    """A proxy in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._stdin, self._stdout = process.stdin, process.stdout
        self.address = f"127.0.0.1:{int(self._stdout.readline())}"

    def cpu_s(self) -> float:
        """CPU seconds so far."""
        self._stdin.write("\n")
        self._stdin.flush()
        return float(self._stdout.readline())


@contextmanager
def _proxy(protocol: str, upstream: str) -> Iterator[_Proxy]:
    command = [sys.executable, "-m", "benchmarks.proxying", protocol, upstream]
    process = subprocess.Popen(
        command, cwd=Path(__file__).parents[1], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield _Proxy(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait()


def _drop(record: Record) -> None:
    """Records are written by a run; here only making them counts."""


async def _serve(protocol: str, upstream: str) -> None:
    proxy = EmbeddedProxy(
        ProxySpec(name="bench", protocol="tcp" if protocol == "tcp" else "http", upstream=upstream),
        (),
        Phases(steady_s=1.0, inject_s=1.0, recover_s=1.0),
        1,
        SystemClock(),
        _drop,
    )
    await proxy.start()
    print(proxy.port, flush=True)
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(time.process_time(), flush=True)
    await proxy.close()


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1], sys.argv[2]))
