"""Requests on connections that turn out to be gone, on both event loops.

The server ends its first connection after the first answer, when the client has decided to use it again and its
event loop has not looked at it since.
"""

from __future__ import annotations

import socket
import ssl
import struct
from pathlib import Path
from threading import Event, Thread

import pytest

from tests.support.loops import Run
from windtunnel.http.transport import HttpTransport
from windtunnel.interfaces import Request
from windtunnel.model.http import Exchange, FileBody
from windtunnel.model.source import Source
from windtunnel.model.sut import Service, Sut, Tls

CERTIFICATE = Path(__file__).parent / "certificates" / "test-only-localhost.pem"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
TOO_LATE = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Server:
    """Answers in a thread, one connection after another. `requests` has the bytes of each request read."""

    def __init__(self, end: str, *, encrypted: bool) -> None:
        self.end = end
        self.requests: list[bytes] = []
        self.tls: ssl.SSLContext | None = None
        if encrypted:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(CERTIFICATE, CERTIFICATE.with_suffix(".key"))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"{'https' if encrypted else 'http'}://127.0.0.1:{self.listener.getsockname()[1]}"
        self.may_end, self.has_ended = Event(), Event()
        self.thread = Thread(target=self.serve)
        self.thread.start()

    def serve(self) -> None:
        first, _ = self.listener.accept()
        first.settimeout(20)
        stream = self.tls.wrap_socket(first, server_side=True) if self.tls else first
        self.answer(stream)
        self.may_end.wait(20)
        if self.end == "answer":
            stream.sendall(TOO_LATE)
        if self.end == "written":
            self.has_ended.set()
            self.requests.append(self.read(stream))
        if self.end == "reset":
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        stream.close()
        self.has_ended.set()
        try:
            second, _ = self.listener.accept()
        except OSError:
            return  # the test is over
        second.settimeout(20)
        with self.tls.wrap_socket(second, server_side=True) if self.tls else second as stream:
            self.answer(stream)

    def answer(self, stream: socket.socket) -> None:
        self.requests.append(self.read(stream))
        stream.sendall(ANSWER)

    @staticmethod
    def read(stream: socket.socket) -> bytes:
        """One request with its body."""
        read = b""
        while b"\r\n\r\n" not in read:
            read += stream.recv(65536)
        head, _, body = read.partition(b"\r\n\r\n")
        if b"Expect: 100-continue" in head:
            assert not body
            stream.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        while len(body) < int(length or 0):
            body += stream.recv(65536)
        return head + b"\r\n\r\n" + body

    def close(self) -> None:
        self.may_end.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join(20)
        self.listener.close()


def second_exchange(
    run: Run, server: Server, method: str, *, headers: dict[str, str] | None = None, body: bytes | FileBody = b""
) -> Exchange:
    """What becomes of a request on the connection that the server is about to end."""
    service = Service(name="shop", base_url=server.url, tls=Tls(verify=False))
    transport = HttpTransport(Sut(name="shop", default=service, source=Source(file="sut.yaml")), "run-1")

    def end(request: Request, _: bytes) -> None:
        if request.target == "/second":
            server.may_end.set()
            assert server.has_ended.wait(20)

    transport.on_request.append(end)

    exchanges: list[Exchange] = []

    async def main() -> None:
        client = transport.client()
        try:
            first = transport.endpoint(method="GET", service=service, headers={})
            assert (await client.send(Request(endpoint=first, target="/first", timeout_s=20))).error is None
            second = transport.endpoint(method=method, service=service, headers=headers or {})
            request = Request(endpoint=second, target="/second", body=body, timeout_s=20)
            exchanges.append(await client.send(request))
        finally:
            await transport.close()
            server.close()

    run(main())
    return exchanges[0]


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize(
    ("end", "encrypted"),
    [("close", False), ("reset", False), ("answer", False), ("close", True), ("reset", True), ("answer", True)],
)
def test_a_connection_that_is_gone_before_a_byte_is_written_is_replaced(
    run: Run, end: str, encrypted: bool, method: str
) -> None:
    server = Server(end, encrypted=encrypted)
    exchange = second_exchange(run, server, method, body=b"{}")
    assert (exchange.status, exchange.body, exchange.error) == (200, b"ok", None)
    assert (exchange.replaced, exchange.resent) == (True, False)
    assert [request.split()[:2] for request in server.requests] == [
        [b"GET", b"/first"],
        [method.encode(), b"/second"],
    ]
    assert exchange.bytes_sent == len(server.requests[1])


@pytest.mark.parametrize(
    ("method", "headers"),
    [("PUT", {}), ("POST", {"Idempotency-Key": "k1"}), ("PATCH", {"x-idempotency-key": "k1"})],
)
@pytest.mark.parametrize("expects", [False, True])
def test_a_written_request_that_may_be_repeated_is_sent_again_whole(
    run: Run, method: str, headers: dict[str, str], expects: bool, tmp_path: Path
) -> None:
    (tmp_path / "upload").write_bytes(b"x" * 300_000)
    headers = headers | ({"Expect": "100-continue"} if expects else {})
    server = Server("close" if expects else "written", encrypted=False)
    exchange = second_exchange(run, server, method, headers=headers, body=FileBody(str(tmp_path / "upload")))
    assert (exchange.status, exchange.error) == (200, None)
    assert (exchange.resent, exchange.replaced) == (not expects, expects)
    assert server.requests[-1].endswith(b"\r\n\r\n" + b"x" * 300_000)
    assert len(server.requests[-1]) < 300_500


def test_a_written_request_with_effect_is_not_sent_again_and_its_error_names_the_connection(run: Run) -> None:
    server = Server("written", encrypted=False)
    exchange = second_exchange(run, server, "POST", body=b"{}")
    assert (exchange.status, exchange.error, exchange.resent, exchange.replaced) == (0, "closed", False, False)
    assert exchange.error_detail == (
        "a reused connection was closed before any response; "
        "POST without an Idempotency-Key is not sent again, since it may have had its effect"
    )
    assert (len(server.requests), exchange.bytes_sent) == (2, len(server.requests[1]))
