"""The embedded proxy before nginx, Redis and PostgreSQL: what their own clients see through it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.support.command_line import until
from tests.support.foreign_clients import Through, Told, fault, through
from tests.support.services import CERTIFICATES, Service
from windtunnel.model.sut import Tls
from windtunnel.model.turbulence import FaultSpec
from windtunnel.model.vocabulary import ProxyProtocol

pytestmark = pytest.mark.slow

LARGE = 2_000_000


def ask(
    service: Service,
    client: Callable[[Through], Awaitable[Told]],
    *faults: FaultSpec,
    protocol: ProxyProtocol = "tcp",
) -> Told:
    """What one client sees through a proxy with these faults."""

    async def main() -> Told:
        async with through(service.url, *faults, protocol=protocol) as proxy:
            return await client(proxy)

    return asyncio.run(main())


# Without a fault, nothing is different.


@pytest.mark.parametrize("protocol", ["http", "tcp"])
@pytest.mark.parametrize(
    "more",
    [
        ("/small.txt",),
        ("/large.txt",),
        ("/large.txt", "--range", "100-199,500-"),
        ("/large.txt", "--head"),
        ("/large.txt", "--http1.0"),
        ("/nothing.txt", "--dump-header", "-"),
        ("/small.txt", "--header", "Connection: close", "--dump-header", "-"),
        ("/small.txt", "--data-binary", "posted", "--header", "Expect: 100-continue"),
    ],
    ids=" ".join,
)
def test_nginx_answers_curl_alike_through_a_proxy(
    pages: Service, protocol: ProxyProtocol, more: tuple[str, ...]
) -> None:
    path, *flags = more

    async def main() -> tuple[Told, Told]:
        async with through(pages.url, protocol=protocol) as proxy:
            direct = Through(proxy.proxy, pages.url)
            return await direct.curl(path, *flags), await proxy.curl(path, *flags)

    directly, seen = asyncio.run(main())

    def stripped(out: bytes) -> list[bytes]:
        return [line for line in out.splitlines() if not line.lower().startswith((b"date:", b"--"))]

    assert seen.code == directly.code == 0
    assert len(seen.out) == len(directly.out)
    assert stripped(seen.out) == stripped(directly.out)


@pytest.mark.parametrize(
    ("ca", "code"),
    [(str(CERTIFICATES / "test-only-localhost.pem"), "401"), (None, "502")],
    ids=["known", "unknown"],
)
def test_an_http_proxy_speaks_tls_to_its_upstream_and_verifies_it(
    nginx: Service, ca: str | None, code: str
) -> None:
    async def main() -> Told:
        async with through(nginx.url, protocol="http", tls=Tls(ca=ca)) as proxy:
            return await proxy.curl("/", "--output", "/dev/null", "--write-out", "%{http_code}")

    assert asyncio.run(main()).text == code


@pytest.mark.parametrize("protocol", ["http", "tcp"])
def test_many_connections_at_once_are_all_answered(pages: Service, protocol: ProxyProtocol) -> None:
    told = ask(
        pages, lambda proxy: proxy.run("wrk", "-t1", "-c32", "-d2s", f"{proxy.url}/small.txt"), protocol=protocol
    )

    assert "Requests/sec" in told.text
    assert "Socket errors" not in told.text
    assert "Non-2xx" not in told.text


def test_redis_answers_its_client_through_a_proxy(redis: Service) -> None:
    value = "x" * LARGE

    async def client(proxy: Through) -> Told:
        stored = await proxy.redis("-x", "set", "large", stdin=value.encode())
        assert stored.text == "OK\n", stored
        many = "".join(f"SET key:{number} {number}\r\n" for number in range(5_000)).encode()
        piped = await proxy.redis("--pipe", stdin=many)
        assert "errors: 0, replies: 5000" in piped.text, piped
        return await proxy.redis("get", "large")

    assert ask(redis, client).text.strip() == value


def test_postgres_answers_its_client_through_a_proxy(postgres: Service) -> None:
    async def client(proxy: Through) -> Told:
        pgbench = ("pgbench", proxy.url)
        made = await proxy.run(*pgbench, "-i", "-q", "-s", "1")
        assert made.code == 0, made.err
        run = await proxy.run(*pgbench, "-c", "8", "-t", "50")
        assert "number of failed transactions: 0 (0.000%)" in run.text, run
        return await proxy.psql("select count(*), sum(aid) from pgbench_accounts")

    assert ask(postgres, client).text == "100000|5000050000\n"


# With a fault: what the client says of it.

RESET = "Connection reset by peer|Broken pipe|[Ss]erver closed the connection"
"""What a client says of a reset: it depends on whether it was sending, waiting or just connected."""

SLOW_S = 0.4
"""Seconds that a fault takes, for what must take at least that long."""


@pytest.fixture(scope="module")
def large_value(redis: Service) -> str:
    """The name of a value of 100,000 bytes in Redis."""

    async def client(proxy: Through) -> Told:
        return await proxy.redis("-x", "set", "value", stdin=b"v" * 100_000)

    assert ask(redis, client).text == "OK\n"
    return "value"


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (fault("reset"), RESET),
        (fault("refuse"), "Connection refused"),
        (fault("limit_bytes", bytes="50KiB"), "Server closed the connection"),
        (fault("half_close"), "Server closed the connection"),
    ],
    ids=lambda value: value.type if isinstance(value, FaultSpec) else "",
)
def test_redis_cli_is_told_of_a_connection_that_ends(
    redis: Service, large_value: str, kind: FaultSpec, said: str
) -> None:
    told = ask(redis, lambda proxy: proxy.redis("get", large_value), kind)

    assert told.code == 1
    assert re.search(said, told.err + told.text)


@pytest.mark.parametrize(
    "kind",
    [
        fault("latency", delay="400ms"),
        fault("bandwidth", rate="200KiB/s"),
        fault("slicer", size="10KiB", delay="50ms"),
        fault("blackhole", for_s=SLOW_S),
    ],
    ids=lambda kind: kind.type,
)
def test_redis_cli_waits_and_gets_everything(redis: Service, large_value: str, kind: FaultSpec) -> None:
    told = ask(redis, lambda proxy: proxy.redis("get", large_value), kind)

    assert told.text.strip() == "v" * 100_000
    assert told.took_s >= SLOW_S


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (fault("reset"), RESET),
        (fault("refuse"), "Connection refused"),
        (fault("limit_bytes", bytes="20KiB"), "server closed the connection unexpectedly"),
        (fault("half_close"), "server closed the connection unexpectedly"),
    ],
    ids=lambda value: value.type if isinstance(value, FaultSpec) else "",
)
def test_psql_is_told_of_a_connection_that_ends(postgres: Service, kind: FaultSpec, said: str) -> None:
    told = ask(postgres, lambda proxy: proxy.psql("select repeat('x', 100000)"), kind)

    assert told.code == 2
    assert re.search(said, told.err)


@pytest.mark.parametrize(
    "kind",
    [
        fault("latency", delay="200ms"),
        fault("bandwidth", rate="200KiB/s"),
        fault("slicer", size="10KiB", delay="50ms"),
        fault("blackhole", for_s=SLOW_S),
    ],
    ids=lambda kind: kind.type,
)
def test_psql_waits_and_gets_everything(postgres: Service, kind: FaultSpec) -> None:
    told = ask(postgres, lambda proxy: proxy.psql("select repeat('x', 100000)"), kind)

    assert told.text.strip() == "x" * 100_000, told.err
    assert told.took_s >= SLOW_S


def test_psql_gives_up_on_a_server_that_says_nothing(postgres: Service) -> None:
    told = ask(postgres, lambda proxy: proxy.psql("select 1", options="connect_timeout=2"), fault("blackhole"))

    assert told.code == 2
    assert "timeout expired" in told.err


def test_what_postgres_has_done_stays_done_when_its_answer_is_cut(postgres: Service) -> None:
    async def client(proxy: Through) -> Told:
        return await proxy.psql("insert into paid select 1", "select repeat('x', 100000)")

    async def count(proxy: Through) -> Told:
        return await proxy.psql("select count(*) from paid")

    assert ask(postgres, lambda proxy: proxy.psql("create table paid (id int)")).code == 0
    assert ask(postgres, client, fault("limit_bytes", bytes="20KiB")).code == 2
    assert ask(postgres, count).text == "1\n"


CURL = {"refused": 7, "partial": 18, "timeout": 28, "empty": 52, "receive": 56, "protocol": 1}
"""The exit codes of curl: its manual, EXIT CODES."""


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (fault("reset"), "receive"),
        (fault("refuse"), "refused"),
        (fault("empty"), "empty"),
        (fault("half_close"), "empty"),
        (fault("malformed"), "partial"),
        (fault("garbage"), "protocol"),
        (fault("truncate", after="50%"), "partial"),
        (fault("limit_bytes", bytes="50KiB"), "partial"),
        (fault("lose_response"), "receive"),
    ],
    ids=lambda value: value.type if isinstance(value, FaultSpec) else value,
)
def test_curl_is_told_of_an_answer_that_is_none(pages: Service, kind: FaultSpec, code: str) -> None:
    told = ask(pages, lambda proxy: proxy.curl("/large.txt"), kind, protocol="http")

    assert told.code == CURL[code], told.err
    assert len(told.out) < LARGE


@pytest.mark.parametrize(
    "kind",
    [
        fault("latency", delay="400ms"),
        fault("delay", delay="400ms", when="after"),
        fault("bandwidth", rate="4MiB/s"),
        fault("slicer", size="200KiB", delay="50ms"),
        fault("dribble", chunks=5, over="400ms"),
        fault("blackhole", for_s=SLOW_S),
    ],
    ids=lambda kind: kind.type,
)
def test_curl_waits_and_gets_everything(pages: Service, kind: FaultSpec) -> None:
    told = ask(pages, lambda proxy: proxy.curl("/large.txt"), kind, protocol="http")

    assert told.code == 0, told.err
    assert len(told.out) == LARGE
    assert told.took_s >= SLOW_S


def test_curl_gives_up_on_a_server_that_says_nothing(pages: Service) -> None:
    told = ask(
        pages, lambda proxy: proxy.curl("/small.txt", "--max-time", "1"), fault("blackhole"), protocol="http"
    )

    assert told.code == CURL["timeout"]


def test_an_answer_in_place_of_nginx_is_one_of_http(pages: Service) -> None:
    answer = fault("status", code=503, headers={"Retry-After": "2"}, body="come back")

    told = ask(pages, lambda proxy: proxy.curl("/small.txt", "--include"), answer, protocol="http")

    assert told.text.startswith("HTTP/1.1 503 ")
    assert "retry-after: 2" in told.text.lower()
    assert told.text.endswith("\r\n\r\ncome back")


@pytest.mark.parametrize(
    ("kind", "times"), [("lose_response", 1), ("duplicate", 2), ("truncate", 1), ("status", 0), ("reset", 0)]
)
def test_nginx_has_done_what_the_fault_let_through(pages: Service, kind: str, times: int) -> None:
    settings: dict[str, Any] = {"code": 500} if kind == "status" else {}

    ask(pages, lambda proxy: proxy.curl(f"/small.txt?{kind}"), fault(kind, **settings), protocol="http")

    # The copy is answered on a connection of its own, and nginx writes its log when it is done with a request.
    ask(pages, lambda proxy: proxy.curl("/small.txt?last"))
    log = pages.folder / "access.log"
    until(lambda: log.read_text().count(f"GET /small.txt?{kind}\n") >= times)
    assert log.read_text().count(f"GET /small.txt?{kind}\n") == times


def test_only_the_requests_that_match_are_touched(pages: Service) -> None:
    async def client(proxy: Through) -> Told:
        return await proxy.curl(
            "/large.txt", "--range", "0-9", f"{proxy.url}/small.txt", "--write-out", " %{http_code} "
        )

    told = ask(pages, client, fault("status", code=503, path="/small*"), protocol="http")

    assert told.text.split() == ["503", "line", "00000", "206"]
