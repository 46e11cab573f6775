from windtunnel import User, scenario


@scenario("in_python", weight=2, tags={"team": "shop"}, variables={"n": 1})
async def buy(user: User) -> None:
    """Buy something."""
    answer = await user.http.get("catalog", "/", name="open")
    user.check("opened", answer.status == 200)
