"""The embedded proxy before nginx, Redis and PostgreSQL: what their own clients see through it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.support.foreign_clients import Through, Told, through
from tests.support.services import Service
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
