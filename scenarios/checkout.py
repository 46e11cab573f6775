"""The quick start's checkout.yaml as a function. It leaves the same records.

Run it with `windtunnel run --scenarios scenarios/checkout.py`.
"""

from windtunnel import User, scenario


@scenario("checkout_flow", on_failure="stop")
async def checkout(user: User) -> None:
    """User adds item to cart and checks out"""
    products = await user.http.get("catalog", "/api/products", name="get_products")
    product_id = products.json("$.items[0].id")
    await user.http.poll("frontend", "/", name="think_time", expect={"status_code": 200})
    await user.http.post("cart", "/api/cart", name="add_to_cart", json={"item_id": product_id, "qty": 1})
    user.expect("cart_not_empty", {"status_code": 201})
