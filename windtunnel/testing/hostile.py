"""An HTTP server that misbehaves on purpose, one way per path, for tests of HTTP clients.

    async with HostileServer() as server:
        await client.get(server.url("/drip"))

`BEHAVIOURS` is the table of paths. Everything listens on loopback, on a free port.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from ssl import SSLContext
from urllib.parse import parse_qs, urlsplit


@dataclass(slots=True, kw_only=True)
class Visit:
    """One request, and the way to answer it. `stays` says whether the connection is used again afterwards."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    writer: asyncio.StreamWriter
    server: HostileServer
    connection: int
    stays: bool = True

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters, the last of each name."""
        return {name: values[-1] for name, values in parse_qs(urlsplit(self.target).query).items()}

    async def send(self, data: bytes) -> None:
        """Send raw bytes."""
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, status: str, *headers: str, body: bytes = b"") -> None:
        """Send a well-formed answer with a Content-Length; without its body when HEAD was asked."""
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
        await self.send("\r\n".join(lines).encode() + (b"" if self.method == "HEAD" else body))


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What a path does: in words, and in deeds."""

    says: str
    does: Callable[[Visit], Awaitable[None]]


def _raw(data: bytes, *, stays: bool = False) -> Callable[[Visit], Awaitable[None]]:
    """Send these bytes, then close unless the connection `stays`."""

    async def behave(visit: Visit) -> None:
        visit.stays = stays
        await visit.send(data)

    return behave


async def _ok(visit: Visit) -> None:
    await visit.answer("200 OK", "Content-Type: text/plain", body=b"ok")


async def _echo(visit: Visit) -> None:
    seen = {
        "method": visit.method,
        "target": visit.target,
        "headers": visit.headers,
        "body": visit.body.decode("latin-1"),
        "connection": visit.connection,
    }
    await visit.answer("200 OK", "Content-Type: application/json", body=json.dumps(seen).encode())


async def _never(_: Visit) -> None:
    await asyncio.Event().wait()


async def _drip(visit: Visit) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"." * 1000:
        await visit.send(bytes([byte]))
        await asyncio.sleep(0.05)


async def _endless(visit: Visit) -> None:
    await visit.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        await visit.send(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")


async def _endless_head(visit: Visit) -> None:
    await visit.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        await visit.send(b"X-Filler: " + b"x" * 4000 + b"\r\n")


async def _endless_interim(visit: Visit) -> None:
    while True:
        await visit.send(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n" * 50)


async def _gzip_bomb(visit: Visit) -> None:
    member = gzip.compress(bytes(1024 * 1024))
    bomb = member * 1024
    await visit.answer("200 OK", "Content-Encoding: gzip", body=bomb)


async def _gzip(visit: Visit) -> None:
    await visit.answer("200 OK", "Content-Encoding: gzip", body=gzip.compress(b"squeezed " * 1000))


async def _gzip_cut(visit: Visit) -> None:
    await visit.answer("200 OK", "Content-Encoding: gzip", body=gzip.compress(b"squeezed " * 1000)[:-12])


async def _reset(visit: Visit) -> None:
    await visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    # Give the bytes time to be read: a reset discards what the client has not read yet.
    await asyncio.sleep(0.02)
    _reset_connection(visit)


async def _reset_at_once(visit: Visit) -> None:
    _reset_connection(visit)


def _reset_connection(visit: Visit) -> None:
    """Close with SO_LINGER 0, which sends RST instead of FIN."""
    sock: socket.socket = visit.writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    visit.stays = False
    visit.writer.transport.abort()


async def _close_unannounced(visit: Visit) -> None:
    await _ok(visit)
    visit.stays = False


async def _close_when_reused(visit: Visit) -> None:
    """Answer the first request on a connection, and read the second one only to close."""
    if visit.server.requests_on(visit.connection) > 1:
        visit.stays = False
    else:
        await _echo(visit)


async def _unsolicited(visit: Visit) -> None:
    await _ok(visit)
    await asyncio.sleep(0.02)
    await visit.send(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")


async def _redirect(visit: Visit) -> None:
    """`?status=302&to=/echo`."""
    await visit.answer(f"{visit.query.get('status', '302')} Redirect", f"Location: {visit.query['to']}")


async def _redirect_loop(visit: Visit) -> None:
    await visit.answer("302 Found", "Location: /redirect-loop")


async def _redirect_elsewhere(visit: Visit) -> None:
    await visit.answer("302 Found", f"Location: {visit.server.url('/echo', host='localhost')}")


async def _set_cookie(visit: Visit) -> None:
    await visit.answer("200 OK", "Set-Cookie: session=abc; Path=/; HttpOnly", "Set-Cookie: lang=en; Path=/echo")


_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

BEHAVIOURS: dict[str, Behaviour] = {
    "/ok": Behaviour(says="answers as it should", does=_ok),
    "/echo": Behaviour(says="answers with what it was sent, as JSON", does=_echo),
    "/never": Behaviour(says="never answers", does=_never),
    "/drip": Behaviour(says="sends one byte every 50 ms", does=_drip),
    "/endless": Behaviour(says="sends a body without end", does=_endless),
    "/endless-head": Behaviour(says="sends headers without end", does=_endless_head),
    "/endless-interim": Behaviour(says="sends interim answers without end", does=_endless_interim),
    "/gzip": Behaviour(says="compresses without being asked", does=_gzip),
    "/gzip-cut": Behaviour(says="compresses and loses the end", does=_gzip_cut),
    "/gzip-bomb": Behaviour(says="sends 1 GiB as 1 MiB of gzip", does=_gzip_bomb),
    "/bad-chunk": Behaviour(says="sends a chunk size that is no number", does=_raw(_CHUNKED + b"zz\r\nabc\r\n")),
    "/trailers": Behaviour(
        says="sends headers after a chunked body",
        does=_raw(_CHUNKED + b"3;ext=1\r\nabc\r\n0\r\nX-Trailer: late\r\n\r\n", stays=True),
    ),
    "/two-lengths": Behaviour(
        says="gives a length and chunks",
        does=_raw(
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        ),
    ),
    "/equal-lengths": Behaviour(
        says="gives the length twice",
        does=_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\nabc", stays=True),
    ),
    "/unequal-lengths": Behaviour(
        says="gives two lengths that differ",
        does=_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 2\r\n\r\nabc"),
    ),
    "/bare-line-feeds": Behaviour(
        says="ends lines in a bare line feed",
        does=_raw(b"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3\nabc\n0\n\n", stays=True),
    ),
    "/blank-before-colon": Behaviour(
        says="puts a blank before the colon of a header",
        does=_raw(b"HTTP/1.1 200 OK\r\nContent-Length : 3\r\n\r\nabc", stays=True),
    ),
    "/padded-chunks": Behaviour(
        says="pads the sizes of chunks with blanks",
        does=_raw(_CHUNKED + b"3   \r\nabc\r\n0   \r\n\r\n", stays=True),
    ),
    "/control-characters": Behaviour(
        says="sends control characters in a header",
        does=_raw(b"HTTP/1.1 200 OK\r\nX-Odd: a\x01b\x7f\r\nContent-Length: 3\r\n\r\nabc", stays=True),
    ),
    "/odd-status-line": Behaviour(
        says="writes the status line in its own way",
        does=_raw(b"http/1.1  200OK\r\nContent-Length: 3\r\n\r\nabc", stays=True),
    ),
    "/early-close": Behaviour(
        says="closes in the middle of the body", does=_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    ),
    "/close-in-head": Behaviour(says="closes in the middle of the head", does=_raw(b"HTTP/1.1 200 OK\r\nConte")),
    "/close-at-once": Behaviour(says="closes without an answer", does=_raw(b"")),
    "/close-in-chunk": Behaviour(says="closes in the middle of a chunk", does=_raw(_CHUNKED + b"5\r\nab")),
    "/reset": Behaviour(says="resets in the middle of the body", does=_reset),
    "/reset-at-once": Behaviour(says="resets without an answer", does=_reset_at_once),
    "/garbage-after": Behaviour(
        says="sends more than its length",
        does=_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 500 Oh\r\nContent-", stays=True),
    ),
    "/not-http": Behaviour(says="speaks another protocol", does=_raw(b"220 mail.test ESMTP\r\n")),
    "/huge-header": Behaviour(
        says="sends a header of 100 kB",
        does=_raw(b"HTTP/1.1 200 OK\r\nX-Huge: " + b"x" * 100_000 + b"\r\nContent-Length: 0\r\n\r\n"),
    ),
    "/folded-header": Behaviour(
        says="folds a header over two lines",
        does=_raw(b"HTTP/1.1 200 OK\r\nX-Long: one\r\n  two\r\nContent-Length: 0\r\n\r\n"),
    ),
    "/interim": Behaviour(
        says="sends 100 and 103 before its answer",
        does=_raw(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            stays=True,
        ),
    ),
    "/switches": Behaviour(
        says="switches to another protocol unasked",
        does=_raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: odd\r\nConnection: upgrade\r\n\r\nodd"),
    ),
    "/until-close": Behaviour(
        says="ends the body by closing", does=_raw(b"HTTP/1.1 200 OK\r\n\r\nall there is until the end")
    ),
    "/http-1.0": Behaviour(says="speaks HTTP/1.0", does=_raw(b"HTTP/1.0 200 OK\r\n\r\nold")),
    "/no-content": Behaviour(
        says="204, without length", does=_raw(b"HTTP/1.1 204 No Content\r\n\r\n", stays=True)
    ),
    "/not-modified": Behaviour(
        says="304, with the length of what it does not send",
        does=_raw(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n", stays=True),
    ),
    "/close-unannounced": Behaviour(says="answers, then closes without a word", does=_close_unannounced),
    "/close-when-reused": Behaviour(says="closes on a connection's second request", does=_close_when_reused),
    "/unsolicited": Behaviour(says="answers, and answers again without a request", does=_unsolicited),
    "/redirect": Behaviour(says="redirects: ?status=302&to=/echo", does=_redirect),
    "/redirect-loop": Behaviour(says="redirects to itself", does=_redirect_loop),
    "/redirect-elsewhere": Behaviour(says="redirects to another host name", does=_redirect_elsewhere),
    "/redirect-nowhere": Behaviour(
        says="redirects to what is no web address",
        does=_raw(b"HTTP/1.1 302 Found\r\nLocation: mailto:a@b.test\r\nContent-Length: 0\r\n\r\n", stays=True),
    ),
    "/set-cookie": Behaviour(says="sets two cookies", does=_set_cookie),
}
"""Path -> what it does. A path that is not here answers 404."""


@dataclass(slots=True, kw_only=True)
class HostileServer:
    """The server. `visits` lists every request read: (connection, counted from 1; method; target)."""

    tls: SSLContext | None = None
    visits: list[tuple[int, str, str]] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _arrival: asyncio.Event = field(default_factory=asyncio.Event)

    def url(self, path: str = "", *, host: str = "127.0.0.1") -> str:
        """The URL of a path on this server."""
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}{path}"

    def requests_on(self, connection: int) -> int:
        """How many requests have come over one connection."""
        return sum(1 for number, _, _ in self.visits if number == connection)

    async def visited(self, path: str) -> None:
        """Wait until a request for `path` has been read."""
        while all(urlsplit(target).path != path for _, _, target in self.visits):
            self._arrival.clear()
            await self._arrival.wait()

    async def disconnected(self) -> None:
        """Wait until no connection is left."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def __aenter__(self) -> HostileServer:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            await self._serve(reader, writer, self.connections)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client has gone
        except asyncio.CancelledError:
            writer.transport.abort()  # the server stops
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> None:
        stays = True
        while stays:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            request, *lines = head.rstrip().split("\r\n")
            method, target, _ = request.split(" ")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            self.visits.append((connection, method, target))
            self._arrival.set()
            visit = Visit(
                method=method,
                target=target,
                headers=headers,
                body=body,
                writer=writer,
                server=self,
                connection=connection,
            )
            behaviour = BEHAVIOURS.get(urlsplit(target).path)
            await (behaviour.does(visit) if behaviour else visit.answer("404 Not Found"))
            stays = visit.stays
