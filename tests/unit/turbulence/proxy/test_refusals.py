"""What a proxy does not send on: what two readers could understand in two ways, and what is for others."""

from __future__ import annotations

import ssl
from collections.abc import Sequence

import pytest

from tests.support import ROOT
from tests.support.proxying import OK, PHASES, Timers, get, in_loop, post, proxied
from windtunnel.errors import ConfigError
from windtunnel.model.sut import Tls
from windtunnel.model.turbulence import FaultSpec, FaultTarget, ProxySpec
from windtunnel.model.vocabulary import ProxyProtocol
from windtunnel.turbulence.proxy.heads import Names, RequestHead, read_request
from windtunnel.turbulence.proxy.logical import Attempts
from windtunnel.turbulence.proxy.proxy import EmbeddedProxy

CERTIFICATE = ROOT / "tests" / "integration" / "certificates" / "test-only-localhost"
HOST = b"Host: shop\r\n"
BOTH = b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"POST / HTTP/1.1\r\n" + HOST + BOTH + b"\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\n12345", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\n1234", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: +4\r\n\r\n1234", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 4, 4\r\n\r\n1234", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: " + b"9" * 19 + b"\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 501),
        (b"POST / HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0x4\r\n1234\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n4\n1234\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding : chunked\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X-Folded: a\r\n b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\n" + HOST + b"\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\rb\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\rContent-Length: 9\nY: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\x00b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n", 400),
        (b"G" * 33 + b" / HTTP/1.1\r\n\r\n", 400),
        (b"GET  / HTTP/1.1\r\n\r\n", 400),
        (b"GET noslash HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\n", 400),
        (b"GET / HTTP/1.1\r\nX-Long: " + b"a" * 70_000, 431),
        (b"GET http://elsewhere.test/ HTTP/1.1\r\n" + HOST + b"\r\n", 421),
        (b"GET ftp://127.0.0.1/ HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"CONNECT elsewhere.test:443 HTTP/1.1\r\nHost: elsewhere.test:443\r\n\r\n", 501),
    ],
)
def test_a_request_is_refused_and_the_upstream_sees_nothing_of_it(request_: bytes, status: int) -> None:
    async def main() -> None:
        async with proxied() as line:
            caller = await line.call()
            await caller.send(request_)
            answer = await caller.rest()
            assert answer.startswith(b"HTTP/1.1 %d " % status)
            assert b"Connection: close\r\n" in answer
            assert line.upstreams.empty()
            assert (await line.record()).status == status

    in_loop(main)


def test_what_is_malformed_only_later_ends_both_connections() -> None:
    async def main() -> None:
        async with proxied() as line:
            caller = await line.call()
            await caller.send(b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n4\r\n1234\r\n")
            upstream = await line.taken()
            await upstream.until(b"1234\r\n")
            await caller.send(b"-1\r\n")
            assert (await caller.rest()).startswith(b"HTTP/1.1 400")
            assert await upstream.is_reset()

    in_loop(main)


@pytest.mark.parametrize(
    ("target", "host", "sent"),
    [
        ("/a", "elsewhere.test", "/a"),
        ("/a", "{proxy}", "/a"),
        ("http://{proxy}/a?b=c", "whatever", "/a?b=c"),
        ("HTTP://{upstream}", "{upstream}", "/"),
    ],
)
def test_every_request_goes_to_the_one_upstream_and_one_to_the_proxy_is_for_its_upstream(
    target: str, host: str, sent: str
) -> None:
    async def main() -> None:
        async with proxied() as line:
            names = {"proxy": line.proxy.address, "upstream": line.upstream_authority}
            caller = await line.call()
            await caller.send(
                f"GET {target.format(**names)} HTTP/1.1\r\nHost: {host.format(**names)}\r\n\r\n".encode()
            )
            upstream = await line.taken()
            expected = host if host == "elsewhere.test" else names["upstream"]
            await upstream.exactly(f"GET {sent} HTTP/1.1\r\nHost: {expected}\r\n\r\n".encode())

    in_loop(main)


def test_a_redirect_to_the_upstream_leads_back_to_the_proxy_for_a_caller_that_called_it_by_name() -> None:
    async def main() -> None:
        async with proxied() as line:
            for host, at in ((line.proxy.address, line.proxy.address), ("shop.test", line.upstream_authority)):
                caller = await line.call()
                await caller.send(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
                upstream = await line.taken()
                await upstream.until()
                answer = "HTTP/1.1 302 Found\r\nLocation: http://{}/next\r\nContent-Length: 0\r\n\r\n"
                await upstream.send(answer.format(line.upstream_authority).encode())
                await caller.exactly(answer.format(at).encode())

    in_loop(main)


def test_an_answer_that_is_no_http_passes_as_it_is_until_its_end() -> None:
    async def main() -> None:
        async with proxied() as line:
            caller = await line.call()
            await caller.send(get())
            upstream = await line.taken()
            await upstream.send(b"SSH-2.0-OpenSSH_9.2\r\n")
            await caller.exactly(b"SSH-2.0-OpenSSH_9.2\r\n")
            await caller.send(get("/next"))
            assert await caller.rest() == b""
            record = await line.record()
            assert (record.status, record.upstream_status, record.error) == (0, 0, "protocol")

    in_loop(main)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\nContent-Length: 2\n\n",
        b"\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200\r\nContent-Length: 2, 2\r\nContent-Length : 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Folded: a\r\n  b\r\nContent-Length: 2\r\n\r\n",
    ],
)
def test_an_answer_that_clients_can_read_keeps_its_connection(head: bytes) -> None:
    async def main() -> None:
        async with proxied() as line:
            caller = await line.call()
            await caller.send(get())
            upstream = await line.taken()
            await upstream.until()
            await upstream.send(head + b"ok")
            await caller.exactly(head + b"ok")
            await caller.send(get("/next"))
            await upstream.exactly(get("/next"))

    in_loop(main)


def test_nothing_of_a_request_reaches_its_record_that_a_terminal_could_take_for_a_command() -> None:
    async def main() -> None:
        async with proxied() as line:
            caller = await line.call()
            odd = b"X-Correlation-ID: a\xc2\x9b31mb\r\nIdempotency-Key: " + b"k" * 9999 + b"\r\n"
            await caller.send(b"GET /\xc2\x9b" + b"a" * 999 + b" HTTP/1.1\r\n" + HOST + odd + b"\r\n")
            await (await line.taken()).send(OK)
            record = await line.record()
            assert record.correlation_id == ""
            assert record.path.startswith("/%C2%9Baaa")
            assert len(record.path) == 256

    in_loop(main)


def test_a_port_in_use_is_told_before_anything_is_sent() -> None:
    async def main() -> None:
        async with proxied() as line:
            spec = ProxySpec(name="b", protocol="http", port=line.proxy.port, upstream="http://a:1")
            second = EmbeddedProxy(spec, (), PHASES, 1, Timers(), print)
            with pytest.raises(ConfigError, match=f"proxy b: 127.0.0.1:{line.proxy.port} is in use"):
                await second.start()
            await second.close()

    in_loop(main)


@pytest.mark.parametrize(
    ("protocol", "host", "upstream", "message"),
    [
        ("http", "0.0.0.0", "http://a", "0.0.0.0 is more than this machine"),
        ("http", "127.0.0.1", "http://a/path", "the upstream has no path"),
        ("http", "127.0.0.1", "ftp://a", "not an http or https URL"),
        ("tcp", "127.0.0.1", "redis", "a host and a port"),
        ("tcp", "127.0.0.1", "postgres://user:secret@db:99999/x", "the upstream can't be read"),
    ],
)
def test_what_cannot_be_is_told_at_once(protocol: ProxyProtocol, host: str, upstream: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as told:
        EmbeddedProxy(
            ProxySpec(name="p", protocol=protocol, host=host, upstream=upstream), (), PHASES, 1, Timers(), print
        )
    assert "secret" not in str(told.value)


@pytest.mark.parametrize(
    ("protocol", "type", "settings", "message"),
    [
        ("http", "latncy", {}, 'type: there is no fault "latncy" in a proxy'),
        ("tcp", "status", {"code": 503}, 'type: "status" is a fault on HTTP requests'),
        ("http", "latency", {}, '"delay" is missing'),
        (
            "http",
            "status",
            {"code": 503, "headers": {"Content-Length": 3}},
            "headers.Content-Length: follows from",
        ),
        ("http", "truncate", {"after": "many"}, "after: "),
        ("http", "reset", {"now": True}, 'now: unknown key "now"'),
    ],
)
def test_a_fault_that_cannot_be_is_told_at_once(
    protocol: ProxyProtocol, type: str, settings: dict[str, object], message: str
) -> None:
    spec = FaultSpec(name="f", type=type, on=FaultTarget(proxy="p"), settings=settings)
    with pytest.raises(ConfigError, match=f"proxy p: {message}"):
        EmbeddedProxy(
            ProxySpec(name="p", protocol=protocol, upstream="http://a:1"), (spec,), PHASES, 1, Timers(), print
        )


def server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{CERTIFICATE}.pem", f"{CERTIFICATE}.key")
    return context


@pytest.mark.parametrize("is_trusted", [True, False])
def test_an_https_upstream_is_verified(is_trusted: bool) -> None:
    async def main() -> None:
        trusted = Tls(ca=f"{CERTIFICATE}.pem") if is_trusted else Tls()
        async with proxied(tls=server_context(), trusted=trusted) as line:
            caller = await line.call()
            await caller.send(post("/", b"body"))
            if is_trusted:
                upstream = await line.taken()
                await upstream.exactly(post("/", b"body"))
                await upstream.send(OK)
                await caller.exactly(OK)
            else:
                assert (await caller.rest()).startswith(b"HTTP/1.1 502")
                assert (await line.record()).error == "tls"

    in_loop(main)


def test_it_listens_at_and_forwards_to_ipv6() -> None:
    async def main() -> None:
        async with proxied(host="::1") as line:
            assert line.proxy.url == f"http://[::1]:{line.proxy.port}"
            caller = await line.call()
            await caller.send(get().replace(b"shop.test", line.proxy.address.encode()))
            upstream = await line.taken()
            await upstream.exactly(get().replace(b"shop.test", line.upstream_authority.encode()))

    in_loop(main)


def attempts_of(most: int, identities: Sequence[str]) -> list[int]:
    attempts = Attempts(most)
    return [attempts.next((identity,), 0.0).number for identity in identities]


def test_what_is_remembered_of_a_request_is_short() -> None:
    def identity(end: bytes) -> tuple[str | bytes, ...]:
        head = read_request(b"GET /" + b"a" * 60_000 + end + b" HTTP/1.1\r\n\r\n", Names(own=b":1", upstream=b"u"))
        assert isinstance(head, RequestHead)
        return head.identity

    assert identity(b"1") == identity(b"1") != identity(b"2")
    assert max(len(each) for each in identity(b"1")) <= 128


def test_the_logical_requests_that_were_sent_longest_ago_are_forgotten() -> None:
    assert attempts_of(2, "abab") == [1, 1, 2, 2]
    assert attempts_of(2, "abcab") == [1, 1, 1, 1, 1]
    assert attempts_of(2, "abacab") == [1, 1, 2, 1, 3, 1]
