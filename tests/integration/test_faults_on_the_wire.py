"""Faults on bytes, by what a server on loopback saw of them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.faulty import PHASES, fault
from tests.support.loops import LOOPS, run_on
from tests.support.tiers import slow_unless
from tests.support.token_server import token_server
from windtunnel.engine.run.process import SystemClock
from windtunnel.http.transport import HttpTransport
from windtunnel.interfaces import Client, Request
from windtunnel.model.auth import Auth, OAuth2
from windtunnel.model.http import Exchange, FileBody
from windtunnel.model.record import FaultRecord
from windtunnel.model.source import Source
from windtunnel.model.sut import Service, Sut, Tls
from windtunnel.model.turbulence import FaultSpec, Turbulence
from windtunnel.turbulence.client import FaultyClients

BODY = b"0123456789" * 100
CERTIFICATE = Path(__file__).parent / "certificates" / "test-only-localhost.pem"


@dataclass
class Server:
    """Answers every request with a body, and counts. `got` holds the bytes of each connection, in their order."""

    body: bytes = BODY
    headers: str = ""
    answers: bool = True
    got: list[bytearray] = field(default_factory=list)
    ended: list[asyncio.Event] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got, ended = bytearray(), asyncio.Event()
        self.got.append(got)
        self.ended.append(ended)
        self.writers.append(writer)
        try:
            while data := await reader.read(65536):
                got += data
                self.asked.set()
                self.times.append(asyncio.get_running_loop().time())
                head, blank, body = bytes(got).rpartition(b"\r\n\r\n")
                if self.answers and blank and len(body) >= _length(head):
                    head_ = f"HTTP/1.1 200 OK\r\nContent-Length: {len(self.body)}\r\n{self.headers}\r\n"
                    writer.write(head_.encode() + self.body)
        except ConnectionError:
            pass
        finally:
            ended.set()
            writer.close()

    @property
    def bodies(self) -> list[bytes]:
        return [bytes(got).partition(b"\r\n\r\n")[2] for got in self.got]


def _length(head: bytes) -> int:
    found = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return int(found[-1].partition(b":")[2]) if found else 0


@dataclass
class Wired:
    """A client of an instance whose faults are on, in front of a server."""

    server: Server
    client: Client
    transport: HttpTransport
    service: Service
    records: list[FaultRecord]

    async def send(self, target: str = "/pay", *, method: str = "POST", **more: Any) -> Exchange:
        endpoint = self.transport.endpoint(method=method, service=self.service, headers={})
        request = Request(**{"endpoint": endpoint, "target": target, "timeout_s": 5.0, "step": "pay", **more})
        return await self.client.send(request)

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(each.event, each.detail) for each in self.records]


Test = Callable[[Wired], Awaitable[None]]


USUAL = "uvloop" if "uvloop" in LOOPS else "asyncio"


@pytest.fixture(params=slow_unless(lambda name: name == USUAL, sorted(LOOPS)))
def loop(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def on_wire(
    loop: str, test: Test, *faults: FaultSpec, server: Server | None = None, with_tls: bool = False
) -> Server:
    server = server or Server()
    context = None
    if with_tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE, CERTIFICATE.with_suffix(".key"))

    async def main() -> None:
        before = asyncio.all_tasks()
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=context)
        server.port = listening.sockets[0].getsockname()[1]
        scheme, tls = ("https", Tls(ca=str(CERTIFICATE))) if with_tls else ("http", Tls())
        service = Service(name="shop", base_url=f"{scheme}://localhost:{server.port}", tls=tls)
        transport = HttpTransport(Sut(name="s", default=service, source=Source(file="s")), "run-1")
        clock, records = SystemClock(), list[FaultRecord]()
        clients = FaultyClients(Turbulence(phases=PHASES, faults=faults), 1, clock, records.append)
        inner = transport.client()
        inner.begin_instance(instance_id="shop-0", correlation_id="0" * 32)
        clients.begin(clock.now())
        client = clients.of_instance(
            inner, scenario="shop", index=0, instance_id="shop-0", correlation_id="0" * 32
        )
        await test(Wired(server, client, transport, service, records))
        await transport.close()
        listening.close()
        for ended in server.ended:
            await asyncio.wait_for(ended.wait(), 5)  # no connection is left
        for task in asyncio.all_tasks() - before:
            await asyncio.wait_for(task, 5)

    run_on(loop, main())
    return server


def outcome(exchange: Exchange) -> tuple[Any, ...]:
    return exchange.status, exchange.error, exchange.fault


@pytest.mark.parametrize(("after", "part"), [("headers", "the head"), ("50%", "50% of the body")])
def test_a_client_hangs_up_in_the_middle_of_a_response(loop: str, after: str, part: str) -> None:
    async def test(wired: Wired) -> None:
        exchange = await wired.send(body=b"x" * 10)
        assert outcome(exchange) == (0, "closed", "abort")
        assert exchange.error_detail == "the client hung up on purpose"
        head = exchange.bytes_received - (0 if after == "headers" else len(BODY) // 2)
        assert 0 < head < 100
        assert wired.told == [("applied", f"after {part}")]

    server = on_wire(loop, test, fault("abort", after=after))
    assert server.bodies == [b"x" * 10]


def test_hanging_up_while_a_large_response_is_sent_leaves_the_rest_with_the_server(loop: str) -> None:
    async def test(wired: Wired) -> None:
        exchange = await wired.send(method="GET")
        assert outcome(exchange) == (0, "closed", "abort")
        assert 200_000 < exchange.bytes_received < 2_100_000

    on_wire(loop, test, fault("abort", after="10%"), server=Server(body=b"x" * 20_000_000))


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_a_response_without_a_body_is_not_completed_either(loop: str, method: str) -> None:
    async def test(wired: Wired) -> None:
        assert outcome(await wired.send(method=method)) == (0, "closed", "abort")

    on_wire(loop, test, fault("abort", after="100%"), server=Server(body=b""))


@pytest.mark.parametrize("body", [b"", b"x" * 1000, b"x" * 300_000])
def test_a_connection_is_dropped_before_the_request(loop: str, body: bytes) -> None:
    async def test(wired: Wired) -> None:
        exchange = await wired.send(body=body)
        assert outcome(exchange) == (0, "closed", "drop_connection")
        assert (exchange.bytes_sent, exchange.timings.duration_us) == (0, 0)
        assert wired.told == [("applied", "before the request")]

    assert on_wire(loop, test, fault("drop_connection")).got == [b""]


@pytest.mark.parametrize("body", [b"", b"x" * 1000, b"x" * 300_000])
def test_a_connection_is_dropped_after_the_whole_request(loop: str, body: bytes) -> None:
    async def test(wired: Wired) -> None:
        exchange = await wired.send(body=body)
        assert outcome(exchange) == (0, "closed", "drop_connection")
        assert exchange.error_detail == "the connection was closed on purpose after the request"

    assert on_wire(loop, test, fault("drop_connection", at="after")).bodies == [body]


@pytest.mark.parametrize("in_a_file", [False, True])
def test_a_request_is_sent_slowly(loop: str, in_a_file: bool, tmp_path: Path) -> None:
    content = b"x" * 20_000
    (tmp_path / "body").write_bytes(content)

    async def test(wired: Wired) -> None:
        exchange = await wired.send(body=FileBody(str(tmp_path / "body")) if in_a_file else content)
        assert outcome(exchange) == (200, None, "slow_send")
        assert exchange.body == BODY
        assert exchange.timings.send > 150_000
        assert wired.told == [("applied", "ended with 200")]

    server = on_wire(loop, test, fault("slow_send", rate="100KB/s"))
    assert server.bodies == [content]
    assert server.times[-1] - server.times[0] > 0.15
    assert len(server.times) > 3


def test_a_slow_request_ends_at_its_deadline(loop: str) -> None:
    async def test(wired: Wired) -> None:
        exchange = await wired.send(body=b"x" * 20_000, timeout_s=0.3)
        assert outcome(exchange) == (0, "timeout", "slow_send")

    (body,) = on_wire(loop, test, fault("slow_send", rate="10KB/s")).bodies
    assert len(body) < 15_000


def test_a_response_is_read_slowly(loop: str) -> None:
    async def test(wired: Wired) -> None:
        exchange = await wired.send()
        assert outcome(exchange) == (200, None, "slow_read")
        assert exchange.body == b"y" * 20_000
        assert exchange.timings.receive > 150_000

    on_wire(loop, test, fault("slow_read", rate="100KB/s"), server=Server(body=b"y" * 20_000))


def test_a_slow_reader_makes_the_server_wait(loop: str) -> None:
    """What the system buffers on both sides is less than the response."""

    async def test(wired: Wired) -> None:
        reading = asyncio.ensure_future(wired.send(timeout_s=0.8))
        await wired.server.asked.wait()
        await asyncio.sleep(0.3)
        (writer,) = wired.server.writers
        assert writer.transport.get_write_buffer_size() > 1_000_000
        exchange = await reading
        assert (exchange.error, exchange.fault) == ("timeout", "slow_read")
        assert exchange.bytes_received < 100_000

    on_wire(loop, test, fault("slow_read", rate="10KB/s"), server=Server(body=b"y" * 10_000_000))


@pytest.mark.parametrize("kind", ["text", "file"])
def test_a_corrupt_body_has_its_length(loop: str, kind: str, tmp_path: Path) -> None:
    content = bytes(range(256)) * 2000
    (tmp_path / "body").write_bytes(content)

    async def test(wired: Wired) -> None:
        exchange = await wired.send(body=FileBody(str(tmp_path / "body")) if kind == "file" else content)
        assert outcome(exchange) == (200, None, "corrupt_body")

    (body,) = on_wire(loop, test, fault("corrupt_body", bytes=5)).bodies
    assert len(body) == len(content)
    assert sum(one != other for one, other in zip(body, content, strict=True)) == 5


@pytest.mark.parametrize("kind", ["abort", "drop_connection", "slow_send", "slow_read", "corrupt_body"])
def test_a_server_that_is_not_there_is_the_failure_of_the_sut(loop: str, kind: str, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"rate": "1KB/s"} if kind.startswith("slow") else {}

    async def test(wired: Wired) -> None:
        gone = Service(name="gone", base_url="http://127.0.0.1:1")
        endpoint = wired.transport.endpoint(method="POST", service=gone, headers={})
        exchange = await wired.send(endpoint=endpoint, body=b"x")
        assert outcome(exchange) == (0, "refused", None)
        assert wired.told == [("missed", "it was not sent: refused")]

    on_wire(loop, test, fault(kind, **settings))


@pytest.mark.parametrize(
    ("spec", "expected", "body"),
    [
        (fault("slow_send", rate="100KB/s"), (200, None, "slow_send"), b"x" * 5_000),
        (fault("slow_read", rate="100KB/s"), (200, None, "slow_read"), b"x" * 5_000),
        (fault("abort"), (0, "closed", "abort"), b"x" * 5_000),
        (fault("drop_connection"), (0, "closed", "drop_connection"), b""),
        (fault("drop_connection", at="after"), (0, "closed", "drop_connection"), b"x" * 5_000),
    ],
)
def test_it_is_the_same_over_tls(loop: str, spec: FaultSpec, expected: tuple[Any, ...], body: bytes) -> None:
    async def test(wired: Wired) -> None:
        assert outcome(await wired.send(body=b"x" * 5_000)) == expected

    assert on_wire(loop, test, spec, with_tls=True).bodies == [body]


def test_cookies_and_span_ids_are_those_of_the_instance(loop: str) -> None:
    spans: list[str] = []

    async def test(wired: Wired) -> None:
        for path in ("/slow", "/quick", "/slow", "/quick"):
            spans.append((await wired.send(path, method="GET")).span_id)

    server = on_wire(
        loop,
        test,
        fault("slow_read", rate="1MB/s", on={"path": "/slow"}),
        server=Server(headers="Set-Cookie: id=7\r\n"),
    )
    assert len(set(spans)) == 4
    # The two quick ones share the one connection that is kept.
    assert [bytes(got).count(b"HTTP/1.1\r\n") for got in server.got] == [1, 2, 1]
    assert [bytes(got).count(b"Cookie: id=7") for got in server.got] == [0, 2, 1]


def test_a_lost_response_leaves_no_cookie(loop: str) -> None:
    async def test(wired: Wired) -> None:
        for path in ("/lost", "/kept", "/lost", "/end"):
            wired.server.headers = f"Set-Cookie: id={path[1:]}; Path=/\r\nSet-Cookie: {path[1:]}=1\r\n"
            await wired.send(path, method="GET")

    server = on_wire(loop, test, fault("lose_response", on={"path": "/lost"}))
    (got,) = server.got
    sent = [line for line in bytes(got).split(b"\r\n") if line.startswith(b"Cookie:")]
    assert sent == [b"Cookie: id=kept; kept=1"] * 2


@pytest.mark.parametrize(
    ("kind", "settings", "status", "seen"),
    [
        ("slow_send", {"rate": "100KB/s"}, 200, ["shop"]),
        ("slow_read", {"rate": "100KB/s"}, 200, ["shop"]),
        ("stale_token", {}, 401, [None]),
        ("abort", {}, 0, ["shop"]),
    ],
)
def test_a_request_with_a_token_keeps_it_unless_the_fault_is_about_that(
    loop: str, kind: str, settings: dict[str, Any], status: int, seen: list[str | None]
) -> None:
    async def test(wired: Wired) -> None:
        oauth2 = OAuth2(token_url=f"{tokens.url}/token", client_id="shop", client_secret="client-secret-0123")
        shop = Service(name="shop", base_url=tokens.url, auth=Auth(oauth2=oauth2))
        endpoint = wired.transport.endpoint(method="GET", service=shop, headers={})
        exchange = await wired.send("/me", endpoint=endpoint)
        assert (exchange.status, exchange.fault) == (status, kind)
        assert [each.event for each in wired.records] == ["applied"]

    with token_server() as tokens:
        on_wire(loop, test, fault(kind, **settings))
    assert [owner for _, owner in tokens.seen] == seen


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("latency", {"delay": "3s"}),
        ("abort", {}),
        ("lose_response", {"then": {"retry": {"attempts": 5, "backoff": "1s"}}}),
        ("duplicate", {"gap": "3s"}),
        ("duplicate", {"gap": "3s", "concurrent": True}),
        ("slow_send", {"rate": "1KB/s"}),
        ("slow_read", {"rate": "1KB/s"}),
        ("corrupt_body", {}),
        ("drop_connection", {"at": "after"}),
        ("stale_token", {}),
        ("timeout", {"after": "4s"}),
        ("thundering_herd", {"size": 2}),
        ("retry_storm", {"backoff": "1s"}),
    ],
)
@pytest.mark.parametrize("answers", [True, False])
def test_cancelling_in_the_middle_leaves_no_task_and_no_connection(
    loop: str, kind: str, settings: dict[str, Any], answers: bool
) -> None:
    async def test(wired: Wired) -> None:
        task = asyncio.ensure_future(wired.send(body=b"x" * 5_000, headers=(("Authorization", "Bearer a"),)))
        done, _ = await asyncio.wait([task], timeout=0.03)
        task.cancel()
        await asyncio.wait([task], timeout=5)
        assert task.done()
        assert done or task.cancelled()
        wired.client.close()

    on_wire(loop, test, fault(kind, **settings), server=Server(answers=answers))
