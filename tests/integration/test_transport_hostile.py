"""The transport against a server that misbehaves, on both event loops."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import tracemalloc
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from tests.support.loops import Run
from windtunnel.http.client import HttpClient
from windtunnel.http.errors import Failure
from windtunnel.http.transport import HttpTransport
from windtunnel.interfaces import Request
from windtunnel.model.http import ERROR_KINDS, Exchange
from windtunnel.model.source import Source
from windtunnel.model.sut import HttpSettings, IdHeaders, Service, Sut, Tls
from windtunnel.testing.hostile import BEHAVIOURS, HostileServer

CERTIFICATE = Path(__file__).parent / "certificates" / "test-only-localhost.pem"
KEY = CERTIFICATE.with_suffix(".key")


def service(server: HostileServer, **settings: Any) -> Service:
    return Service(name="shop", base_url=server.url(), **settings)


class Visitor:
    """A transport, a client and a way to ask it for a path."""

    def __init__(self, server: HostileServer, shop: Service | None = None, **sut: Any) -> None:
        self.service = shop or service(server)
        self.transport = HttpTransport(
            Sut(name="shop", default=self.service, source=Source(file="sut.yaml"), **sut), "run-1"
        )
        self.client: HttpClient = self.transport.client()
        self.hops: list[Exchange] = []

    async def ask(
        self,
        target: str,
        *,
        method: str = "GET",
        step_headers: dict[str, str] | None = None,
        timeout_s: float = 5.0,
        **send: Any,
    ) -> Exchange:
        endpoint = self.transport.endpoint(method=method, service=self.service, headers=step_headers or {})
        return await self.client.send(
            Request(endpoint=endpoint, target=target, timeout_s=timeout_s, on_hop=self.hops.append, **send)
        )


def visit(
    run: Run,
    scenario: Callable[[Visitor, HostileServer], Awaitable[None]],
    *,
    shop: Callable[[HostileServer], Service] | None = None,
    tls: Any = None,
    **sut: Any,
) -> None:
    """Run a scenario with a visitor to a hostile server; nothing may be left open."""

    async def main() -> None:
        async with HostileServer(tls=tls) as server:
            visitor = Visitor(server, shop(server) if shop else None, **sut)
            try:
                await scenario(visitor, server)
            finally:
                await visitor.transport.close()

    run(main())


OUTCOMES: dict[str, tuple[int, str | None, bytes]] = {
    "/ok": (200, None, b"ok"),
    "/trailers": (200, None, b"abc"),
    "/interim": (200, None, b"ok"),
    "/until-close": (200, None, b"all there is until the end"),
    "/http-1.0": (200, None, b"old"),
    "/no-content": (204, None, b""),
    "/not-modified": (304, None, b""),
    "/gzip": (200, None, b"squeezed " * 1000),
    "/close-unannounced": (200, None, b"ok"),
    "/garbage-after": (200, None, b"ok"),
    "/gzip-cut": (200, "decode", b"squeezed " * 1000),
    "/bad-chunk": (200, "protocol", b""),
    "/two-lengths": (200, None, b"abc"),
    "/equal-lengths": (200, None, b"abc"),
    "/unequal-lengths": (0, "protocol", b""),
    "/folded-header": (200, None, b""),
    "/bare-line-feeds": (200, None, b"abc"),
    "/blank-before-colon": (200, None, b"abc"),
    "/padded-chunks": (200, None, b"abc"),
    "/control-characters": (200, None, b"abc"),
    "/odd-status-line": (200, None, b"abc"),
    "/huge-header": (0, "protocol", b""),
    "/endless-head": (0, "protocol", b""),
    "/endless-interim": (0, "protocol", b""),
    "/not-http": (0, "protocol", b""),
    "/switches": (101, "protocol", b""),
    "/redirect-nowhere": (302, "protocol", b""),
    "/redirect-loop": (302, "too_many_redirects", b""),
    "/redirect-elsewhere": (302, "host_not_allowed", b""),
    "/early-close": (200, "closed", b"half"),
    "/close-in-head": (0, "closed", b""),
    "/close-in-chunk": (200, "closed", b"ab"),
    "/close-at-once": (0, "closed", b""),
    "/reset": (200, "reset", b"half"),
    "/reset-at-once": (0, "reset", b""),
    "/never": (0, "timeout", b""),
    "/set-cookie": (200, None, b""),
    "/close-when-reused": (200, None, b""),
}


@pytest.mark.parametrize("path", OUTCOMES)
def test_every_misbehaviour_comes_back_as_a_value(run: Run, path: str) -> None:
    status, error, body = OUTCOMES[path]

    async def scenario(visitor: Visitor, server: HostileServer) -> None:
        exchange = await visitor.ask(path, timeout_s=0.5 if error == "timeout" else 5.0)
        assert (exchange.status, exchange.error) == (status, error), exchange.error_detail
        assert error is None or error in ERROR_KINDS
        if path not in {"/close-when-reused", "/gzip-cut"}:
            assert exchange.body == body
        assert exchange.started <= exchange.ended
        assert exchange.bytes_sent > 0
        # Whatever it was, the next request of this user is as good as ever.
        again = await visitor.ask("/ok")
        assert (again.status, again.error, again.body) == (200, None, b"ok")

    visit(run, scenario)


def test_the_table_of_outcomes_knows_every_path() -> None:
    tested_elsewhere = {"/drip", "/endless", "/gzip-bomb", "/echo", "/redirect", "/unsolicited"}
    assert set(OUTCOMES) | tested_elsewhere == set(BEHAVIOURS)


@pytest.mark.parametrize("path", ["/never", "/drip"])
def test_a_deadline_is_hard_even_while_bytes_arrive(run: Run, path: str) -> None:
    async def scenario(visitor: Visitor, server: HostileServer) -> None:
        began = perf_counter()
        exchange = await visitor.ask(path, timeout_s=0.5)
        took = perf_counter() - began
        assert exchange.error == "timeout"
        # The deadline counts from the call: opening the connection is part of it, and of no service time.
        opening = exchange.timings.dns + exchange.timings.connect
        assert exchange.timings.duration_us <= took * 1e6
        assert took >= 0.5
        assert opening + exchange.timings.duration_us <= took * 1e6

    visit(run, scenario)


@pytest.mark.parametrize("path", ["/endless", "/gzip-bomb"])
def test_a_body_without_end_is_cut_and_costs_no_memory(run: Run, path: str) -> None:
    async def scenario(visitor: Visitor, server: HostileServer) -> None:
        tracemalloc.start()
        exchange = await visitor.ask(path, max_body=1_000_000)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert (exchange.status, exchange.error) == (200, "body_too_large")
        assert 0 < len(exchange.body) <= 64 * 1024
        assert peak < 12_000_000

    visit(run, scenario)


def test_the_sut_file_says_how_large_a_body_may_be(run: Run) -> None:
    async def scenario(visitor: Visitor, server: HostileServer) -> None:
        assert (await visitor.ask("/gzip")).error == "body_too_large"
        assert (await visitor.ask("/gzip", max_body=9000)).error is None

    visit(run, scenario, http=HttpSettings(max_body=8999))


@pytest.mark.parametrize("path", ["/ok", "/gzip", "/no-content", "/not-modified"])
def test_an_answer_to_head_has_no_body_and_keeps_the_connection(run: Run, path: str) -> None:
    async def scenario(visitor: Visitor, server: HostileServer) -> None:
        for method in ("HEAD", "HEAD", "GET"):
            exchange = await visitor.ask(path, method=method)
            assert exchange.error is None
        assert server.connections == 1
        assert bool(exchange.body) is (path in {"/ok", "/gzip"})

    visit(run, scenario)


def test_connections_are_kept_for_the_user_and_times_are_measured(run: Run) -> None:
    async def scenario(visitor: Visitor, server: HostileServer) -> None:
        first = await visitor.ask("/ok")
        assert first.timings.connect > 0
        for _ in range(9):
            exchange = await visitor.ask("/ok")
            assert (exchange.timings.connect, exchange.timings.tls, exchange.timings.dns) == (0, 0, 0)
            elapsed_us = (exchange.ended - exchange.started) * 1e6
            assert 0 < exchange.timings.wait <= exchange.timings.duration_us <= elapsed_us
        assert server.connections == 1
        other = visitor.transport.client()
        endpoint = visitor.transport.endpoint(method="GET", service=visitor.service, headers={})
        await other.send(Request(endpoint=endpoint, target="/ok", timeout_s=5))
        assert server.connections == 2

    visit(run, scenario)


def test_requests_side_by_side_have_a_connection_each_and_six_are_kept(run: Run) -> None:
    async def scenario(visitor: Visitor, server: HostileServer) -> None:
        for expected in (8, 10):
            exchanges = await asyncio.gather(*(visitor.ask("/ok") for _ in range(8)))
            assert all(exchange.error is None for exchange in exchanges)
            assert server.connections == expected

    visit(run, scenario)


@pytest.mark.parametrize(("method", "resent"), [("GET", True), ("PUT", True), ("POST", False), ("PATCH", False)])
def test_a_reused_connection_found_closed_is_tried_again_once_if_that_is_harmless(
    run: Run, method: str, resent: bool
) -> None:
    async def scenario(visitor: Visitor, server: HostileServer) -> None:
        await visitor.ask("/close-when-reused", method=method)
        exchange = await visitor.ask("/close-when-reused", method=method)
        assert exchange.resent is resent
        assert (exchange.status, exchange.error) == ((200, None) if resent else (0, "closed"))
        assert server.connections == (2 if resent else 1)

    visit(run, scenario)


def test_a_new_connection_that_closes_is_not_tried_again(run: Run) -> None:
    async def scenario(visitor: Visitor, server: HostileServer) -> None:
        exchange = await visitor.ask("/close-at-once")
        assert (exchange.error, exchange.resent, len(server.visits)) == ("closed", False, 1)

    visit(run, scenario)


def test_what_arrives_on_an_idle_connection_closes_it(run: Run) -> None:
    async def scenario(visitor: Visitor, server: HostileServer) -> None:
        await visitor.ask("/unsolicited")
        await server.disconnected()
        exchange = await visitor.ask("/ok")
        assert (exchange.body, exchange.resent, server.connections) == (b"ok", False, 2)

    visit(run, scenario)


def test_a_cancelled_request_drops_its_connection(run: Run) -> None:
    async def scenario(visitor: Visitor, server: HostileServer) -> None:
        await visitor.ask("/ok")
        task = asyncio.ensure_future(visitor.ask("/never"))
        await server.visited("/never")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await visitor.ask("/ok")).body == b"ok"
        assert server.connections == 2

    visit(run, scenario)


def test_closing_a_client_ends_its_request(run: Run) -> None:
    async def scenario(visitor: Visitor, server: HostileServer) -> None:
        task = asyncio.ensure_future(visitor.ask("/never"))
        await server.visited("/never")
        visitor.client.close()
        assert (await task).error == "closed"

    visit(run, scenario)


# What is sent.


def test_a_request_carries_defaults_service_and_step_headers_and_ids(run: Run) -> None:
    async def scenario(visitor: Visitor, server: HostileServer) -> None:
        trace = "0af7651916cd43dd8448eb211c80319c"
        visitor.client.begin_instance(instance_id="buy-7", correlation_id=trace)
        first = await visitor.ask("/echo", step_headers={"X-Step": "1", "x-both": "step"})
        second = await visitor.ask("/echo", headers=[("X-Dynamic", "grün"), ("ACCEPT", "text/plain")])
        headers = first.json["headers"]
        assert headers["host"] == f"127.0.0.1:{server.port}"
        assert headers["user-agent"].startswith("windtunnel/")
        assert (headers["accept"], headers["x-service"], headers["x-step"]) == ("*/*", "s", "1")
        assert headers["x-both"] == "step"
        assert (headers["x-run-id"], headers["x-instance-id"]) == ("run-1", "buy-7")
        assert headers["x-correlation-id"] == trace
        assert headers["traceparent"] == f"00-{trace}-{first.span_id}-01"
        assert "accept-encoding" not in headers
        assert "content-length" not in headers
        assert second.json["headers"]["accept"] == "text/plain"
        assert second.json["headers"]["x-dynamic"].encode("latin-1").decode() == "grün"
        assert second.span_id != first.span_id
        visitor.client.begin_instance(instance_id="buy-7", correlation_id=trace)
        assert (await visitor.ask("/echo")).span_id == first.span_id

    visit(run, scenario, shop=lambda server: service(server, headers={"X-Service": "s", "X-Both": "service"}))


def test_a_header_of_the_users_takes_the_place_of_ours(run: Run) -> None:
    async def scenario(visitor: Visitor, server: HostileServer) -> None:
        visitor.client.begin_instance(instance_id="buy-7", correlation_id="0" * 32)
        constant = await visitor.ask("/echo", step_headers={"TraceParent": "mine", "Host": "other.test"})
        dynamic = await visitor.ask("/echo", headers=[("x-run-id", "mine"), ("host", "other.test")])
        assert constant.json["headers"]["traceparent"] == "mine"
        assert dynamic.json["headers"]["x-run-id"] == "mine"
        for exchange in (constant, dynamic):
            assert exchange.json["headers"]["host"] == "other.test"
            assert exchange.json["headers"]["x-correlation-id"] == "0" * 32

    visit(run, scenario)


def test_ids_can_be_switched_off(run: Run) -> None:
    async def scenario(visitor: Visitor, server: HostileServer) -> None:
        visitor.client.begin_instance(instance_id="buy-7", correlation_id="0" * 32)
        exchange = await visitor.ask("/echo")
        assert not {"x-run-id", "x-instance-id", "traceparent"} & set(exchange.json["headers"])
        assert exchange.span_id == ""

    visit(run, scenario, ids=IdHeaders(run=None, instance=None, correlation=None, traceparent=False))


@pytest.mark.parametrize(("method", "length"), [("POST", "0"), ("PUT", "0"), ("GET", None), ("DELETE", None)])
def test_an_empty_body_has_a_length_only_where_one_is_expected(run: Run, method: str, length: str | None) -> None:
    async def scenario(visitor: Visitor, server: HostileServer) -> None:
        exchange = await visitor.ask("/echo", method=method)
        assert exchange.json["headers"].get("content-length") == length

    visit(run, scenario)


def test_a_large_body_arrives_whole(run: Run) -> None:
    async def scenario(visitor: Visitor, server: HostileServer) -> None:
        body = bytes(range(256)) * 8000
        exchange = await visitor.ask("/echo", method="POST", body=body, max_body=20_000_000)
        assert exchange.json["body"].encode("latin-1") == body
        assert exchange.bytes_sent > len(body)
        assert (await visitor.ask("/ok")).error is None
        assert server.connections == 1

    visit(run, scenario)


def test_a_base_path_stands_before_every_path_but_not_before_a_url(run: Run) -> None:
    async def scenario(visitor: Visitor, server: HostileServer) -> None:
        below = await visitor.ask("/echo?q=a b")
        assert (below.status, below.url) == (404, server.url("/api v1/echo?q=a b").replace(" ", "%20"))
        absolute = await visitor.ask(server.url("/echo?q=1#part"))
        assert (absolute.json["target"], absolute.url) == ("/echo?q=1", server.url("/echo?q=1"))
        assert absolute.json["headers"]["x-service"] == "s"

    def shop(server: HostileServer) -> Service:
        return Service(name="shop", base_url=server.url("/api%20v1"), headers={"X-Service": "s"})

    visit(run, scenario, shop=shop)


@pytest.mark.parametrize(
    "headers",
    [[("X-Note", "a\r\nX-Evil: 1")], [("X Note", "a")], [("X-Note", "\ud800")], [("Content-Length", "3")]],
)
def test_a_request_that_cannot_be_encoded_is_not_sent(run: Run, headers: Any) -> None:
    async def scenario(visitor: Visitor, server: HostileServer) -> None:
        exchange = await visitor.ask("/ok", headers=headers)
        assert (exchange.error, exchange.bytes_sent, server.visits) == ("bad_request", 0, [])
        assert exchange.timings.duration_us == 0

    visit(run, scenario)


# Other hosts and redirects.


@pytest.mark.parametrize(
    ("target", "error"),
    [
        ("http://localhost:1/", "host_not_allowed"),
        ("http://evil.test/?token=secret", "host_not_allowed"),
        ("ftp://127.0.0.1/", "bad_request"),
        ("no-slash", "bad_request"),
        ("", "bad_request"),
    ],
)
def test_a_url_that_may_not_be_reached_is_not_sent(run: Run, target: str, error: str) -> None:
    async def scenario(visitor: Visitor, server: HostileServer) -> None:
        exchange = await visitor.ask(target)
        assert (exchange.error, exchange.bytes_sent) == (error, 0)
        assert "secret" not in (exchange.error_detail or "")
        assert server.connections == 0

    visit(run, scenario)


def test_another_allowed_host_gets_the_steps_headers_but_not_the_services(run: Run) -> None:
    async def scenario(visitor: Visitor, server: HostileServer) -> None:
        url = server.url("/echo", host="localhost")  # may resolve to ::1 first, where nobody listens
        exchange = await visitor.ask(url, step_headers={"X-Step": "1"})
        headers = exchange.json["headers"]
        assert headers["host"] == f"localhost:{server.port}"
        assert headers["x-step"] == "1"
        assert "x-api-key" not in headers

    visit(run, scenario, shop=lambda s: service(s, headers={"X-Api-Key": "secret"}), allow_hosts=("localhost",))


def test_a_trailing_dot_makes_another_origin_of_the_same_allowed_host(run: Run) -> None:
    async def scenario(visitor: Visitor, server: HostileServer) -> None:
        exchange = await visitor.ask(server.url("/echo", host="shop.test."))
        assert exchange.error is None
        headers = exchange.json["headers"]
        assert headers["host"] == f"shop.test.:{server.port}"
        assert "x-api-key" not in headers

    visit(
        run,
        scenario,
        shop=lambda s: service(s, headers={"X-Api-Key": "secret"}),
        allow_hosts=("shop.test",),
        http=HttpSettings(resolve={"shop.test.": "127.0.0.1"}),
    )


@pytest.mark.parametrize(
    ("status", "method", "body"), [(302, "GET", ""), (303, "GET", ""), (307, "POST", "{}"), (308, "POST", "{}")]
)
def test_redirects_are_followed_as_the_status_says(run: Run, status: int, method: str, body: str) -> None:
    async def scenario(visitor: Visitor, server: HostileServer) -> None:
        exchange = await visitor.ask(
            f"/redirect?status={status}&to=/echo",
            method="POST",
            body=b"{}",
            step_headers={"Content-Type": "application/json", "Authorization": "Bearer x"},
            headers=[("X-Dynamic", "1")],
        )
        seen = exchange.json
        assert (seen["method"], seen["body"], seen["target"]) == (method, body, "/echo")
        assert seen["headers"].get("content-type") == ("application/json" if body else None)
        assert (seen["headers"]["authorization"], seen["headers"]["x-dynamic"]) == ("Bearer x", "1")
        assert [hop.status for hop in visitor.hops] == [status]
        assert exchange.url == server.url("/echo")
        assert server.connections == 1

    visit(run, scenario)


def test_a_redirect_to_another_origin_leaves_behind_what_the_user_said(run: Run) -> None:
    async def scenario(visitor: Visitor, server: HostileServer) -> None:
        visitor.client.begin_instance(instance_id="buy-7", correlation_id="0" * 32)
        exchange = await visitor.ask(
            "/redirect-elsewhere",
            step_headers={"Authorization": "Bearer x", "Cookie": "a=1"},
            headers=[("X-Api-Key", "secret")],
        )
        headers = exchange.json["headers"]
        assert not {"authorization", "cookie", "x-api-key", "x-service"} & set(headers)
        assert headers["x-correlation-id"] == "0" * 32

    visit(run, scenario, shop=lambda s: service(s, headers={"X-Service": "s"}), allow_hosts=("localhost",))


def test_a_redirect_that_is_not_wanted_is_the_answer(run: Run) -> None:
    async def scenario(visitor: Visitor, server: HostileServer) -> None:
        exchange = await visitor.ask("/redirect-loop", follow_redirects=False)
        assert (exchange.status, exchange.error, len(server.visits)) == (302, None, 1)

    visit(run, scenario)


def test_a_redirect_loop_ends_after_ten_hops_each_told(run: Run) -> None:
    async def scenario(visitor: Visitor, server: HostileServer) -> None:
        exchange = await visitor.ask("/redirect-loop")
        assert exchange.error == "too_many_redirects"
        assert (len(server.visits), len(visitor.hops)) == (11, 10)
        assert len({hop.span_id for hop in [*visitor.hops, exchange]}) == (11 if exchange.span_id else 1)

    visit(run, scenario)


def test_cookies_come_back_where_they_belong_until_the_next_instance(run: Run) -> None:
    async def scenario(visitor: Visitor, server: HostileServer) -> None:
        await visitor.ask("/set-cookie")
        assert (await visitor.ask("/echo")).json["headers"]["cookie"] == "lang=en; session=abc"
        own = await visitor.ask("/echo", headers=[("Cookie", "mine=1")])
        assert own.json["headers"]["cookie"] == "mine=1; lang=en; session=abc"
        visitor.client.begin_instance(instance_id="buy-8", correlation_id="1" * 32)
        assert "cookie" not in (await visitor.ask("/echo")).json["headers"]

    visit(run, scenario)


# Connecting.


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def test_a_refused_connection_and_an_unknown_name_are_told_apart(run: Run) -> None:
    async def scenario(visitor: Visitor, server: HostileServer) -> None:
        port = free_port()
        refused = await visitor.ask(f"http://127.0.0.1:{port}/")
        assert (refused.error, refused.error_detail) == ("refused", "Connection refused")
        both = await visitor.ask(f"http://localhost:{port}/")
        assert both.error == "refused"
        unknown = await visitor.ask("http://nowhere.invalid/")
        assert unknown.error == "dns"
        assert {refused.bytes_sent, both.bytes_sent, unknown.bytes_sent} == {0}

    visit(run, scenario, allow_hosts=("localhost", "*.invalid"))


def test_running_out_of_files_is_our_own_error(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(visitor: Visitor, server: HostileServer) -> None:
        def no_more_files(*_: object) -> None:
            raise OSError(24, "Too many open files")

        monkeypatch.setattr(socket, "socket", no_more_files)
        exchange = await visitor.ask("/ok")
        monkeypatch.undo()
        assert exchange.error == "open_files"

    visit(run, scenario)


def test_what_requests_will_need_can_be_knocked_at(run: Run) -> None:
    async def scenario(visitor: Visitor, server: HostileServer) -> None:
        dead = f"http://127.0.0.1:{free_port()}"
        visitor.transport.endpoint(method="GET", service=visitor.service, headers={})
        visitor.transport.endpoint(method="GET", service=Service(name="dead", base_url=f"{dead}/x"), headers={})
        here, there = visitor.transport.destinations()
        assert (str(here), str(there)) == (server.url(), dead)
        assert await visitor.transport.probe(here) is None
        assert await visitor.transport.probe(there) == Failure("refused", "Connection refused")

    visit(run, scenario)


# TLS.


def server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, KEY)
    return context


@pytest.mark.parametrize("tls", [Tls(ca=str(CERTIFICATE)), Tls(verify=False)])
def test_tls_is_measured_apart_and_kept(run: Run, tls: Any) -> None:
    async def scenario(visitor: Visitor, server: HostileServer) -> None:
        first = await visitor.ask("/gzip")
        assert (first.error, first.body) == (None, gzip.decompress(gzip.compress(b"squeezed " * 1000)))
        assert first.timings.connect > 0
        assert first.timings.tls > 0
        for path, error in [
            ("/ok", None),
            ("/until-close", None),
            ("/early-close", "closed"),
            ("/never", "timeout"),
        ]:
            exchange = await visitor.ask(path, timeout_s=0.5 if error == "timeout" else 5)
            assert exchange.error == error
        assert (await visitor.ask("/ok")).error is None

    visit(run, scenario, tls=server_context(), shop=lambda server: service(server, tls=tls))


def test_a_certificate_nobody_vouches_for_is_named(run: Run) -> None:
    async def scenario(visitor: Visitor, server: HostileServer) -> None:
        exchange = await visitor.ask("/ok")
        assert exchange.error == "tls"
        assert exchange.error_detail == (
            "certificate not accepted: self-signed certificate; trust it with tls: { ca: FILE }, or use --insecure"
        )
        assert exchange.timings.connect > 0
        assert exchange.bytes_sent == 0

    visit(run, scenario, tls=server_context())


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b""])
def test_tls_to_a_server_without_it_is_a_tls_error(run: Run, answer: bytes) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(answer)
        writer.close()

    async def main() -> None:
        async with await asyncio.start_server(greet, "127.0.0.1", 0) as plain:
            exchange = await ask_over_tls(plain.sockets[0].getsockname()[1], timeout_s=5)
            assert (exchange.error, exchange.status) == ("tls", 0)
            assert exchange.error_detail

    run(main())


def test_a_certificate_for_another_host_is_named(run: Run) -> None:
    async def scenario(visitor: Visitor, server: HostileServer) -> None:
        exchange = await visitor.ask("/ok")
        assert exchange.error == "tls"
        assert exchange.error_detail == (
            "certificate not accepted: certificate is not valid for 'other.test'; set tls: { server_name: HOST }, "
            "or use --insecure"
        )

    tls = Tls(ca=str(CERTIFICATE), server_name="other.test")
    visit(run, scenario, tls=server_context(), shop=lambda server: service(server, tls=tls))


@pytest.mark.parametrize(
    ("scheme", "alert", "detail"),
    [
        ("https", 40, "refused the handshake"),
        ("https", 70, "no TLS 1.2 or later"),
        ("https", 112, "the server has no certificate for this name"),
        ("http", 10, "the server speaks TLS at this port; write https:// in its URL"),
    ],
)
def test_an_alert_of_tls_is_told_in_words(run: Run, scheme: str, alert: int, detail: str) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(bytes([0x15, 3, 3, 0, 2, 2, alert]))
        writer.close()

    async def main() -> None:
        async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
            exchange = await ask_over_tls(server.sockets[0].getsockname()[1], timeout_s=5, scheme=scheme)
            assert exchange.error == "tls"
            assert detail in str(exchange.error_detail)

    run(main())


async def ask_over_tls(port: int, *, timeout_s: float, scheme: str = "https") -> Exchange:
    shop = Service(name="shop", base_url=f"{scheme}://127.0.0.1:{port}")
    transport = HttpTransport(Sut(name="shop", default=shop, source=Source(file="sut.yaml")), "run-1")
    endpoint = transport.endpoint(method="GET", service=shop, headers={})
    try:
        return await transport.client().send(Request(endpoint=endpoint, target="/", timeout_s=timeout_s))
    finally:
        await transport.close()


def test_a_server_that_accepts_and_says_nothing_during_tls_is_a_connect_timeout(run: Run) -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            exchange = await ask_over_tls(silent.getsockname()[1], timeout_s=0.1)
            assert exchange.error == "connect_timeout"
            assert exchange.error_detail == (
                "while waiting for the TLS handshake; if this port speaks plain HTTP, write http:// in its URL"
            )

    run(main())
