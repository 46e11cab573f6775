"""The visit of visit.yaml as a function: sign in, search, fill a cart, order, wait for the parcel, send a photo.

Run it with `windtunnel run --scenarios scenarios/visit.py`.
"""

from __future__ import annotations

from windtunnel import User, scenario

DETAILS = "query Details($id: String) { product(id: $id) { id name price } }"


@scenario("visit", variables={"shopper": "ada"}, on_failure="stop")
async def visit(user: User) -> None:
    """Customer signs in, fills a cart, orders, waits for the parcel and sends a photo."""
    credentials = {"user": user.variables["shopper"], "password": "lovelace"}
    await user.http.post("accounts", "/api/login", name="sign_in", json=credentials, expect={"status_code": 200})
    found = await user.http.get(
        "catalog",
        "/api/search",
        name="search",
        query={"q": "lantern"},
        expect={"json": {"$.total": {"at_least": 2}}},
    )
    ids = found.json("$.items[*].id", all=True)

    total = 0.0
    for item_id in ids:
        cart = await user.http.post(
            "cart",
            "/api/cart",
            name="add_to_cart",
            json={"item_id": item_id, "qty": 1},
            expect={"status_code": 201},
        )
        total = cart.json("$.total")

    if total > 40:
        await user.http.get("cart", "/api/cart", name="look_again")
    else:
        await user.http.get("catalog", "/api/products", name="look_around", query={"limit": 3})

    order = await user.http.post(
        "orders",
        "/api/checkout",
        name="check_out",
        headers={"Idempotency-Key": user.correlation_id},
        expect={"status_code": 201},
    )
    await user.http.poll(
        "orders",
        order.headers["location"],
        name="parcel_sent",
        expect={"json": {"$.status": "shipped"}},
        interval="50ms",
        timeout="10s",
    )
    await user.http.post(
        "catalog",
        "/graphql",
        name="read_more",
        graphql={"query": DETAILS, "variables": {"id": ids[0]}},
        expect={"json": {"$.data.product.id": ids[0]}},
    )
    photo = await user.http.post(
        "photos",
        "/api/photos",
        name="send_photo",
        multipart={"item_id": ids[0], "photo": {"file": "data/photo.png"}},
        expect={"status_code": 201},
    )
    user.expect("photo_has_arrived", {"status_code": 201, "json": {"$.content_type": "image/png"}}, response=photo)
