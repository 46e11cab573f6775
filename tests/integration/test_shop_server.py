"""The shop on real sockets: which it takes, which it gives back."""

from __future__ import annotations

import asyncio
import errno
import socket
from dataclasses import replace

import aiohttp
import pytest

from windtunnel.demo.server import listen, serve
from windtunnel.demo.settings import ShopSettings

QUICK = ShopSettings(latency_scale=0, payment_delay_s=0)


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


async def status_of(url: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status


def test_localhost_is_served_on_ipv4_and_ipv6_on_one_port() -> None:
    async def main() -> None:
        async with serve(QUICK) as shop:
            assert shop.base_url == f"http://localhost:{shop.port}"
            assert await status_of(f"http://127.0.0.1:{shop.port}/health") == 200
            if has_ipv6():
                assert await status_of(f"http://[::1]:{shop.port}/health") == 200

    asyncio.run(main())


def test_an_address_literal_is_served_alone() -> None:
    async def main() -> None:
        async with serve(QUICK, host="127.0.0.1") as shop:
            assert shop.base_url == f"http://127.0.0.1:{shop.port}"
            assert await status_of(f"{shop.base_url}/health") == 200

    asyncio.run(main())


def test_the_port_is_free_again_afterwards() -> None:
    async def main() -> None:
        async with serve(QUICK) as shop:
            assert await status_of(f"{shop.base_url}/health") == 200
        async with serve(QUICK, port=shop.port) as again:
            assert again.port == shop.port

    asyncio.run(main())


def test_a_taken_port_is_an_os_error_and_leaves_no_socket_behind() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=r".") as raised:
            listen("localhost", port)
        assert raised.value.errno == errno.EADDRINUSE


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")
def test_a_port_taken_on_ipv6_only_is_refused_and_given_back_on_ipv4() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=r".") as raised:
            listen("localhost", port)
        assert raised.value.errno == errno.EADDRINUSE
        listener = socket.create_server(("127.0.0.1", port))
        listener.close()


def test_the_shop_closes_at_once_though_a_request_is_running() -> None:
    async def main() -> None:
        async with aiohttp.ClientSession() as session:
            async with serve(QUICK) as shop:
                slow = asyncio.ensure_future(session.get(f"{shop.base_url}/api/slow?ms=10000"))
                assert await status_of(f"{shop.base_url}/health") == 200
            # Had the shop waited for it, there would be an answer.
            with pytest.raises(aiohttp.ClientError):
                await slow

    asyncio.run(main())


def test_the_shop_serves_its_payment_service_beside_it_and_calls_it() -> None:
    async def main() -> None:
        settings = replace(QUICK, payments_port=0)
        async with serve(settings) as shop, aiohttp.ClientSession() as session:
            async with session.post(f"{shop.base_url}/api/cart", json={"item_id": "p-1"}) as response:
                assert response.status == 201
            async with session.post(f"{shop.base_url}/api/checkout") as response:
                assert response.status == 201

    asyncio.run(main())


def test_a_shop_whose_payments_cannot_be_served_leaves_no_socket_behind() -> None:
    async def main(port: int) -> None:
        async with serve(replace(QUICK, payments_port=port)):
            raise AssertionError("it must not be served")

    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match=r".") as raised:
        asyncio.run(main(taken.getsockname()[1]))
    assert raised.value.errno == errno.EADDRINUSE
