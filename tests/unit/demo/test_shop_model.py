"""The model of the shop answers as the shop does: the same requests, one over HTTP and one in virtual time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from tests.support.compiling import SHOP
from tests.support.shop_model import ShopModel
from windtunnel.demo.payment import Ask, Payment, PaymentAnswer
from windtunnel.demo.settings import Behaviour, ShopSettings, Virtue
from windtunnel.demo.shop import create_shop
from windtunnel.interfaces import Request
from windtunnel.testing.scripted import ScriptedTransport
from windtunnel.testing.virtual_clock import run_virtual

Asked = tuple[str, str, Any, str]
"""Method, path, JSON body and idempotency key."""

FILL: Asked = ("POST", "/api/cart", {"item_id": "p-1"}, "")

JOURNEYS: dict[str, list[Asked]] = {
    "bought once": [FILL, ("POST", "/api/checkout", None, "k-1"), ("GET", "/api/orders/o-1", None, "")],
    "the same key again": [FILL, ("POST", "/api/checkout", None, "k-1"), ("POST", "/api/checkout", None, "k-1")],
    "another key": [FILL, ("POST", "/api/checkout", None, "k-1"), ("POST", "/api/checkout", None, "k-2")],
    "no key": [FILL, ("POST", "/api/checkout", None, ""), ("POST", "/api/checkout", None, "")],
    "an empty cart": [("POST", "/api/checkout", None, "k-1")],
    "an order that is not there": [("GET", "/api/orders/o-9", None, "")],
}


def told(status: int, body: bytes) -> tuple[int, object]:
    """What matters of an answer: its status, and the order or the error in it."""
    document = json.loads(body)
    return status, document.get("id") or document.get("error") or document.get("count")


def of_shop(journey: Sequence[Asked], settings: ShopSettings) -> list[tuple[int, object]]:
    async def main() -> list[tuple[int, object]]:
        found = []
        async with TestClient(TestServer(create_shop(settings))) as client:
            for method, path, body, key in journey:
                headers = {"Idempotency-Key": key} if key else {}
                response = await client.request(method, path, json=body, headers=headers)
                found.append(told(response.status, await response.read()))
        return found

    return asyncio.run(main())


def of_model(journey: Sequence[Asked], behaviour: Behaviour, *, reached: bool) -> list[tuple[int, object]]:
    async def unreachable(payment: Payment) -> PaymentAnswer:
        return "failed"

    def proxied(ask: Ask) -> Ask:
        return ask if reached else unreachable

    async def main() -> list[tuple[int, object]]:
        transport = ScriptedTransport(model=ShopModel(behaviour, seed=1, proxied=proxied))
        client = transport.client()
        client.begin_instance(instance_id="i-1", correlation_id="c-1")
        found = []
        for method, path, body, key in journey:
            exchange = await client.send(
                Request(
                    endpoint=transport.endpoint(method=method, service=SHOP, headers={}),
                    target=path,
                    headers=[("Idempotency-Key", key)] if key else [],
                    body=json.dumps(body).encode() if body else b"",
                    timeout_s=10.0,
                )
            )
            found.append(told(exchange.status, exchange.body))
        await transport.close()
        return found

    return run_virtual(main())


@pytest.mark.parametrize("journey", JOURNEYS.values(), ids=JOURNEYS)
@pytest.mark.parametrize("without", [(), ("idempotency",)], ids=["right", "without idempotency"])
@pytest.mark.parametrize("reached", [True, False], ids=["payments", "no payments"])
def test_the_model_answers_as_the_shop_does(
    journey: Sequence[Asked], without: tuple[Virtue, ...], reached: bool
) -> None:
    behaviour = Behaviour().without("retries", *without)
    settings = ShopSettings(latency_scale=0, payment_delay_s=0, behaviour=behaviour)
    if not reached:
        settings = ShopSettings(latency_scale=0, payments_url="http://127.0.0.1:9", behaviour=behaviour)
    assert of_model(journey, behaviour, reached=reached) == of_shop(journey, settings)
