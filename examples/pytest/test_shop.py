"""A load test inside pytest. It runs against a shop of its own, or the one that SHOP_URL names."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

import windtunnel
from windtunnel.demo.process import ShopProcess
from windtunnel.demo.settings import ShopSettings


@windtunnel.scenario("buy")
async def buy(user: windtunnel.User) -> None:
    """Somebody buys the first thing on the shelf."""
    products = await user.http.get("catalog", "/api/products", name="get_products")
    item = products.json("$.items[0].id")
    cart = await user.http.post("cart", "/api/cart", name="add_to_cart", json={"item_id": item, "qty": 1})
    user.check("in_the_cart", cart.json("$.count") == 1, expected=1, actual=cart.json("$.count"))


@pytest.fixture(scope="module")
def shop_url() -> Iterator[str]:
    """Where the shop is."""
    if "SHOP_URL" in os.environ:
        yield os.environ["SHOP_URL"]
        return
    with ShopProcess(ShopSettings()) as shop:
        yield shop.base_url


def test_a_crowd_can_buy(shop_url: str) -> None:
    """Twenty instances, five at a time; none fails."""
    result = windtunnel.run(
        sut={"base_url": shop_url},
        scenarios=buy,
        parallel=5,
        count=20,
        thresholds={"instances": "rate == 100%", "http_req_failed": "rate < 1%"},
    )
    assert result.passed, result.verdict.reasons
    assert result.summary.run.instances == 20
