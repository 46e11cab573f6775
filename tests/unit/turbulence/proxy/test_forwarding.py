"""Without faults a proxy passes HTTP/1.1 on as it is, and shows each side what the other does."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from tests.support.proxying import OK, get, in_loop, post, proxied
from windtunnel.model.vocabulary import ProxyProtocol


def test_a_request_and_its_answer_pass_as_they_are() -> None:
    async def main() -> None:
        async with proxied() as line:
            caller = await line.call()
            await caller.send(get("/stock?id=1"))
            upstream = await line.taken()
            await upstream.exactly(get("/stock?id=1"))
            await upstream.send(OK)
            await caller.exactly(OK)
            record = await line.record()
            assert (record.method, record.path, record.status, record.upstream_status) == (
                "GET",
                "/stock",
                200,
                200,
            )
            assert (record.bytes_up, record.bytes_down) == (len(get("/stock?id=1")), len(OK))
            assert (record.proxy, record.error, record.in_flight, record.faults) == ("payments", "", 1, [])

    in_loop(main)


def test_requests_of_a_connection_share_one_to_the_upstream() -> None:
    async def main() -> None:
        async with proxied() as line:
            caller = await line.call()
            await caller.send(get("/1"))
            upstream = await line.taken()
            for number in (1, 2, 3):
                await upstream.exactly(get(f"/{number}"))
                await upstream.send(OK)
                await caller.exactly(OK)
                if number < 3:
                    await caller.send(get(f"/{number + 1}"))
            assert line.upstreams.empty()

    in_loop(main)


def test_pipelined_requests_are_sent_on_one_at_a_time() -> None:
    async def main() -> None:
        async with proxied() as line:
            caller = await line.call()
            await caller.send(get("/1") + post("/2", b"two") + get("/3"))
            upstream = await line.taken()
            await upstream.exactly(get("/1"))
            await upstream.send(OK)
            await upstream.exactly(post("/2", b"two"))
            await upstream.send(OK)
            await upstream.exactly(get("/3"))
            await upstream.send(OK)
            await caller.exactly(OK * 3)
            assert [(await line.record()).path for _ in range(3)] == ["/1", "/2", "/3"]

    in_loop(main)


CHUNKED = b"7;name=value\r\nchunked\r\n1\r\n!\r\n0\r\nX-Sum: 1\r\n\r\n"


def test_chunks_with_extensions_and_trailers_pass_both_ways() -> None:
    async def main() -> None:
        async with proxied() as line:
            caller = await line.call()
            request = b"PUT /f HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKED
            answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n" + CHUNKED
            await caller.send(request + get("/next"))
            upstream = await line.taken()
            await upstream.exactly(request)
            await upstream.send(answer)
            await caller.exactly(answer)
            await upstream.exactly(get("/next"))

    in_loop(main)


@pytest.mark.parametrize(
    ("method", "head"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n"),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
    ],
)
def test_an_answer_without_a_body_ends_with_its_head(method: str, head: bytes) -> None:
    async def main() -> None:
        async with proxied() as line:
            caller = await line.call()
            await caller.send(get().replace(b"GET", method.encode()))
            upstream = await line.taken()
            await upstream.until()
            await upstream.send(head)
            await caller.exactly(head)
            await caller.send(get("/next"))
            await upstream.exactly(get("/next"))

    in_loop(main)


def test_a_body_waits_for_100_continue_where_the_caller_asks_for_it() -> None:
    async def main() -> None:
        async with proxied() as line:
            caller = await line.call()
            whole = post("/upload", b"body", "Expect: 100-continue")
            await caller.send(whole[:-4])
            upstream = await line.taken()
            await upstream.exactly(whole[:-4])
            await upstream.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            await caller.exactly(b"HTTP/1.1 100 Continue\r\n\r\n")
            await caller.send(b"body")
            await upstream.exactly(b"body")
            await upstream.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK)
            await caller.exactly(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK)
            assert (await line.record()).status == 200

    in_loop(main)


def test_an_upgrade_becomes_a_tunnel_until_both_sides_end() -> None:
    async def main() -> None:
        async with proxied() as line:
            caller = await line.call()
            await caller.send(get("/socket", "Connection: Upgrade", "Upgrade: websocket") + b"early")
            upstream = await line.taken()
            await upstream.exactly(get("/socket", "Connection: Upgrade", "Upgrade: websocket"))
            switching = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
            await upstream.send(switching + b"\x81\x00first")
            await caller.exactly(switching + b"\x81\x00first")
            await upstream.exactly(b"early")
            await caller.send(b"GET / HTTP/1.1\r\n\r\n")
            await upstream.exactly(b"GET / HTTP/1.1\r\n\r\n")
            caller.half_close()
            assert await upstream.rest() == b""
            await upstream.send(b"last")
            upstream.close()
            assert await caller.rest() == b"last"
            record = await line.record()
            assert (record.status, record.error) == (101, "")

    in_loop(main)


def test_an_answer_without_a_length_ends_with_the_connection() -> None:
    async def main() -> None:
        async with proxied() as line:
            caller = await line.call()
            await caller.send(get())
            upstream = await line.taken()
            await upstream.send(b"HTTP/1.0 200 OK\r\n\r\nall of it")
            upstream.close()
            assert await caller.rest() == b"HTTP/1.0 200 OK\r\n\r\nall of it"
            assert (await line.record()).error == ""

    in_loop(main)


@pytest.mark.parametrize("ending", ["close", "reset"])
def test_a_caller_sees_how_the_upstream_ended(ending: str) -> None:
    async def main() -> None:
        async with proxied() as line:
            caller = await line.call()
            await caller.send(get())
            upstream = await line.taken()
            await upstream.until()
            await upstream.send(OK[:-1])
            await caller.exactly(OK[:-1])
            getattr(upstream, ending)()
            assert await caller.is_reset() == (ending == "reset")
            record = await line.record()
            assert (record.error, record.upstream_status) == ({"close": "closed"}.get(ending, ending), 200)

    in_loop(main)


@pytest.mark.parametrize("ending", ["close", "reset"])
def test_an_upstream_sees_how_the_caller_ended(ending: str) -> None:
    async def main() -> None:
        async with proxied() as line:
            caller = await line.call()
            await caller.send(post("/", b"x" * 1000)[:-1])
            upstream = await line.taken()
            await upstream.exactly(post("/", b"x" * 1000)[:-1])
            getattr(caller, ending)()
            assert await upstream.is_reset() == (ending == "reset")
            assert (await line.record()).error == "caller_gone"

    in_loop(main)


def test_an_idle_connection_ends_with_that_of_the_upstream() -> None:
    async def main() -> None:
        async with proxied() as line:
            caller = await line.call()
            await caller.send(get())
            upstream = await line.taken()
            await upstream.until()
            await upstream.send(OK)
            await caller.exactly(OK)
            upstream.close()
            assert await caller.rest() == b""

    in_loop(main)


def test_a_caller_that_ends_its_side_still_gets_its_answers() -> None:
    async def main() -> None:
        async with proxied() as line:
            caller = await line.call()
            await caller.send(get("/1") + get("/2"))
            caller.half_close()
            upstream = await line.taken()
            await upstream.exactly(get("/1"))
            await upstream.send(OK)
            await upstream.exactly(get("/2"))
            assert await upstream.rest() == b""
            await upstream.send(OK)
            assert await caller.rest() == OK + OK

    in_loop(main)


def test_an_answer_before_the_end_of_the_request_arrives_though_the_caller_sends_on() -> None:
    async def main() -> None:
        async with proxied() as line:
            caller = await line.call()
            await caller.send(post("/", b"x" * 1_000_000)[:500_000])
            upstream = await line.taken()
            await upstream.until()
            refusal = b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig"
            await upstream.send(refusal)
            upstream.half_close()
            await caller.send(b"x" * 300_000)
            assert await caller.rest() == refusal
            assert (await line.record()).status == 413

    in_loop(main)


def test_a_body_that_goes_on_after_its_answer_is_sent_on_before_the_next_request() -> None:
    async def main() -> None:
        async with proxied() as line:
            caller = await line.call()
            whole = post("/", b"0123456789")
            await caller.send(whole[:-5])
            upstream = await line.taken()
            await upstream.exactly(whole[:-5])
            await upstream.send(OK)
            await caller.exactly(OK)
            await caller.send(whole[-5:] + get("/next"))
            await upstream.exactly(whole[-5:] + get("/next"))

    in_loop(main)


def test_an_upstream_that_is_not_there_is_502() -> None:
    async def main() -> None:
        async with proxied(upstream="http://127.0.0.1:1") as line:
            caller = await line.call()
            await caller.send(get())
            answer = await caller.rest()
            assert answer.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
            record = await line.record()
            assert (record.status, record.upstream_status, record.error) == (502, 0, "refused")

    in_loop(main)


@pytest.mark.parametrize("protocol", ["http", "tcp"])
def test_a_proxy_can_be_closed_at_any_moment_of_a_connection(protocol: ProxyProtocol) -> None:
    async def main() -> None:
        for turns in range(12):
            async with proxied(protocol=protocol) as line:
                callers = [await line.call() for _ in range(3)]
                for caller in callers:
                    caller.writer.write(get())
                for _ in range(turns):
                    await asyncio.sleep(0)
                await line.proxy.close()
                assert line.proxy.is_idle
                for caller in callers:
                    with contextlib.suppress(ConnectionResetError):
                        assert await caller.rest() == b""

    in_loop(main)


def test_closing_the_proxy_ends_what_is_under_way() -> None:
    async def main() -> None:
        async with proxied() as line:
            caller = await line.call()
            await caller.send(get())
            upstream = await line.taken()
            await upstream.until()
            await line.proxy.close()
            assert await caller.rest() == b""
            assert await upstream.rest() == b""
            assert (await line.record()).error == "proxy_closed"
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(line.proxy.host, line.proxy.port)

    in_loop(main)
