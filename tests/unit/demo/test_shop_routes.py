"""The behaviour of every route, asked through aiohttp's own test client."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from windtunnel.demo.settings import ShopSettings
from windtunnel.demo.shop import create_shop

QUICK = ShopSettings(latency_scale=0, payment_delay_s=0, ship_after_s=5)

Client: TypeAlias = "TestClient[Any, Any]"
Journey: TypeAlias = Callable[[Client], Awaitable[None]]


class SetClock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@contextlib.asynccontextmanager
async def opened(settings: ShopSettings = QUICK, clock: SetClock | None = None) -> AsyncIterator[Client]:
    async with TestClient(TestServer(create_shop(settings, clock=clock or SetClock()))) as client:
        yield client


def walk(journey: Journey, settings: ShopSettings = QUICK) -> None:
    async def main() -> None:
        async with opened(settings) as client:
            await journey(client)

    asyncio.run(main())


async def fill_cart(client: Client, item_id: str = "p-1", qty: int = 1) -> None:
    assert (await client.post("/api/cart", json={"item_id": item_id, "qty": qty})).status == 201


def test_the_home_page_is_html_with_links_to_products() -> None:
    async def journey(client: Client) -> None:
        response = await client.get("/")
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        assert 'href="/api/products/p-1"' in await response.text()

    walk(journey)


def test_a_redirect_leads_home() -> None:
    async def journey(client: Client) -> None:
        response = await client.get("/redirect", allow_redirects=False)
        assert (response.status, response.headers["Location"]) == (302, "/")

    walk(journey)


def test_products_come_with_what_a_buyer_must_know() -> None:
    async def journey(client: Client) -> None:
        listed = await (await client.get("/api/products")).json()
        assert listed["items"][0] == {
            "id": "p-1",
            "name": "Copper kettle",
            "category": "kitchen",
            "price": 39.9,
            "stock": 24,
        }
        assert len(listed["items"]) == 20
        assert listed["total"] == 24
        assert await (await client.get("/api/products/p-1")).json() == listed["items"][0]

    walk(journey)


def test_products_are_chosen_by_category_and_limit() -> None:
    async def journey(client: Client) -> None:
        chosen = await (await client.get("/api/products", params={"category": "desk", "limit": 2})).json()
        assert [item["category"] for item in chosen["items"]] == ["desk", "desk"]
        assert chosen["total"] == 6
        nothing = await (await client.get("/api/products", params={"category": "boats"})).json()
        assert nothing == {"items": [], "total": 0}

    walk(journey)


@pytest.mark.parametrize("limit", ["0", "101", "-1", "ten", "", "1_0", "9" * 5000])
def test_a_limit_that_cannot_be_is_refused(limit: str) -> None:
    async def journey(client: Client) -> None:
        response = await client.get("/api/products", params={"limit": limit})
        assert response.status == 400
        assert (await response.json())["error"] == "bad_limit"

    walk(journey)


def test_an_unknown_product_is_not_found() -> None:
    async def journey(client: Client) -> None:
        response = await client.get("/api/products/p-999")
        assert response.status == 404
        assert (await response.json())["error"] == "unknown_product"

    walk(journey)


def test_a_search_finds_products_that_hold_every_word() -> None:
    async def journey(client: Client) -> None:
        found = await (await client.get("/api/search", params={"q": "WOOL travel"})).json()
        assert [item["name"] for item in found["items"]] == ["Wool travel rug"]
        assert found["query"] == "WOOL travel"
        assert (await client.get("/api/search")).status == 400

    walk(journey)


def test_a_login_opens_a_session_by_cookie_and_by_token() -> None:
    async def journey(client: Client) -> None:
        assert (await client.get("/api/me")).status == 401
        response = await client.post("/api/login", json={"user": "ada", "password": "lovelace"})
        token = (await response.json())["token"]
        assert response.cookies["session"].value == token
        assert await (await client.get("/api/me")).json() == {"user": "ada"}

        client.session.cookie_jar.clear()
        assert (await client.get("/api/me")).status == 401
        bearer = {"Authorization": f"Bearer {token}"}
        assert await (await client.get("/api/me", headers=bearer)).json() == {"user": "ada"}

    walk(journey)


@pytest.mark.parametrize(("user", "password"), [("ada", "wrong"), ("nobody", "lovelace")])
def test_a_wrong_password_opens_nothing(user: str, password: str) -> None:
    async def journey(client: Client) -> None:
        response = await client.post("/api/login", json={"user": user, "password": password})
        assert response.status == 401
        assert "Set-Cookie" not in response.headers

    walk(journey)


def test_signing_in_keeps_the_cart_under_a_new_session_id() -> None:
    async def journey(client: Client) -> None:
        first = await client.post("/api/cart", json={"item_id": "p-2", "qty": 3})
        old_id = first.cookies["session"].value
        signed_in = await client.post("/api/login", json={"user": "grace", "password": "compiler"})
        assert signed_in.cookies["session"].value != old_id
        assert (await (await client.get("/api/cart")).json())["count"] == 3

        client.session.cookie_jar.clear()
        old_cart = await client.get("/api/cart", headers={"Cookie": f"session={old_id}"})
        assert (await old_cart.json())["count"] == 0

    walk(journey)


def test_the_first_item_creates_a_cart_and_its_cookie() -> None:
    async def journey(client: Client) -> None:
        response = await client.post("/api/cart", json={"item_id": "p-1", "qty": 2})
        assert response.status == 201
        assert response.cookies["session"].value
        assert await response.json() == {
            "items": [{"item_id": "p-1", "name": "Copper kettle", "price": 39.9, "qty": 2}],
            "count": 2,
            "total": 79.8,
        }

    walk(journey)


def test_a_cart_grows_and_can_be_emptied() -> None:
    async def journey(client: Client) -> None:
        await fill_cart(client, "p-1")
        await fill_cart(client, "p-1", 2)
        more = await client.post("/api/cart", json={"item_id": "p-2"})
        assert "Set-Cookie" not in more.headers
        cart = await (await client.get("/api/cart")).json()
        assert {line["item_id"]: line["qty"] for line in cart["items"]} == {"p-1": 3, "p-2": 1}
        assert (await client.delete("/api/cart")).status == 204
        assert (await (await client.get("/api/cart")).json())["items"] == []

    walk(journey)


def test_without_a_session_the_cart_is_empty() -> None:
    async def journey(client: Client) -> None:
        assert await (await client.get("/api/cart")).json() == {"items": [], "count": 0, "total": 0}
        assert (await client.delete("/api/cart")).status == 204

    walk(journey)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"\xff",
        b"[]",
        b"{}",
        b'{"item_id": 1}',
        b'{"item_id": "p-1", "qty": 0}',
        b'{"item_id": "p-1", "qty": "2"}',
        b'{"item_id": "p-1", "qty": 1e400}',
        b'{"item_id": "p-1\xff"}',
        b'{"more":' + b"[" * 60_000,
    ],
)
def test_a_bad_cart_item_is_refused_with_json(body: bytes) -> None:
    async def journey(client: Client) -> None:
        response = await client.post("/api/cart", data=body)
        assert response.status == 400
        assert (await response.json())["error"] == "bad_body"

    walk(journey)


def test_an_unknown_item_is_not_found() -> None:
    async def journey(client: Client) -> None:
        assert (await client.post("/api/cart", json={"item_id": "p-0", "qty": 1})).status == 404

    walk(journey)


def test_a_huge_body_is_refused() -> None:
    async def journey(client: Client) -> None:
        assert (await client.post("/api/cart", data=b" " * 100_000)).status == 413

    walk(journey)


def test_a_checkout_makes_an_order_and_empties_the_cart() -> None:
    async def journey(client: Client) -> None:
        await fill_cart(client, "p-1", 2)
        response = await client.post("/api/checkout")
        assert (response.status, response.headers["Location"]) == (201, "/api/orders/o-1")
        order = await response.json()
        assert (order["id"], order["status"], order["total"]) == ("o-1", "pending", 79.8)
        assert (await (await client.get("/api/cart")).json())["count"] == 0
        assert await (await client.get("/api/orders/o-1")).json() == order

    walk(journey)


def test_an_empty_cart_cannot_be_checked_out() -> None:
    async def journey(client: Client) -> None:
        assert (await client.post("/api/checkout")).status == 409
        await fill_cart(client)
        await client.delete("/api/cart")
        assert (await client.post("/api/checkout", headers={"Idempotency-Key": "k"})).status == 409

    walk(journey)


def test_an_order_ships_after_its_delay() -> None:
    async def main() -> None:
        clock = SetClock()
        async with opened(clock=clock) as client:
            await fill_cart(client)
            path = (await client.post("/api/checkout")).headers["Location"]
            clock.now_s += 4.9
            assert (await (await client.get(path)).json())["status"] == "pending"
            clock.now_s += 0.2
            assert (await (await client.get(path)).json())["status"] == "shipped"

    asyncio.run(main())


def test_an_unknown_order_is_not_found() -> None:
    async def journey(client: Client) -> None:
        assert (await client.get("/api/orders/o-1")).status == 404

    walk(journey)


def test_the_same_idempotency_key_gives_the_same_order() -> None:
    async def journey(client: Client) -> None:
        key = {"Idempotency-Key": "purchase-1"}
        await fill_cart(client)
        first = await client.post("/api/checkout", headers=key)
        again = await client.post("/api/checkout", headers=key)
        assert (first.status, again.status) == (201, 201)
        assert await first.json() == await again.json()

        await fill_cart(client)
        other = await client.post("/api/checkout", headers={"Idempotency-Key": "purchase-2"})
        assert (await other.json())["id"] == "o-2"

    walk(journey)


def test_checkouts_at_the_same_time_with_one_key_are_one_order() -> None:
    async def journey(client: Client) -> None:
        await fill_cart(client)
        answers = await asyncio.gather(
            *(client.post("/api/checkout", headers={"Idempotency-Key": "k"}) for _ in range(5))
        )
        assert [(answer.status, (await answer.json())["id"]) for answer in answers] == [(201, "o-1")] * 5

    walk(journey, ShopSettings(latency_scale=0, payment_delay_s=0.02))


def test_checkouts_at_the_same_time_without_a_key_pay_once() -> None:
    async def journey(client: Client) -> None:
        await fill_cart(client)
        answers = await asyncio.gather(*(client.post("/api/checkout") for _ in range(3)))
        assert sorted(answer.status for answer in answers) == [201, 409, 409]

    walk(journey, ShopSettings(latency_scale=0, payment_delay_s=0.02))


def test_two_visitors_may_use_the_same_key() -> None:
    async def journey(client: Client) -> None:
        key = {"Idempotency-Key": "k"}
        await fill_cart(client)
        assert (await (await client.post("/api/checkout", headers=key)).json())["id"] == "o-1"
        client.session.cookie_jar.clear()
        await fill_cart(client)
        assert (await (await client.post("/api/checkout", headers=key)).json())["id"] == "o-2"

    walk(journey)


def test_a_declined_payment_leaves_the_cart_and_the_key_for_another_try() -> None:
    async def journey(client: Client) -> None:
        key = {"Idempotency-Key": "k"}
        await fill_cart(client, qty=2)
        first = await client.post("/api/checkout", headers=key)
        assert first.status == 402
        assert (await first.json())["error"] == "payment_declined"
        assert (await (await client.get("/api/cart")).json())["count"] == 2
        tries = [(await client.post("/api/checkout", headers=key)).status for _ in range(50)]
        assert 201 in tries

    # With this seed the first payment is declined and a later one is not.
    walk(journey, ShopSettings(latency_scale=0, payment_delay_s=0, payment_failure_rate=0.5, seed=1))


def test_a_slow_answer_takes_at_least_what_was_asked() -> None:
    async def main() -> None:
        async with opened() as client:
            loop = asyncio.get_running_loop()
            start_s = loop.time()
            response = await client.get("/api/slow", params={"ms": 30})
            assert await response.json() == {"waited_ms": 30}
            assert loop.time() - start_s >= 0.029
            assert (await client.get("/api/slow", params={"ms": 10_001})).status == 400

    asyncio.run(main())


def test_the_failure_rate_fails_every_route_but_health() -> None:
    async def journey(client: Client) -> None:
        assert (await client.get("/health")).status == 200
        for answer in [await client.get("/"), await client.post("/api/cart", json={"item_id": "p-1"})]:
            assert answer.status == 503
            assert (await answer.json())["error"] == "unavailable"

    walk(journey, ShopSettings(latency_scale=0, failure_rate=1))


def test_one_seed_fails_the_same_requests_again() -> None:
    async def outcomes(seed: int) -> list[int]:
        async with opened(ShopSettings(latency_scale=0, failure_rate=0.5, seed=seed)) as client:
            return [(await client.get("/")).status for _ in range(20)]

    first, again, other = (asyncio.run(outcomes(seed)) for seed in (7, 7, 8))
    assert first == again != other
    assert set(first) == {200, 503}


def test_a_full_shop_forgets_the_session_unused_for_longest() -> None:
    async def journey(client: Client) -> None:
        ids = []
        for _ in range(3):
            client.session.cookie_jar.clear()
            ids.append((await client.post("/api/cart", json={"item_id": "p-1"})).cookies["session"].value)
        client.session.cookie_jar.clear()
        counts = [
            (await (await client.get("/api/cart", headers={"Authorization": f"Bearer {id}"})).json())["count"]
            for id in ids
        ]
        assert counts == [0, 1, 1]

    walk(journey, ShopSettings(latency_scale=0, capacity=2))


async def ask(client: Client, query: str, **more: object) -> Any:
    response = await client.post("/graphql", json={"query": query, **more})
    assert response.status == 200
    return await response.json()


def test_graphql_answers_with_the_fields_that_were_asked_for() -> None:
    async def journey(client: Client) -> None:
        assert await ask(client, '{ product(id: "p-1") { id name } }') == {
            "data": {"product": {"id": "p-1", "name": "Copper kettle"}}
        }
        shelf = """
            # the second of two operations
            query One { product(id: "p-2") { id } }
            query Shelf($n: Int, $where: String) { products(limit: $n, category: $where) { id, price } }
        """
        variables = {"n": 2, "where": "garden"}
        answer = await ask(client, shelf, variables=variables, operationName="Shelf")
        assert answer == {"data": {"products": [{"id": "p-7", "price": 22.0}, {"id": "p-8", "price": 11.5}]}}
        assert await ask(client, '{ product(id: "none") { id } }') == {"data": {"product": None}}

    walk(journey)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "operationName must say which operation is meant"),
        ("{", "the query ends too early"),
        ("{ product }", 'say which fields of "product" are wanted'),
        ("{ carts { id } }", '"carts" has no fields'),
        ("{ carts }", 'there is no field "carts"'),
        ("{ product(id: 1) { cost } }", 'a product has no field "cost"'),
        ("{ products(limit: 0) { id } }", "limit must be a whole number above zero"),
        ("{ products(limit: [1]) { id } }", '"[" is not a value'),
        ("{ product(id: ;) { id } }", "the query can't be read at character 14"),
        ("mutation { a }", 'expected "{", not "mutation"'),
    ],
)
def test_graphql_says_what_is_wrong_in_an_answer_with_status_200(query: str, message: str) -> None:
    async def journey(client: Client) -> None:
        assert await ask(client, query) == {"errors": [{"message": message}]}

    walk(journey)


def test_an_operation_that_is_not_there_and_a_body_that_is_none() -> None:
    async def journey(client: Client) -> None:
        answer = await ask(client, "query A { products { id } }", operationName="B")
        assert answer == {"errors": [{"message": 'there is no operation "B"'}]}
        assert (await client.post("/graphql", data=b"{")).status == 400

    walk(journey)


def photo(content: bytes, item_id: str = "p-1") -> aiohttp.FormData:
    form = aiohttp.FormData()
    form.add_field("item_id", item_id)
    form.add_field("photo", io.BytesIO(content), filename="kettle.png", content_type="image/png")
    return form


def test_a_photo_is_taken_and_told_back() -> None:
    async def journey(client: Client) -> None:
        content = bytes(range(256)) * 1000
        response = await client.post("/api/photos", data=photo(content))
        assert response.status == 201
        assert await response.json() == {
            "item_id": "p-1",
            "filename": "kettle.png",
            "content_type": "image/png",
            "size": 256_000,
            "sha256": hashlib.sha256(content).hexdigest(),
        }

    walk(journey)


def test_photos_that_are_not_taken() -> None:
    async def journey(client: Client) -> None:
        assert (await client.post("/api/photos", data=photo(b"x" * (4 * 1024 * 1024 + 1)))).status == 413
        assert (await client.post("/api/photos", data=photo(b"x", item_id="none"))).status == 404
        assert (await client.post("/api/photos", json={})).status == 415
        empty = {"Content-Type": "multipart/form-data; boundary=b"}
        assert (await client.post("/api/photos", data=b"--b--\r\n", headers=empty)).status == 400
        assert (await client.post("/api/photos", data=b"nonsense", headers=empty)).status == 400
        assert (
            await client.post("/api/photos", data=b"x", headers={"Content-Type": "multipart/form-data"})
        ).status == 400

    walk(journey)
