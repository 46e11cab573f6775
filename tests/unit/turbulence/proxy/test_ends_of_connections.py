"""Ends of connections at moments when something is still on its way, or is not made yet."""

from __future__ import annotations

import asyncio

from tests.support.proxying import INJECT_S, OK, fault, get, in_loop, proxied
from windtunnel.http.errors import Failure
from windtunnel.turbulence.proxy.copies import Copy
from windtunnel.turbulence.proxy.heads import RequestHead
from windtunnel.turbulence.proxy.upstream import Downstream, Upstream


def test_what_comes_after_the_end_of_half_a_connection_is_dropped() -> None:
    async def main() -> None:
        async with proxied(fault("half_close")) as line:
            line.proxy.begin(line.timers.now() - INJECT_S - 1.0)
            caller = await line.call()
            await caller.send(get())
            upstream = await line.taken()
            await upstream.until()
            await upstream.send(OK + b"and more that is no answer")
            upstream.close()
            assert await caller.rest() == b""
            await line.record()

    in_loop(main)


def test_a_tunnel_that_is_slow_passes_all_before_its_end() -> None:
    async def main() -> None:
        async with proxied(fault("slicer", {"size": 16, "delay": 1.0})) as line:
            line.proxy.begin(line.timers.now() - INJECT_S - 1.0)
            caller = await line.call()
            await caller.send(get("/", "Connection: upgrade", "Upgrade: chat"))
            upstream = await line.taken()
            await upstream.until()
            switched = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n\r\n" + b"hello" * 20
            await upstream.send(switched)
            upstream.half_close()
            came = b""
            while len(came) < len(switched):
                came += await caller.read(min(16, len(switched) - len(came)))
                if len(came) < len(switched):
                    await line.timers.set_for(1.0)
                    line.timers.pass_s(1.0)
            assert came == switched
            assert await caller.rest() == b""
            await caller.send(b"bye")
            await upstream.exactly(b"bye")

    in_loop(main)


class Closed(asyncio.Transport):
    """A connection that ended while the event loop made it, as uvloop shows it."""

    def is_closing(self) -> bool:
        return True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        raise RuntimeError(f"the handler is closed, and can't write {data!r}")

    def close(self) -> None:
        pass


def test_an_upstream_that_resets_while_it_is_connected_to_is_lost() -> None:
    class Caller(Copy):
        def on_lost(self, failure: Failure) -> None:
            lost.append(failure.kind)

    def dial(downstream: Downstream) -> Upstream:
        return Upstream(downstream, gone.append)

    lost: list[str] = []
    gone: list[Upstream] = []
    caller = Caller(dial, RequestHead(wire=b"", method="GET", target=b"/"), b"GET /", lambda _: None)
    upstream = caller._upstream

    upstream.connection_made(Closed())
    upstream.connection_lost(ConnectionResetError())

    assert lost == ["reset"]
    assert gone == [upstream]
