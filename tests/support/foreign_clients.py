"""Clients of other makers, each a process, that speak through an embedded proxy to a server of another maker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.support import services
from windtunnel.engine.run.process import SystemClock
from windtunnel.engine.run.proxies import address_alone, url_through
from windtunnel.model.record import ProxiedRecord, Record
from windtunnel.model.sut import Tls
from windtunnel.model.turbulence import Amount, FaultSpec, FaultTarget, Phases, ProxySpec, Schedule
from windtunnel.model.vocabulary import ProxyProtocol
from windtunnel.turbulence.proxy.proxy import EmbeddedProxy

PHASES = Phases(steady_s=0.0, inject_s=600.0, recover_s=1.0)
"""Faults are on from the begin."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a client said, how it ended, and the seconds that it took."""

    code: int
    out: bytes
    err: str
    took_s: float

    @property
    def text(self) -> str:
        return self.out.decode()


@dataclass
class Through:
    """A proxy in front of a server, and the clients that speak through it. `url` is what they are told."""

    proxy: EmbeddedProxy
    url: str
    records: list[Record] = field(default_factory=list)

    @property
    def port(self) -> str:
        return str(urlsplit(self.url).port)

    @property
    def proxied(self) -> list[ProxiedRecord]:
        return [record for record in self.records if isinstance(record, ProxiedRecord)]

    async def run(self, *command: str, stdin: bytes = b"") -> Told:
        began = time.perf_counter()
        process = await asyncio.create_subprocess_exec(
            services.program(command[0]),
            *command[1:],
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate(stdin)
        assert process.returncode is not None
        return Told(code=process.returncode, out=out, err=err.decode(), took_s=time.perf_counter() - began)

    async def curl(self, path: str, *more: str) -> Told:
        return await self.run("curl", "--silent", "--show-error", "--max-time", "60", *more, f"{self.url}{path}")

    async def redis(self, *command: str, stdin: bytes = b"") -> Told:
        return await self.run("redis-cli", "-h", "127.0.0.1", "-p", self.port, *command, stdin=stdin)

    async def psql(self, *statements: str, options: str = "connect_timeout=60") -> Told:
        wanted = [word for statement in statements for word in ("-c", statement)]
        return await self.run("psql", "-qAtX", "-v", "ON_ERROR_STOP=1", f"{self.url}?{options}", *wanted)


@asynccontextmanager
async def through(
    upstream: str, *faults: FaultSpec, protocol: ProxyProtocol = "tcp", tls: Tls = Tls()
) -> AsyncIterator[Through]:
    """A proxy before a server, with faults that are on."""
    spec = ProxySpec(name="proxy", protocol=protocol, upstream=upstream)
    records: list[Record] = []
    clock = SystemClock()
    proxy = EmbeddedProxy(address_alone(spec), faults, PHASES, 1, clock, records.append, tls=tls)
    await proxy.start()
    try:
        proxy.begin(clock.now())
        for _ in range(3):
            await asyncio.sleep(0)  # a turn of the loop switches the faults on
        yield Through(proxy, url_through(spec, proxy.address), records)
    finally:
        await proxy.close()


def fault(type: str, *, for_s: float | None = None, path: str = "", **settings: Any) -> FaultSpec:
    """A fault on everything that comes to the proxy, for so long."""
    return FaultSpec(
        name=type,
        type=type,
        on=FaultTarget(proxy="proxy", path=path),
        settings=settings,
        schedule=Schedule(length=None if for_s is None else Amount(seconds=for_s)),
    )
