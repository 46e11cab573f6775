"""The shop and its payment service as two applications, with HTTP between them."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeAlias

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from windtunnel.demo.payments import create_payments
from windtunnel.demo.settings import Behaviour, ShopSettings
from windtunnel.demo.shop import create_shop

Client: TypeAlias = "TestClient[Any, Any]"
QUICK = ShopSettings(latency_scale=0, payment_delay_s=0)
UNAVAILABLE = "the payment service can't be reached; the cart is as it was"
IDS = {"X-Correlation-ID": "c-1", "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}


class Payments:
    """A payment service that keeps what it was sent, and answers as it is told to."""

    def __init__(self, answer: Callable[[], Awaitable[web.Response]]) -> None:
        self.asked: list[dict[str, str]] = []
        self._answer = answer

    def application(self) -> web.Application:
        application = web.Application()
        application.add_routes([web.post("/charge", self._charge)])
        return application

    async def _charge(self, request: web.Request) -> web.Response:
        self.asked.append({name.lower(): value for name, value in request.headers.items()})
        return await self._answer()


async def accepted() -> web.Response:
    return web.json_response({"status": "accepted"}, status=201)


@contextlib.asynccontextmanager
async def shop_with(payments: web.Application, settings: ShopSettings = QUICK) -> AsyncIterator[Client]:
    async with TestServer(payments) as service:
        where = str(service.make_url(""))
        shop = create_shop(replace(settings, payments_url=where))
        async with TestClient(TestServer(shop)) as client:
            yield client


async def buy(client: Client, key: str = "k", *, fill: bool = True) -> tuple[int, dict[str, Any]]:
    if fill:
        assert (await client.post("/api/cart", json={"item_id": "p-1"})).status == 201
    response = await client.post("/api/checkout", headers={"Idempotency-Key": key, **IDS})
    return response.status, await response.json()


def test_the_shop_pays_over_http_and_passes_on_what_identifies_the_request() -> None:
    async def main() -> None:
        payments = Payments(accepted)
        async with shop_with(payments.application()) as client:
            assert (await buy(client))[0] == 201
        [asked] = payments.asked
        assert {name: asked[name.lower()] for name in IDS} == IDS
        assert len(asked["idempotency-key"]) == 32

    asyncio.run(main())


def test_every_attempt_at_a_payment_has_the_same_key_and_ids() -> None:
    async def failing() -> web.Response:
        return web.Response(status=500)

    async def main() -> None:
        payments = Payments(failing)
        settings = replace(QUICK, behaviour=Behaviour().without("budget", "breaker"))
        async with shop_with(payments.application(), settings) as client:
            assert await buy(client) == (503, {"error": "payment_unavailable", "message": UNAVAILABLE})
        assert len(payments.asked) == 5
        assert len({(asked["idempotency-key"], asked["x-correlation-id"]) for asked in payments.asked}) == 1

    asyncio.run(main())


@pytest.mark.parametrize(
    "answer",
    [
        lambda: web.Response(status=503),
        lambda: web.Response(status=201, text="not json"),
        lambda: web.Response(status=201, body=b"\xff"),
        lambda: web.json_response({"status": "whatever"}, status=201),
    ],
)
def test_an_answer_that_says_nothing_of_the_payment_leaves_the_cart_as_it_was(
    answer: Callable[[], web.Response],
) -> None:
    async def answering() -> web.Response:
        return answer()

    async def main() -> None:
        async with shop_with(Payments(answering).application()) as client:
            assert (await buy(client))[0] == 503
            assert (await (await client.get("/api/cart")).json())["count"] == 1

    asyncio.run(main())


def test_payments_that_cannot_be_reached_are_unavailable() -> None:
    async def main() -> None:
        settings = replace(QUICK, payments_url="http://127.0.0.1:9")
        async with TestClient(TestServer(create_shop(settings))) as client:
            assert (await buy(client))[0] == 503
            events = [json.loads(line)["event"] for line in (await (await client.get("/log")).text()).splitlines()]
            assert events == ["outage_began"]

    asyncio.run(main())


def test_the_shop_waits_for_a_payment_as_long_as_it_is_set_to() -> None:
    async def never() -> web.Response:
        await asyncio.sleep(60)
        return await accepted()

    async def main() -> None:
        behaviour = Behaviour(retry="none", payment_timeout_s=0.05)
        async with shop_with(Payments(never).application(), replace(QUICK, behaviour=behaviour)) as client:
            assert (await asyncio.wait_for(buy(client), 30))[0] == 503

    asyncio.run(main())


def test_without_idempotency_the_same_key_makes_a_second_order() -> None:
    async def main() -> None:
        wrong = replace(QUICK, behaviour=Behaviour().without("idempotency"))
        async with shop_with(create_payments(QUICK), wrong) as client:
            first, again = await buy(client), await buy(client, fill=False)
            assert (first[0], again[0]) == (201, 201)
            assert first[1]["id"] != again[1]["id"]
        async with shop_with(create_payments(QUICK)) as client:
            first, again = await buy(client), await buy(client, fill=False)
            assert first == again

    asyncio.run(main())


def test_the_payment_service_says_what_it_cannot_do() -> None:
    async def main() -> None:
        declining = replace(QUICK, payment_failure_rate=1.0)
        async with TestClient(TestServer(create_payments(declining))) as client:
            assert (await client.get("/health")).status == 200
            assert (await client.post("/charge", data=b"{")).status == 400
            assert (await client.post("/charge", json={"amount": 1})).status == 402
        busy = replace(QUICK, payment_delay_s=0.05, payment_places=1, payment_queue=0)
        async with TestClient(TestServer(create_payments(busy))) as client:
            answers = await asyncio.gather(*(client.post("/charge", json={"amount": 1}) for _ in range(3)))
            assert sorted(answer.status for answer in answers) == [201, 503, 503]

    asyncio.run(main())
