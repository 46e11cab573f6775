from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from windtunnel.http.resolve import Address, Resolver

FIRST = Address(family=socket.AF_INET6, sockaddr=("::1", 80, 0, 0))
SECOND = Address(family=socket.AF_INET, sockaddr=("127.0.0.1", 80))


class Names:
    """Stands in for the loop's getaddrinfo."""

    def __init__(self) -> None:
        self.asked = 0

    async def __call__(self, host: str, port: int, **_: object) -> list[Any]:
        self.asked += 1
        await asyncio.sleep(0)
        if host == "nowhere.test":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(a.family, socket.SOCK_STREAM, 6, "", a.sockaddr) for a in (FIRST, SECOND, FIRST)]


def run(scenario: Callable[[Names], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        names = Names()
        setattr(asyncio.get_running_loop(), "getaddrinfo", names)  # noqa: B010  a method, to the type checker
        await scenario(names)

    asyncio.run(main())


def test_a_name_is_looked_up_once_for_all_who_ask_and_again_after_its_time() -> None:
    now = [0.0]

    async def scenario(names: Names) -> None:
        resolver = Resolver(ttl_s=300, clock=lambda: now[0])
        answers = await asyncio.gather(*(resolver.resolve("shop.test", 80) for _ in range(20)))
        assert set(answers) == {(FIRST, SECOND)}
        now[0] = 299
        await resolver.resolve("shop.test", 80)
        assert names.asked == 1
        now[0] = 300
        await resolver.resolve("shop.test", 80)
        assert names.asked == 2

    run(scenario)


def test_one_who_gives_up_leaves_the_lookup_to_the_others() -> None:
    async def scenario(names: Names) -> None:
        resolver = Resolver()
        impatient = asyncio.ensure_future(resolver.resolve("shop.test", 80))
        patient = asyncio.ensure_future(resolver.resolve("shop.test", 80))
        await asyncio.sleep(0)
        impatient.cancel()
        assert await patient == (FIRST, SECOND)
        assert names.asked == 1

    run(scenario)


def test_a_failure_is_not_remembered() -> None:
    async def scenario(names: Names) -> None:
        resolver = Resolver()
        for _ in range(2):
            with pytest.raises(socket.gaierror):
                await resolver.resolve("nowhere.test", 80)
        assert names.asked == 2

    run(scenario)


def test_an_address_is_never_looked_up() -> None:
    async def scenario(names: Names) -> None:
        resolver = Resolver()
        assert await resolver.resolve("127.0.0.1", 80) == (SECOND,)
        assert await resolver.resolve("::1", 80) == (FIRST,)
        assert names.asked == 0

    run(scenario)


def test_the_address_that_worked_is_tried_first_from_then_on() -> None:
    async def scenario(names: Names) -> None:
        resolver = Resolver()
        await resolver.resolve("shop.test", 80)
        resolver.prefer("shop.test", 80, SECOND)
        assert await resolver.resolve("shop.test", 80) == (SECOND, FIRST)

    run(scenario)
