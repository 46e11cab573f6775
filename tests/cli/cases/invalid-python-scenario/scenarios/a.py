from windtunnel import scenario


@scenario("checkout", weight=0)
async def checkout(user):
    await user.http.get("catalog", "/api/products")
