"""`auth` against a real server: what arrives there, tokens fetched and renewed, and nothing secret written."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from windtunnel.http import tokens
from windtunnel.http.transport import HttpTransport
from windtunnel.interfaces import Endpoint, Request
from windtunnel.model.auth import Auth, auth_of
from windtunnel.model.http import Exchange
from windtunnel.model.source import Source
from windtunnel.model.sut import Service, Sut

SECRET = "client-secret-0123"


class Server:
    """Gives out numbered tokens, and lets in whoever has one that is still good."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.token_requests: list[tuple[dict[str, str], dict[str, str]]] = []
        self.good: set[str] = set()
        self.life_s: object = 3600
        self.refuses = False
        self.gives_tokens = asyncio.Event()
        self.gives_tokens.set()
        self.url = ""

    async def token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.token_requests.append((dict(request.headers), form))
        await self.gives_tokens.wait()
        if self.refuses:
            return web.json_response({"error": "invalid_client", "sent": SECRET}, status=401)
        token = f"access-token-{len(self.token_requests)}"
        self.good.add(token)
        return web.json_response({"access_token": token, "token_type": "Bearer", "expires_in": self.life_s})

    async def page(self, request: web.Request) -> web.Response:
        self.seen.append((request.path_qs, dict(request.headers)))
        if request.path == "/guarded":
            token = request.headers.get("Authorization", "").removeprefix("Bearer ")
            return web.json_response({"token": token}, status=200 if token in self.good else 401)
        return web.json_response({})


@asynccontextmanager
async def running() -> AsyncIterator[Server]:
    server = Server()
    app = web.Application()
    app.router.add_post("/token", server.token)
    app.router.add_get("/{path:.*}", server.page)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


class Caller:
    def __init__(self, server: Server, auth: Auth) -> None:
        service = Service(name="shop", base_url=server.url, auth=auth)
        self.transport = HttpTransport(Sut(name="s", default=service, source=Source(file="sut.yaml")), "run")
        self.endpoint: Endpoint = self.transport.endpoint(method="GET", service=service, headers={})
        self.client = self.transport.client()
        self.beside: list[Exchange] = []
        self.secrets: list[str] = []
        self.hops: list[Exchange] = []

    async def begin(self) -> None:
        await self.transport.begin(
            on_token=lambda exchange, *_: self.beside.append(exchange), on_secret=self.secrets.append
        )

    async def get(self, path: str = "/guarded") -> Exchange:
        return await self.client.send(
            Request(endpoint=self.endpoint, target=path, timeout_s=5, on_hop=self.hops.append)
        )


def oauth2(server: Server, **more: object) -> Auth:
    return auth_of(
        {
            "type": "oauth2",
            "token_url": f"{server.url}/token",
            "client_id": "shop",
            "client_secret": SECRET,
            **more,
        }
    )


def with_server(test: Callable[[Server], object]) -> None:
    async def main() -> None:
        async with running() as server:
            await asyncio.wait_for(test(server), 100)  # type: ignore[arg-type]

    asyncio.run(main())


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        ({"type": "bearer", "token": "t"}, "Authorization", "Bearer t"),
        ({"type": "basic", "user": "ada", "password": "pä"}, "Authorization", "Basic YWRhOnDDpA=="),
        ({"type": "api_key", "key": "k", "header": "X-Api-Key"}, "X-Api-Key", "k"),
        ({"type": "api_key", "key": "k", "cookie": "key"}, "Cookie", "key=k"),
    ],
)
def test_what_is_constant_is_a_header_of_every_request(auth: dict[str, Any], header: str, value: str) -> None:
    async def test(server: Server) -> None:
        caller = Caller(server, auth_of(auth))
        await caller.get("/a")
        assert server.seen[0][1][header] == value
        await caller.transport.close()

    with_server(test)


def test_a_token_is_fetched_once_before_it_is_needed_however_many_need_it() -> None:
    async def test(server: Server) -> None:
        caller = Caller(server, oauth2(server, scope=["read", "write"], params={"audience": "shop"}))
        await caller.begin()
        headers, form = server.token_requests[0]
        assert form == {"grant_type": "client_credentials", "scope": "read write", "audience": "shop"}
        assert base64.b64decode(headers["Authorization"].split()[1]).decode() == f"shop:{SECRET}"
        exchanges = await asyncio.gather(*(caller.get() for _ in range(20)))
        assert {exchange.status for exchange in exchanges} == {200}
        assert len(server.token_requests) == len(caller.beside) == 1
        assert caller.secrets == ["access-token-1"]
        await caller.transport.close()

    with_server(test)


def test_who_comes_first_without_a_token_fetches_it_for_all() -> None:
    async def test(server: Server) -> None:
        caller = Caller(server, oauth2(server, credentials="body"))
        exchanges = await asyncio.gather(*(caller.get() for _ in range(20)))
        assert {exchange.status for exchange in exchanges} == {200}
        (headers, form), *others = server.token_requests
        assert (form["client_id"], form["client_secret"], others) == ("shop", SECRET, [])
        assert "Authorization" not in headers
        await caller.transport.close()

    with_server(test)


def test_a_token_that_has_run_out_is_not_sent() -> None:
    async def test(server: Server) -> None:
        server.life_s = "1"  # a token is sent until 1 s before its end
        caller = Caller(server, oauth2(server))
        await caller.begin()
        assert (await caller.get()).json == {"token": "access-token-2"}
        await caller.transport.close()

    with_server(test)


def test_a_token_is_renewed_before_it_runs_out_and_the_request_does_not_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now_s = 0.0
    monkeypatch.setattr(tokens, "perf_counter", lambda: now_s)

    async def test(server: Server) -> None:
        nonlocal now_s
        server.life_s = 100
        caller = Caller(server, oauth2(server))
        await caller.begin()
        now_s = 79.0
        assert (await caller.get()).json == {"token": "access-token-1"}
        assert len(server.token_requests) == 1
        now_s = 81.0
        server.gives_tokens.clear()
        assert (await caller.get()).json == {"token": "access-token-1"}
        server.gives_tokens.set()
        while "access-token-2" not in caller.secrets:  # noqa: ASYNC110  a renewal tells of itself by nothing else
            await asyncio.sleep(0)
        assert (await caller.get()).json == {"token": "access-token-2"}
        await caller.transport.close()

    with_server(test)


def test_a_401_fetches_one_new_token_and_sends_the_request_once_more() -> None:
    async def test(server: Server) -> None:
        caller = Caller(server, oauth2(server))
        await caller.begin()
        server.good.clear()
        exchanges = await asyncio.gather(*(caller.get() for _ in range(5)))
        assert {exchange.status for exchange in exchanges} == {200}
        assert len(server.token_requests) == 2
        assert [hop.status for hop in caller.hops] == [401] * 5
        await caller.transport.close()

    with_server(test)


def test_a_server_that_lets_nobody_in_is_asked_twice_and_no_more() -> None:
    async def test(server: Server) -> None:
        caller = Caller(server, oauth2(server))
        await caller.begin()

        class Nothing(set[str]):
            def __contains__(self, token: object) -> bool:
                return False

        server.good = Nothing()
        assert (await caller.get()).status == 401
        assert (len(server.token_requests), len(server.seen)) == (2, 2)
        await caller.transport.close()

    with_server(test)


def test_without_a_token_nothing_is_sent_and_the_request_says_why() -> None:
    async def test(server: Server) -> None:
        server.refuses = True
        caller = Caller(server, oauth2(server))
        await caller.begin()
        exchange = await caller.get()
        assert (exchange.error, exchange.error_detail) == (
            "token",
            f"POST {server.url}/token answered 401: invalid_client",
        )
        assert server.seen == []
        await caller.transport.close()

    with_server(test)


def test_a_run_with_oauth2_passes_and_writes_neither_secret_nor_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from windtunnel.config.overrides import overrides_of
    from windtunnel.job.request import JobRequest
    from windtunnel.job.run import run_job
    from windtunnel.terminal import TerminalObserver

    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text(
        "id: a\nflow:\n"
        "  - { type: http, name: in, path: /guarded, expect: { status_code: 200 } }\n"
        "  - { type: http, name: keyed, path: /keyed, auth: { type: api_key, key: literal-key-1, query: k } }\n"
        "  - { type: http, name: out, path: /guarded, auth: { type: none }, expect: { status_code: 401 } }\n"
        "  - { type: http, name: bad, path: /guarded, expect: { status_code: 418 } }\n"
    )

    import threading

    ready, done, found = threading.Event(), threading.Event(), {}

    def serve() -> None:
        async def main() -> None:
            async with running() as server:
                found["server"] = server
                ready.set()
                await asyncio.to_thread(done.wait)

        asyncio.run(main())

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        assert ready.wait(10)
        url = found["server"].url
        (tmp_path / "sut.yaml").write_text(
            f"base_url: {url}\nauth:\n  type: oauth2\n  token_url: {url}/token\n  client_id: shop\n"
            f"  client_secret: {SECRET}\n"
        )
        with (tmp_path / "out").open("w") as out:
            terminal = TerminalObserver(out=out, err=out, color=False, interactive=False)
            result = run_job(
                JobRequest(scenarios=("a.yaml",), overrides=overrides_of(count=3)),
                environment={},
                observer=terminal,
            )
    finally:
        done.set()
        thread.join()
    assert [path for path, _ in found["server"].seen].count("/keyed?k=literal-key-1") == 3
    records = [
        json.loads(line)
        for file in result.directory.segments()
        for line in file.read_text(encoding="utf-8").split("\n")
        if line
    ]
    tokens = [record for record in records if record.get("phase") == "token"]
    assert [(each["type"], each["step"]) for each in tokens] == [("request", "oauth2")]
    by_step = {each["step"]: each["outcome"] for each in records if each["type"] == "step"}
    assert by_step == {"in": "passed", "keyed": "passed", "out": "passed", "bad": "failed"}
    assert result.summary.metrics["http_reqs"].count == 12
    files = [path for path in (tmp_path / "runs").rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(files) > 5
    for path in files:
        content = path.read_bytes()
        for secret in (SECRET, "access-token-1", "literal-key-1"):
            assert secret.encode() not in content, f"{secret} in {path}"
