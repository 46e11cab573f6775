"""What can be put around requests and under connections: hooks of the transport, openers around the dialer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from windtunnel.http.errors import Failure
from windtunnel.http.stream import Destination, StreamOpener
from windtunnel.http.transport import HttpTransport
from windtunnel.interfaces import Request
from windtunnel.model.http import Exchange
from windtunnel.model.record import Timings
from windtunnel.model.source import Source
from windtunnel.model.sut import Service, Sut
from windtunnel.testing.hostile import HostileServer


def with_server(test: Callable[[HostileServer, Service], Awaitable[None]]) -> None:
    async def main() -> None:
        async with HostileServer() as server:
            service = Service(name="shop", base_url=server.url())
            await asyncio.wait_for(test(server, service), 20)

    asyncio.run(main())


def made(service: Service, **more: Any) -> HttpTransport:
    return HttpTransport(Sut(name="s", default=service, source=Source(file="s")), "run-1", **more)


async def send(transport: HttpTransport, service: Service, target: str, **request: Any) -> Exchange:
    endpoint = transport.endpoint(method=request.pop("method", "GET"), service=service, headers={})
    return await transport.client().send(Request(endpoint=endpoint, target=target, timeout_s=5, **request))


def test_hooks_see_every_request_on_the_wire_with_its_head() -> None:
    async def test(server: HostileServer, service: Service) -> None:
        transport = made(service)
        heads: list[str] = []
        asked: list[Request] = []
        answered: list[tuple[Request, Exchange]] = []
        transport.on_request.append(lambda request, _: asked.append(request))
        transport.on_request.append(lambda _, head: heads.append(head.decode()))
        transport.on_response.append(lambda request, exchange: answered.append((request, exchange)))
        final = await send(transport, service, "/redirect?status=302&to=/echo", step="buy", attempt=2)
        assert [head.partition("\r\n")[0] for head in heads] == [
            "GET /redirect?status=302&to=/echo HTTP/1.1",
            "GET /echo HTTP/1.1",
        ]
        assert all("\r\nX-Run-ID: run-1" in head and not head.endswith("\r\n") for head in heads)
        assert [request for request, _ in answered] == asked
        assert [exchange.status for _, exchange in answered] == [302, 200]
        assert answered[-1][1] is final
        assert [(request.step, request.attempt) for request in asked] == [("buy", 2)] * 2
        assert [exchange.attempt for _, exchange in answered] == [2, 2]
        await transport.close()

    with_server(test)


def test_a_request_that_cannot_be_encoded_has_a_response_hook_only() -> None:
    async def test(server: HostileServer, service: Service) -> None:
        transport = made(service)
        asked: list[Request] = []
        answered: list[str | None] = []
        transport.on_request.append(lambda request, _: asked.append(request))
        transport.on_response.append(lambda _, exchange: answered.append(exchange.error))
        await send(transport, service, "/ok", headers=[("X", "a\r\nb")])
        assert (asked, answered, server.connections) == ([], ["bad_request"], 0)
        await transport.close()

    with_server(test)


class Trickle(asyncio.Transport):
    """A stream that sends one byte a turn of the event loop."""

    def __init__(self, below: asyncio.Transport) -> None:
        super().__init__()
        self._below, self._waiting = below, b""
        self.pieces = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._send)
        self._waiting += data

    def _send(self) -> None:
        self._below.write(self._waiting[:1])
        self.pieces += 1
        self._waiting = self._waiting[1:]
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._send)

    def abort(self) -> None:
        self._waiting = b""
        self._below.abort()


class Between(asyncio.Protocol):
    """Hands a receiver a trickling stream, and everything else unchanged."""

    def __init__(self, receiver: asyncio.Protocol, streams: list[Trickle]) -> None:
        self._receiver, self._streams = receiver, streams
        self.data_received = receiver.data_received  # type: ignore[method-assign]
        self.eof_received = receiver.eof_received  # type: ignore[method-assign]
        self.connection_lost = receiver.connection_lost  # type: ignore[method-assign]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._streams.append(Trickle(transport))
        self._receiver.connection_made(self._streams[-1])


class SlowSend:
    """An opener around another one."""

    def __init__(self, inner: StreamOpener) -> None:
        self._inner = inner
        self.streams: list[Trickle] = []

    async def open(
        self, receiver: asyncio.Protocol, destination: Destination, *, deadline_s: float, timings: Timings
    ) -> Failure | None:
        between = Between(receiver, self.streams)
        return await self._inner.open(between, destination, deadline_s=deadline_s, timings=timings)


def test_a_stream_is_put_under_a_connection_that_knows_nothing_of_it() -> None:
    async def test(server: HostileServer, service: Service) -> None:
        openers: list[SlowSend] = []

        def around(inner: StreamOpener) -> StreamOpener:
            openers.append(SlowSend(inner))
            return openers[-1]

        transport = made(service, around=around)
        exchange = await send(transport, service, "/echo", method="POST", body=b"slowly")
        assert exchange.json["body"] == "slowly"
        ((stream,),) = [opener.streams for opener in openers]
        assert stream.pieces == exchange.bytes_sent
        await transport.close()

    with_server(test)
