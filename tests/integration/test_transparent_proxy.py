"""A client sees no difference between a server, however it misbehaves, and the same one behind a proxy."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.loops import Run
from tests.support.tiers import slow_unless
from windtunnel.engine.run.process import SystemClock
from windtunnel.http.transport import HttpTransport
from windtunnel.interfaces import Request
from windtunnel.model.record import ProxiedRecord, Record
from windtunnel.model.source import Source
from windtunnel.model.sut import Service, Sut
from windtunnel.model.turbulence import Phases, ProxySpec
from windtunnel.testing.hostile import BEHAVIOURS, HostileServer
from windtunnel.turbulence.proxy.proxy import EmbeddedProxy

PHASES = Phases(steady_s=1.0, inject_s=1.0, recover_s=1.0)
ENDLESS = {"/never", "/drip", "/endless"}
"""What ends by the client's patience; it has less of it then."""

ECHO = {"/echo", "/close-when-reused"}
"""What tells the port that it was asked at."""


async def outcomes(base_url: str, path: str) -> list[tuple[Any, ...]]:
    """What comes of two requests of one user: the second one finds out what became of the connection."""
    service = Service(name="shop", base_url=base_url)
    transport = HttpTransport(Sut(name="s", default=service, source=Source(file="s")), "run-1")
    endpoint = transport.endpoint(method="GET", service=service, headers={})
    client = transport.client()
    seen: list[tuple[Any, ...]] = []
    for _ in range(2):
        exchange = await client.send(
            Request(
                endpoint=endpoint,
                target=path,
                timeout_s=0.3 if path in ENDLESS else 10.0,
                max_body=100_000,
                follow_redirects=False,
            )
        )
        body = exchange.body if exchange.error is None and path not in ECHO else b""
        seen.append((exchange.status, exchange.error, body, exchange.notes))
    await transport.close()
    return seen


@pytest.mark.parametrize("path", slow_unless(lambda path: path not in ENDLESS - {"/never"}, BEHAVIOURS))
def test_a_client_sees_the_same_through_a_proxy(run: Run, path: str) -> None:
    async def main() -> None:
        records: list[Record] = []
        async with HostileServer() as server:
            proxy = EmbeddedProxy(
                ProxySpec(name="p", protocol="http", upstream=server.url()),
                (),
                PHASES,
                1,
                SystemClock(),
                records.append,
            )
            await proxy.start()
            try:
                through = await outcomes(proxy.url, path)
            finally:
                await proxy.close()
            assert proxy.is_idle
        async with HostileServer() as server:
            assert through == await outcomes(server.url(), path)
        requests = [record for record in records if isinstance(record, ProxiedRecord) and record.method]
        assert len(requests) >= 2

    run(main())
