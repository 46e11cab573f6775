"""The transport and aiohttp's client ask the same aiohttp server: both must see the same."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from aiohttp.typedefs import Handler
from yarl import URL

from windtunnel.http.transport import HttpTransport
from windtunnel.interfaces import Request
from windtunnel.model.http import Exchange, parse_head
from windtunnel.model.source import Source
from windtunnel.model.sut import Service, Sut


async def echo(request: web.Request) -> web.Response:
    body = await request.read()
    answer = web.json_response(
        {
            "method": request.method,
            "path": request.raw_path,
            "query": list(request.query.items()),
            "size": len(body),
        }
    )
    answer.headers.extend([("X-Multi", "one"), ("X-Multi", "two"), ("X-Umlaut", "grün")])
    return answer


async def packed(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Encoding": request.match_info["coding"]})
    await answer.prepare(request)
    stream = zlib.compressobj(wbits=31 if request.match_info["coding"] == "gzip" else 15)
    for piece in (b"one " * 500, b"two " * 500):
        await answer.write(stream.compress(piece) + stream.flush(zlib.Z_SYNC_FLUSH))
    await answer.write(stream.flush())
    return answer


async def chunks(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    answer.enable_chunked_encoding()
    await answer.prepare(request)
    for i in range(20):
        await answer.write(f"piece {i};".encode() * i)
    return answer


async def status(request: web.Request) -> web.Response:
    return web.Response(status=int(request.match_info["status"]), reason="As asked")


def application(connections: set[int]) -> web.Application:
    @web.middleware
    async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
        connections.add(id(request.transport))
        return await handler(request)

    app = web.Application(middlewares=[count])
    app.router.add_route("*", "/echo{rest:.*}", echo)
    app.router.add_get("/packed/{coding}", packed)
    app.router.add_get("/chunks", chunks)
    app.router.add_route("*", "/status/{status}", status)
    return app


CASES = [
    ("GET", "/echo?a=1&b=%20&c=%C3%BC"),
    ("GET", "/echo/with%20space/and%2Fslash"),
    ("POST", "/echo"),
    ("PUT", "/echo"),
    ("DELETE", "/echo"),
    ("HEAD", "/echo"),
    ("OPTIONS", "/echo"),
    ("GET", "/packed/gzip"),
    ("GET", "/packed/deflate"),
    ("GET", "/chunks"),
    ("GET", "/status/204"),
    ("GET", "/status/304"),
    ("GET", "/status/404"),
    ("POST", "/status/503"),
]


@asynccontextmanager
async def serving(connections: set[int]) -> AsyncIterator[str]:
    """An aiohttp server's base URL; every connection that carries a request is noted."""
    runner = web.AppRunner(application(connections))
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def body_of(method: str) -> bytes:
    return b"x" * 70_000 if method in {"POST", "PUT"} else b""


async def ask_ours(base: str) -> list[Exchange]:
    shop = Service(name="shop", base_url=base)
    transport = HttpTransport(Sut(name="shop", default=shop, source=Source(file="sut.yaml")), "run-1")
    client = transport.client()
    exchanges = []
    for method, target in CASES:
        endpoint = transport.endpoint(method=method, service=shop, headers={"X-Test": "1"})
        exchanges.append(
            await client.send(Request(endpoint=endpoint, target=target, body=body_of(method), timeout_s=5))
        )
    await transport.close()
    return exchanges


def undated(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [(name.lower(), value) for name, value in headers if name.lower() != b"date"]


@pytest.mark.parametrize("loop_name", ["asyncio", "uvloop"])
def test_both_clients_see_the_same_and_one_connection_carries_it_all(loop_name: str) -> None:
    async def main() -> None:
        connections: set[int] = set()
        async with serving(connections) as base:
            ours = await ask_ours(base)
            assert len(connections) == 1
            async with aiohttp.ClientSession() as session:
                for (method, target), exchange in zip(CASES, ours, strict=True):
                    url = URL(base + target, encoded=True)
                    async with session.request(method, url, data=body_of(method) or None) as theirs:
                        assert exchange.error is None, (method, target, exchange.error_detail)
                        assert exchange.head.startswith(f"HTTP/1.1 {theirs.status} {theirs.reason}\r\n".encode())
                        assert exchange.status == theirs.status
                        assert exchange.body == await theirs.read()
                        assert undated(parse_head(exchange.head)) == undated(theirs.raw_headers)

    uvloop = pytest.importorskip("uvloop") if loop_name == "uvloop" else None
    loop = uvloop.new_event_loop() if uvloop else asyncio.new_event_loop()
    try:
        loop.run_until_complete(asyncio.wait_for(main(), 100))
    finally:
        loop.close()
