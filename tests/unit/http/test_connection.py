"""Connections over streams in memory: their states, and what a pool does with them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from windtunnel.http.connection import Connection, ConnectionState
from windtunnel.http.errors import Failure
from windtunnel.http.stream import Destination
from windtunnel.http.transport import HttpTransport
from windtunnel.http.upload import open_upload
from windtunnel.interfaces import Request
from windtunnel.model.http import Exchange
from windtunnel.model.record import Timings
from windtunnel.model.source import Source
from windtunnel.model.sut import Service, Sut

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SHOP = Service(name="shop", base_url="http://shop.test")


class MemoryStream(asyncio.Transport):
    """One end of a connection; the test is the other one."""

    def __init__(self, receiver: asyncio.Protocol) -> None:
        super().__init__()
        self.receiver = receiver
        self.sent = b""
        self.aborted = False
        self.wrote = asyncio.Event()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += data
        self.wrote.set()

    def abort(self) -> None:
        if not self.aborted:
            self.aborted = True
            asyncio.get_running_loop().call_soon(self.receiver.connection_lost, None)

    async def request(self) -> bytes:
        """The next request, once it is written."""
        await self.wrote.wait()
        self.wrote.clear()
        sent, self.sent = self.sent, b""
        return sent


class MemoryOpener:
    """Opens streams in memory. `refuses` is the failure of the next attempt."""

    def __init__(self) -> None:
        self.streams: list[MemoryStream] = []
        self.opened = asyncio.Event()
        self.refuses: Failure | None = None

    async def open(
        self, receiver: asyncio.Protocol, destination: Destination, *, deadline_s: float, timings: Timings
    ) -> Failure | None:
        await asyncio.sleep(0)
        if self.refuses is not None:
            return self.refuses
        stream = MemoryStream(receiver)
        self.streams.append(stream)
        receiver.connection_made(stream)
        self.opened.set()
        return None

    async def stream(self) -> MemoryStream:
        """The stream that is opened next."""
        await self.opened.wait()
        self.opened.clear()
        return self.streams[-1]


class User:
    """A client over streams in memory."""

    def __init__(self, opener: MemoryOpener) -> None:
        sut = Sut(name="shop", default=SHOP, source=Source(file="sut.yaml"))
        self.transport = HttpTransport(sut, "run-1", around=lambda _: opener)
        self.client = self.transport.client()

    def send(self, target: str = "/", *, method: str = "GET") -> asyncio.Task[Exchange]:
        endpoint = self.transport.endpoint(method=method, service=SHOP, headers={})
        request = Request(endpoint=endpoint, target=target, timeout_s=5)
        return asyncio.create_task(self.client.send(request))


def over_memory(test: Callable[[User, MemoryOpener], Awaitable[None]]) -> None:
    async def main() -> None:
        opener = MemoryOpener()
        user = User(opener)
        await asyncio.wait_for(test(user, opener), 20)
        await user.transport.close()
        assert all(stream.aborted for stream in opener.streams)

    asyncio.run(main())


def connection_of(stream: MemoryStream) -> Connection:
    assert isinstance(stream.receiver, Connection)
    return stream.receiver


def test_a_connection_says_where_it_goes_and_what_it_does() -> None:
    async def test(user: User, opener: MemoryOpener) -> None:
        sending = user.send("/products")
        stream = await opener.stream()
        await stream.request()
        connection = connection_of(stream)
        assert connection.state is ConnectionState.BUSY
        assert repr(connection) == "<Connection to http://shop.test, busy: GET http://shop.test/products>"
        connection.data_received(OK)
        assert (await sending).body == b"ok"
        assert repr(connection) == "<Connection to http://shop.test, idle>"
        connection.close()
        assert repr(connection) == "<Connection to http://shop.test, closed>"

    over_memory(test)


def test_a_connection_that_is_closed_while_it_is_opened_stays_closed() -> None:
    async def main() -> None:
        lost: list[Connection] = []
        transport = HttpTransport(Sut(name="s", default=SHOP, source=Source(file="s")), "run-1")
        destination = transport.destination(SHOP)
        routes = transport._routes
        connection = Connection(destination, deadlines=routes.deadlines, outbox=routes.outbox, on_lost=lost.append)
        assert connection.state is ConnectionState.OPENING
        connection.close()
        stream = MemoryStream(connection)
        connection.connection_made(stream)
        assert (connection.state, stream.aborted) == (ConnectionState.CLOSED, True)
        await asyncio.sleep(0)
        assert lost == [connection]

    asyncio.run(main())


def test_the_next_request_takes_the_idle_connection() -> None:
    async def test(user: User, opener: MemoryOpener) -> None:
        for _ in range(3):
            sending = user.send()
            if not opener.streams:
                await opener.stream()
            await opener.streams[0].request()
            opener.streams[0].receiver.data_received(OK)
            assert (await sending).status == 200
        assert len(opener.streams) == 1

    over_memory(test)


def test_a_get_on_a_connection_that_was_closed_meanwhile_is_sent_again_on_a_new_one() -> None:
    async def test(user: User, opener: MemoryOpener) -> None:
        first = user.send()
        stream = await opener.stream()
        await stream.request()
        stream.receiver.data_received(OK)
        await first
        second = user.send("/again")
        await stream.request()
        stream.receiver.eof_received()
        other = await opener.stream()
        assert other is not stream
        assert (await other.request()).startswith(b"GET /again HTTP/1.1\r\n")
        other.receiver.data_received(OK)
        exchange = await second
        assert (exchange.status, exchange.resent, exchange.error) == (200, True, None)

    over_memory(test)


def test_a_post_is_not_sent_again() -> None:
    async def test(user: User, opener: MemoryOpener) -> None:
        first = user.send()
        stream = await opener.stream()
        await stream.request()
        stream.receiver.data_received(OK)
        await first
        second = user.send(method="POST")
        await stream.request()
        stream.receiver.connection_lost(ConnectionResetError())
        exchange = await second
        assert (exchange.error, exchange.resent, len(opener.streams)) == ("closed", False, 1)
        stream.aborted = True

    over_memory(test)


@pytest.mark.parametrize("event", ["end", "reset", "answer"])
def test_a_post_that_waits_in_the_outbox_of_a_lost_connection_is_sent_on_a_new_one(event: str) -> None:
    async def test(user: User, opener: MemoryOpener) -> None:
        first = user.send()
        stream = await opener.stream()
        await stream.request()
        stream.receiver.data_received(OK)
        await first
        connection = connection_of(stream)
        second = user.send("/again", method="POST")
        await asyncio.sleep(0)
        assert (connection.state, stream.sent) == (ConnectionState.BUSY, b"")
        if event == "end":
            connection.eof_received()
        elif event == "reset":
            connection.connection_lost(ConnectionResetError())
        else:
            connection.data_received(OK)
        other = await opener.stream()
        assert (await other.request()).startswith(b"POST /again HTTP/1.1\r\n")
        other.receiver.data_received(OK.replace(b"200", b"201"))
        exchange = await second
        assert (exchange.status, exchange.replaced, exchange.resent) == (201, True, False)
        assert (stream.sent, len(opener.streams)) == (b"", 2)
        stream.aborted = True

    over_memory(test)


def test_a_request_whose_client_closes_is_not_sent_again() -> None:
    async def test(user: User, opener: MemoryOpener) -> None:
        first = user.send()
        stream = await opener.stream()
        await stream.request()
        stream.receiver.data_received(OK)
        await first
        second = user.send("/again")
        await stream.request()
        user.client.close()
        exchange = await second
        assert (exchange.error, exchange.error_detail) == ("closed", "by the client")
        assert len(opener.streams) == 1

    over_memory(test)


def test_an_upload_that_starts_again_waits_again() -> None:
    upload = open_upload(b"body", waits=True)
    upload.waits = False
    assert upload.read() == b"body"
    upload.restart()
    assert (upload.waits, upload.left, upload.read()) == (True, 4, b"body")
    upload.close()


def test_what_an_opener_reports_is_the_error_of_the_request() -> None:
    async def test(user: User, opener: MemoryOpener) -> None:
        opener.refuses = Failure("refused", "nothing listens")
        exchange = await user.send()
        assert (exchange.error, exchange.error_detail) == ("refused", "nothing listens")
        opener.refuses = None
        sending = user.send()
        stream = await opener.stream()
        await stream.request()
        stream.receiver.data_received(OK)
        assert (await sending).status == 200

    over_memory(test)
