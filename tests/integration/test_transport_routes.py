"""The ways to a server: Unix sockets, proxies, our own certificates, fixed addresses, more addresses than one."""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.loops import Run
from windtunnel.http import connect as connecting
from windtunnel.http.connect import connect
from windtunnel.http.resolve import Address
from windtunnel.http.transport import HttpTransport
from windtunnel.interfaces import Request
from windtunnel.model.http import Exchange, FileBody, PartsBody
from windtunnel.model.source import Source
from windtunnel.model.sut import HttpSettings, IdHeaders, Proxies, Proxy, Service, Sut, Tls
from windtunnel.model.vocabulary import Connections

CERTIFICATE = str(Path(__file__).parent / "certificates" / "test-only-localhost.pem")
KEY = CERTIFICATE.replace(".pem", ".key")

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Seen:
    """A server that answers every request with 200 and keeps what it was sent."""

    def __init__(self, *, answer: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") -> None:
        self.answer = answer
        self.heads: list[str] = []
        self.connections = 0
        self.names: list[str | None] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                self.heads.append(head)
                writer.write(self.answer)
                await writer.drain()
                if "connection: close" in head.lower():
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()


@asynccontextmanager
async def listening(serve: Serve, **settings: Any) -> AsyncIterator[int]:
    """A TCP server on loopback; yields its port."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0, **settings)
    async with server:
        yield server.sockets[0].getsockname()[1]


def made(base_url: str, *, http: HttpSettings = HttpSettings(), tls: Tls = Tls(), **more: Any) -> HttpTransport:
    shop = Service(name="shop", base_url=base_url, tls=tls)
    ids = IdHeaders(run=None, instance=None, correlation=None, traceparent=False)
    return HttpTransport(Sut(name="s", default=shop, source=Source(file="s"), http=http, ids=ids, **more), "run-1")


async def ask(
    transport: HttpTransport, target: str = "/", *, method: str = "GET", times: int = 1, **more: Any
) -> Exchange:
    """The last of several requests of one user, each in an instance of its own."""
    client = transport.client()
    sut = transport._sut
    assert sut.default is not None
    endpoint = transport.endpoint(method=method, service=sut.default, headers=more.pop("headers", {}))
    for number in range(times):
        client.begin_instance(instance_id=f"i-{number}", correlation_id=f"{number:032x}")
        exchange = await client.send(Request(endpoint=endpoint, target=target, timeout_s=5, **more))
    await transport.close()
    return exchange


def test_a_server_on_a_unix_socket(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "shop.sock"
    seen = Seen()

    async def main() -> None:
        server = await asyncio.start_unix_server(seen, path)
        async with server:
            transport = made(f"http+unix://{path}")
            assert await ask_preflight(transport) == {f"http+unix://{path}": None}
            exchange = await ask(transport, "/products", times=2)
        assert (exchange.status, exchange.url) == (200, "http://localhost/products")
        assert seen.heads[0].startswith("GET /products HTTP/1.1\r\nHost: localhost\r\n")
        assert seen.connections == 2, "one to see who is there, one for both requests"

    run(main())


def test_nobody_at_a_unix_socket(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        exchange = await ask(made(f"http+unix://{tmp_path}/none.sock"))
        assert (exchange.error, exchange.error_detail) == ("refused", "nothing listens at this socket")

    run(main())


def test_a_proxy_that_forwards_gets_the_whole_url_and_our_name(run: Run) -> None:
    seen = Seen()

    async def main() -> None:
        async with listening(seen) as port:
            proxy = Proxy(host="127.0.0.1", port=port, user="me", password="öffne dich")
            transport = made("http://shop.test:81/api", http=HttpSettings(proxies=Proxies(http=proxy)))
            exchange = await ask(transport, "/products?a=1")
        assert exchange.status == 200
        assert exchange.url == "http://shop.test:81/api/products?a=1"
        request, *headers = seen.heads[0].split("\r\n")
        assert request == "GET http://shop.test:81/api/products?a=1 HTTP/1.1"
        credentials = base64.b64encode("me:öffne dich".encode()).decode()
        assert {"Host: shop.test:81", f"Proxy-Authorization: Basic {credentials}"} <= set(headers)

    run(main())


def tunnel(seen: list[str], *, to: int, answer: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n") -> Serve:
    """A proxy that opens every tunnel to one port on loopback."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(65536):
                writer.write(piece)
        except ConnectionError:
            pass
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
        writer.write(answer)
        if b" 200 " in answer:
            inner = await asyncio.open_connection("127.0.0.1", to)
            await asyncio.gather(pump(reader, inner[1]), pump(inner[0], writer))
        writer.close()

    return serve


def server_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, KEY)
    return context


def test_an_encrypted_request_goes_through_a_tunnel(run: Run) -> None:
    seen = Seen()
    asked: list[str] = []

    async def main() -> None:
        async with listening(seen, ssl=server_tls()) as port, listening(tunnel(asked, to=port)) as proxy_port:
            proxies = Proxies(https=Proxy(host="127.0.0.1", port=proxy_port), loopback=True)
            transport = made(
                f"https://localhost:{port}", http=HttpSettings(proxies=proxies), tls=Tls(ca=CERTIFICATE)
            )
            exchange = await ask(transport, "/secret", times=2)
        assert (exchange.status, exchange.error_detail) == (200, None)
        assert [head.split("\r\n")[0] for head in asked] == [f"CONNECT localhost:{port} HTTP/1.1"]
        assert seen.heads[0].startswith("GET /secret HTTP/1.1")
        assert "Proxy-Authorization" not in seen.heads[0]

    run(main())


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (
            b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
            "it answered '407 Proxy Authentication Required' to",
        ),
        (b"HTTP/1.1 502 Bad Gateway\n\n", "it answered '502 Bad Gateway' to"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "its answer to CONNECT is not HTTP"),
        (b"", "its answer to CONNECT is not HTTP"),
    ],
)
def test_a_proxy_that_opens_no_tunnel(run: Run, answer: bytes, detail: str) -> None:
    async def main() -> None:
        async with listening(tunnel([], to=1, answer=answer)) as proxy_port:
            proxies = Proxies(https=Proxy(host="127.0.0.1", port=proxy_port))
            exchange = await ask(made("https://shop.test", http=HttpSettings(proxies=proxies)))
        assert exchange.error == "proxy"
        assert (exchange.error_detail or "").startswith(detail)

    run(main())


def test_a_proxy_that_is_not_there(run: Run) -> None:
    async def main() -> None:
        proxies = Proxies(http=Proxy(host="127.0.0.1", port=1))
        transport = made("http://shop.test", http=HttpSettings(proxies=proxies))
        assert await ask_preflight(transport) == {
            "http://shop.test through the proxy 127.0.0.1:1": "127.0.0.1:1: Connection refused"
        }
        exchange = await ask(transport)
        assert (exchange.error, exchange.error_detail) == ("proxy", "127.0.0.1:1: Connection refused")

    run(main())


async def ask_preflight(transport: HttpTransport) -> dict[str, str | None]:
    assert transport._sut.default is not None
    transport.endpoint(method="GET", service=transport._sut.default, headers={})
    failures = {each: await transport.probe(each) for each in transport.destinations()}
    return {str(each): (failure.detail or failure.kind) if failure else None for each, failure in failures.items()}


def test_a_server_that_wants_to_know_who_we_are(run: Run) -> None:
    context = server_tls()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(CERTIFICATE)

    async def main() -> None:
        async with listening(Seen(), ssl=context) as port:
            url = f"https://localhost:{port}"
            known = await ask(made(url, tls=Tls(ca=CERTIFICATE, cert=CERTIFICATE, key=KEY)))
            unknown = await ask(made(url, tls=Tls(ca=CERTIFICATE)))
        assert known.status == 200
        assert unknown.status == 0
        assert unknown.error in {"tls", "reset", "closed"}

    run(main())


def test_a_server_that_is_asked_for_under_another_name(run: Run) -> None:
    names: list[str | None] = []
    context = server_tls()
    context.sni_callback = lambda _socket, name, _context: names.append(name)

    async def main() -> None:
        async with listening(Seen(), ssl=context) as port:
            tls = Tls(ca=CERTIFICATE, server_name="localhost")
            http = HttpSettings(resolve={"shop.test": "127.0.0.1"})
            exchange = await ask(made(f"https://shop.test:{port}", tls=tls, http=http))
        assert (exchange.status, exchange.error_detail) == (200, None)
        assert names == ["localhost"]

    run(main())


def test_a_fixed_address_is_used_for_one_port_or_all(run: Run) -> None:
    seen = Seen()

    async def main() -> None:
        async with listening(seen) as port:
            for key in ("shop.test", f"shop.test:{port}"):
                http = HttpSettings(resolve={key: "127.0.0.1"})
                assert (await ask(made(f"http://shop.test:{port}", http=http))).status == 200
        assert f"Host: shop.test:{port}" in seen.heads[0]

    run(main())


@pytest.mark.parametrize(("kept", "connections"), [("user", 1), ("instance", 3), ("none", 3)])
def test_connections_are_kept_for_a_user_an_instance_or_one_request(
    run: Run, kept: Connections, connections: int
) -> None:
    seen = Seen()

    async def main() -> None:
        async with listening(seen) as port:
            await ask(made(f"http://127.0.0.1:{port}", http=HttpSettings(connections=kept)), times=3)
        assert seen.connections == connections
        assert ("Connection: close" in seen.heads[0]) == (kept == "none")

    run(main())


def test_the_other_family_is_tried_beside_an_address_that_does_not_answer(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address where packets vanish: the listen queue of a socket that nobody accepts from is full."""
    monkeypatch.setattr(connecting, "ATTEMPT_DELAY_S", 0.01)

    async def main() -> None:
        async with listening(Seen()) as port:
            deaf = socket.socket()
            deaf.bind(("127.0.0.1", 0))
            deaf.listen(0)
            fillers = [socket.socket() for _ in range(3)]
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(deaf.getsockname())
            addresses = [
                Address(family=socket.AF_INET, sockaddr=deaf.getsockname()),
                Address(family=socket.AF_INET, sockaddr=("127.0.0.1", port)),
            ]
            sock, address = await connect(addresses)
            assert address == addresses[1]
            for each in (sock, deaf, *fillers):
                each.close()

    run(main())


def test_the_address_that_was_refused_is_told_when_the_other_family_is_missing(run: Run) -> None:
    async def main() -> None:
        addresses = [
            Address(family=socket.AF_INET6, sockaddr=("100::1", 1, 0, 0)),
            Address(family=socket.AF_INET, sockaddr=("127.0.0.1", 1)),
        ]
        with pytest.raises(ConnectionRefusedError):
            await connect(addresses)

    run(main())


async def taking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reads a whole request, says how long its body was and whether it had to ask for it."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    size = int(head.split("content-length: ")[1].split("\r\n")[0])
    waited = "no"
    if "expect: 100-continue" in head:
        try:
            await asyncio.wait_for(reader.readexactly(1), 0.1)
        except asyncio.TimeoutError:
            waited = "yes"
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    left = size
    while left:
        left -= len(await reader.read(min(left, 1 << 20)))
    text = f"{size} {waited}".encode()
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text) + text)
    await writer.drain()
    writer.close()


def test_a_file_is_sent_piece_by_piece(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "big"
    path.write_bytes(b"x" * 5_000_001)

    async def main() -> None:
        async with listening(taking) as port:
            exchange = await ask(made(f"http://127.0.0.1:{port}"), method="PUT", body=FileBody(str(path)))
        assert exchange.text == "5000001 no"
        assert exchange.bytes_sent > 5_000_001
        assert exchange.request_body == b""

    run(main())


def test_pieces_and_files_are_sent_one_behind_the_other(run: Run, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * 600_001)
    (tmp_path / "empty").touch()
    big, empty = FileBody(str(tmp_path / "big")), FileBody(str(tmp_path / "empty"))
    body = PartsBody((empty, b"--a\r\n", big, b"", b"\r\n--a\r\n", empty, big, b"--a--"))
    received = bytearray()

    async def keeping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        received.extend(await reader.readexactly(size))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()
        writer.close()

    async def main() -> None:
        async with listening(keeping) as port:
            exchange = await ask(made(f"http://127.0.0.1:{port}"), method="POST", body=body)
        assert exchange.status == 204

    run(main())
    assert received == b"--a\r\n" + b"x" * 600_001 + b"\r\n--a\r\n" + b"x" * 600_001 + b"--a--"


def test_an_empty_file_and_one_that_is_gone(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()

    async def main() -> None:
        async with listening(taking) as port:
            url = f"http://127.0.0.1:{port}"
            empty = await ask(made(url), method="PUT", body=FileBody(str(tmp_path / "empty")))
            gone = await ask(made(url), method="PUT", body=FileBody(str(tmp_path / "gone")))
        assert empty.text == "0 no"
        assert gone.error == "bad_request"
        assert "there is no file" in (gone.error_detail or "")

    run(main())


@pytest.mark.parametrize("size", [3, 1_000_000])
def test_a_body_waits_until_the_server_wants_it(run: Run, size: int) -> None:
    async def main() -> None:
        async with listening(taking) as port:
            exchange = await ask(
                made(f"http://127.0.0.1:{port}"),
                method="POST",
                headers={"Expect": "100-continue"},
                body=b"y" * size,
            )
        assert exchange.text == f"{size} yes"

    run(main())


def test_a_server_that_refuses_a_body_never_gets_it(run: Run) -> None:
    seen = Seen(answer=b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")

    async def main() -> None:
        async with listening(seen) as port:
            exchange = await ask(
                made(f"http://127.0.0.1:{port}"),
                method="POST",
                headers={"Expect": "100-continue"},
                body=b"y" * 1_000_000,
                times=2,
            )
        assert (exchange.status, exchange.error) == (413, None)
        assert exchange.bytes_sent < 1_000
        assert seen.connections == 2, "a connection that owes a body can't carry another request"

    run(main())


def test_a_server_proves_its_name_without_the_trailing_dot() -> None:
    transport = made("https://localhost.:8443")
    assert transport._sut.default is not None
    destination = transport.destination(transport._sut.default)
    assert (destination.server_name, destination.origin.host) == ("localhost", "localhost.")
