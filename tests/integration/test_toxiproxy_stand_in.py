"""What the stand-in for Toxiproxy does to the bytes of a connection, as the README of Toxiproxy says."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.toxiproxy import Toxiproxy, running
from windtunnel.turbulence.drivers.toxiproxy_api import Address, call

pytestmark = pytest.mark.slow

PATIENCE_S = 20.0


@contextlib.asynccontextmanager
async def echoing(server: Toxiproxy, toxic: dict[str, Any] | None = None) -> AsyncIterator[tuple[str, int]]:
    """An echo server behind a proxy that has a toxic; the address of the proxy."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    upstream = await asyncio.start_server(echo, "127.0.0.1", 0)
    host, port = upstream.sockets[0].getsockname()
    api = Address.of(server.url)
    made = await call(api, "POST", "proxies", body={"name": "echo", "upstream": f"{host}:{port}"})
    if toxic is not None:
        await call(api, "POST", "proxies", "echo", "toxics", body=toxic)
    listen = urlsplit(f"tcp://{made['listen']}")
    try:
        yield str(listen.hostname), int(listen.port or 0)
    finally:
        await call(api, "DELETE", "proxies", "echo")
        upstream.close()


async def sent_through(address: tuple[str, int], data: bytes) -> tuple[bytes, str]:
    """What comes back of some bytes, and how the connection ends."""
    reader, writer = await asyncio.open_connection(*address)
    writer.write(data)
    came = b""
    try:
        while len(came) < len(data):
            piece = await asyncio.wait_for(reader.read(65536), PATIENCE_S)
            if not piece:
                return came, "closed"
            came += piece
        return came, "open"
    except ConnectionResetError:
        return came, "reset"
    finally:
        writer.close()


def with_toxic(toxic: dict[str, Any] | None, use: Callable[[tuple[str, int]], Awaitable[Any]]) -> Any:
    async def main(server: Toxiproxy) -> Any:
        async with echoing(server, toxic) as address:
            return await use(address)

    with running() as server:
        return asyncio.run(main(server))


def took(toxic: dict[str, Any]) -> float:
    began = time.monotonic()
    came, _ = with_toxic(toxic, lambda address: sent_through(address, b"x" * 4000))
    assert came == b"x" * 4000
    return time.monotonic() - began


def test_without_a_toxic_bytes_come_back() -> None:
    assert with_toxic(None, lambda address: sent_through(address, b"hello")) == (b"hello", "open")


@pytest.mark.parametrize(
    "toxic",
    [
        {"type": "latency", "attributes": {"latency": 300}},
        {"type": "latency", "stream": "upstream", "attributes": {"latency": 300}},
        {"type": "bandwidth", "attributes": {"rate": 10}},
        {"type": "slicer", "attributes": {"average_size": 1000, "delay": 100_000}},
    ],
)
def test_a_toxic_that_delays_does(toxic: dict[str, Any]) -> None:
    assert took(toxic) >= 0.28


def test_a_toxic_with_toxicity_zero_does_nothing() -> None:
    toxic = {"type": "limit_data", "toxicity": 0.0, "attributes": {"bytes": 1}}
    assert with_toxic(toxic, lambda address: sent_through(address, b"hello")) == (b"hello", "open")


@pytest.mark.parametrize(
    ("toxic", "expected"),
    [
        ({"type": "limit_data", "attributes": {"bytes": 3}}, (b"hel", "closed")),
        ({"type": "timeout", "attributes": {"timeout": 50}}, (b"", "closed")),
        ({"type": "reset_peer", "attributes": {"timeout": 0}}, (b"", "reset")),
    ],
)
def test_a_toxic_that_ends_the_connection_does(toxic: dict[str, Any], expected: tuple[bytes, str]) -> None:
    assert with_toxic(toxic, lambda address: sent_through(address, b"hello")) == expected


def test_a_proxy_that_is_disabled_refuses_and_listens_on_the_same_port_again() -> None:
    async def main(server: Toxiproxy) -> None:
        api = Address.of(server.url)
        async with echoing(server) as address:
            await call(api, "POST", "proxies", "echo", body={"enabled": False})
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(*address)
            await call(api, "POST", "proxies", "echo", body={"enabled": True})
            assert await sent_through(address, b"hello") == (b"hello", "open")

    with running() as server:
        asyncio.run(main(server))


def test_a_toxic_reaches_a_connection_that_is_open() -> None:
    async def main(server: Toxiproxy) -> None:
        async with echoing(server) as address:
            reader, writer = await asyncio.open_connection(*address)
            writer.write(b"one")
            assert await reader.readexactly(3) == b"one"
            toxic = {"type": "timeout", "attributes": {"timeout": 50}}
            await call(Address.of(server.url), "POST", "proxies", "echo", "toxics", body=toxic)
            assert await asyncio.wait_for(reader.read(), PATIENCE_S) == b""
            writer.close()

    with running() as server:
        asyncio.run(main(server))
