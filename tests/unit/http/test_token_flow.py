"""What is sent to get a request answered that needs an access token: the generator, without a network."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from time import perf_counter
from typing import Any
from urllib.parse import parse_qsl

import pytest

from windtunnel.http import tokens
from windtunnel.http.tokens import TokenSource, TokenSources
from windtunnel.http.transport import HttpTransport
from windtunnel.interfaces import Request
from windtunnel.model.auth import OAuth2, auth_of
from windtunnel.model.http import Exchange
from windtunnel.model.source import Source
from windtunnel.model.sut import Service, Sut, Tls
from windtunnel.model.vocabulary import ErrorKind
from windtunnel.testing.virtual_clock import run_virtual


class Flow:
    """A request on its way through `TokenSource.flow`; the test plays the client."""

    def __init__(self, world: World, **request: Any) -> None:
        self.world = world
        self.hops: list[Exchange] = []
        self._flow = world.source.flow(
            Request(endpoint=world.endpoint, timeout_s=5, on_hop=self.hops.append, **request)
        )
        self.answer: Exchange | None = None
        self.step: Request | None = next(self._flow)

    @property
    def wants(self) -> str:
        """What is to be sent next: `token`, or the Authorization header of the request."""
        if self.step is None:
            return "nothing"
        if self.step is self.world.source.token_request:
            return "token"
        return dict(self.step.headers).get("Authorization", "no credentials")

    def receive(self, exchange: Exchange | None) -> None:
        try:
            self.step = self._flow.send(exchange)
        except StopIteration as end:
            self.step, self.answer = None, end.value


class World:
    def __init__(self) -> None:
        auth = auth_of(
            {"type": "oauth2", "token_url": "http://id.test/token", "client_id": "c", "client_secret": "s"}
        )
        service = Service(name="shop", base_url="http://shop.test", auth=auth)
        transport = self.transport = HttpTransport(
            Sut(name="s", default=service, source=Source(file="s")), "run-1"
        )
        self.endpoint = transport.endpoint(method="GET", service=service, headers={})
        source = self.endpoint.authorizer
        assert isinstance(source, TokenSource)
        self.source = source

    def gives(self, token: str | None, *, life_s: object = 3600) -> Exchange:
        """The answer to a token request; the source takes it as it does when it has fetched it."""
        exchange = Exchange("POST", "http://id.test/token", "oauth2")
        exchange.status = 200 if token else 401
        exchange.body = json.dumps({"access_token": token, "expires_in": life_s}).encode()
        self.source.receive(exchange, asked_at=perf_counter())
        return exchange


def answered(status: int) -> Exchange:
    exchange = Exchange("GET", "http://shop.test/", "shop")
    exchange.status = status
    return exchange


def test_a_token_is_fetched_first_and_then_sent() -> None:
    world = World()
    flow = Flow(world, target="/")
    assert flow.wants == "token"
    flow.receive(world.gives("one"))
    assert flow.wants == "Bearer one"
    exchange = answered(200)
    flow.receive(exchange)
    assert flow.answer is exchange
    assert Flow(world, target="/").wants == "Bearer one"


def test_a_401_fetches_a_new_token_and_the_request_is_sent_once_more() -> None:
    world = World()
    world.gives("one")
    flow = Flow(world, target="/")
    flow.receive(answered(401))
    assert flow.wants == "token"
    flow.receive(world.gives("two"))
    assert (flow.wants, [hop.status for hop in flow.hops]) == ("Bearer two", [401])
    assert getattr(flow.step, "attempt", None) == 2
    flow.receive(answered(401))
    assert (flow.wants, flow.answer is not None) == ("nothing", True)


def test_two_requests_that_get_a_401_each_wait_for_a_new_token() -> None:
    world = World()
    world.gives("one")
    first, second = Flow(world, target="/"), Flow(world, target="/")
    first.receive(answered(401))
    second.receive(answered(401))
    assert (first.wants, second.wants) == ("token", "token")
    exchange = world.gives("two")
    first.receive(exchange)
    second.receive(exchange)
    assert (first.wants, second.wants) == ("Bearer two", "Bearer two")


def test_a_401_after_another_request_renewed_the_token_needs_no_third() -> None:
    world = World()
    world.gives("one")
    flow = Flow(world, target="/")
    world.gives("two")
    flow.receive(answered(401))
    assert flow.wants == "Bearer two"


def test_without_a_token_the_request_fails_with_the_reason() -> None:
    world = World()
    flow = Flow(world, target="/")
    flow.receive(world.gives(None))
    assert flow.answer is not None
    assert (flow.answer.error, flow.answer.error_detail) == (
        "token",
        "POST http://id.test/token answered 401",
    )


def test_a_token_that_does_not_come_in_the_time_of_the_request_fails_it() -> None:
    flow = Flow(World(), target="/")
    flow.receive(None)
    assert flow.answer is not None
    assert (flow.answer.error, flow.answer.error_detail) == (
        "token",
        "POST http://id.test/token did not answer in 5 s",
    )


def test_who_waits_for_a_token_waits_no_longer_than_it_may_and_the_others_get_it() -> None:
    asked: list[Request] = []
    answer = asyncio.Event()

    class Slow:
        async def send(self, request: Request) -> Exchange:
            asked.append(request)
            await answer.wait()
            return answer_with('{"access_token": "one"}')

        def close(self) -> None:
            pass

    async def main() -> None:
        source = source_of(lambda: Slow())
        patient = asyncio.ensure_future(source.fetch(50))
        assert await source.fetch(0.01) is None
        given_up = asyncio.ensure_future(source.fetch(50))
        await asyncio.sleep(0)
        given_up.cancel()
        answer.set()
        assert (await patient) is not None
        assert (source.secrets, len(asked)) == (("one",), 1)

    run_virtual(main())


def test_a_refresh_token_is_used_once_and_a_lost_connection_does_not_lose_it() -> None:
    answers: list[Exchange | str] = [
        answer_with('{"access_token": "one", "refresh_token": "r1"}'),
        answer_with("", error="refused"),
        answer_with('{"access_token": "two"}'),
        answer_with('{"error": "invalid_grant"}', status=400),
        answer_with('{"access_token": "three"}'),
    ]
    asked: list[str] = []

    class Scripted:
        async def send(self, request: Request) -> Exchange:
            assert isinstance(request.body, bytes)
            asked.append(request.body.decode())
            taken = answers.pop(0)
            assert isinstance(taken, Exchange)
            return taken

        def close(self) -> None:
            pass

    async def main() -> None:
        source = source_of(lambda: Scripted())
        for _ in range(4):
            await source.fetch(5)

    run_virtual(main())
    kinds = [dict(parse_qsl(each)) for each in asked]
    assert [each["grant_type"] for each in kinds] == [
        "client_credentials",
        "refresh_token",
        "refresh_token",
        "refresh_token",
        "client_credentials",
    ]
    assert {each["refresh_token"] for each in kinds if "refresh_token" in each} == {"r1"}


def test_tokens_of_users_make_room_for_others_and_equal_requests_share_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tokens, "MAX_SOURCES", 3)
    transport = World().transport
    sources = TokenSources(transport._token_endpoint, transport.client)

    def source(user: str) -> TokenSource:
        auth = OAuth2(token_url="http://id.test/token", client_id="c", grant="password", username=user)
        return sources.rendered(auth, Tls())

    first = [source(user) for user in "abc"]
    assert source("a") is first[0]
    source("d")
    assert source("a") is first[0]
    assert source("c") is first[2]
    assert source("b") is not first[1]


@pytest.mark.parametrize(
    ("expires_in", "requests"),
    [(3600, 1), ("3600", 1), (None, 1), ("soon", 1), (True, 2), (0, 2), (-5, 2), (1, 2)],
)
def test_a_token_lives_as_long_as_the_answer_says(expires_in: object, requests: int) -> None:
    world = World()
    sent = 0
    for _ in range(2):
        flow = Flow(world, target="/")
        if flow.wants == "token":
            sent += 1
            flow.receive(world.gives("one", life_s=expires_in))
        assert flow.wants == "Bearer one"
    assert sent == requests


def source_of(make_client: Callable[[], object]) -> TokenSource:
    world = World()
    auth = OAuth2(token_url="http://id.test/token", client_id="c", client_secret="s")
    endpoint, target = world.transport._token_endpoint(auth.token_url, Tls())
    return TokenSource(auth, endpoint, target, make_client)  # type: ignore[arg-type]


def answer_with(body: str, *, status: int = 200, error: ErrorKind | None = None) -> Exchange:
    exchange = Exchange("POST", "http://id.test/token", "oauth2")
    exchange.status, exchange.error, exchange.body = status, error, body.encode()
    return exchange


def test_a_401_without_a_new_token_is_the_answer() -> None:
    world = World()
    world.gives("one")
    flow = Flow(world, target="/")
    exchange = answered(401)
    flow.receive(exchange)
    flow.receive(world.gives(None))
    assert (flow.answer, flow.hops) == (exchange, [])


@pytest.mark.parametrize(
    ("request_", "wants"),
    [
        ({"target": "http://other.test/"}, "no credentials"),
        ({"target": "/", "headers": [("Authorization", "Basic eA==")]}, "Basic eA=="),
    ],
)
def test_a_request_elsewhere_or_with_its_own_credentials_is_sent_as_it_is(
    request_: dict[str, Any], wants: str
) -> None:
    flow = Flow(World(), **request_)
    assert flow.wants == wants
    flow.receive(answered(401))
    assert flow.answer is not None
