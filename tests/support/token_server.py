"""An OAuth 2.0 server with a service behind it, in a thread of this process."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote_plus

from aiohttp import web

Form = dict[str, list[str]]
PASSWORDS = {f"user-{number}": f"password-of-{number}" for number in range(50)}
CLIENTS: dict[str, str | None] = {"shop": "client-secret-0123", "app": None}


class TokenServer:
    """`/token` gives tokens by every grant, `/me` says whose token it got; both keep what they were asked.

    `answer` replaces the answers of `/token`, `expires_in` is what they say, `refuses` are refresh tokens that no
    longer count.
    """

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[tuple[Form, str]] = []
        self.seen: list[tuple[str, str | None]] = []
        self.headers: list[dict[str, str]] = []
        self.owners: dict[str, str] = {}
        self.refresh_owners: dict[str, str] = {}
        self.answer: Callable[[Form], web.Response] | None = None
        self.expires_in: object = 3600
        self.gives_refresh = False
        self.refuses: set[str] = set()

    def grants(self) -> list[str]:
        """The grants that were asked for, in order."""
        return [form["grant_type"][0] for form, _ in self.asked]

    async def token(self, request: web.Request) -> web.Response:
        """The token endpoint."""
        posted = await request.post()
        form: Form = {name: [str(each) for each in posted.getall(name)] for name in posted}
        self.asked.append((form, request.headers.get("Authorization", "")))
        if self.answer is not None:
            return self.answer(form)
        client = self._client(form, request)
        if client is None:
            return _refused("invalid_client", "Client authentication failed", status=401)
        grant = form["grant_type"][0]
        owner: str | None = client
        if grant == "password":
            user, password = form["username"][0], form["password"][0]
            owner = user if PASSWORDS.get(user) == password else None
        elif grant == "refresh_token":
            refresh = form["refresh_token"][0]
            owner = None if refresh in self.refuses else self.refresh_owners.get(refresh)
        if owner is None:
            return _refused("invalid_grant", "The grant is not valid")
        number = len(self.asked)
        answer: dict[str, Any] = {"access_token": f"access-{owner}-{number}", "token_type": "bearer"}
        answer["expires_in"] = self.expires_in
        self.owners[answer["access_token"]] = owner
        if self.gives_refresh:
            answer["refresh_token"] = f"refresh-{owner}-{number}"
            self.refresh_owners[answer["refresh_token"]] = owner
        return web.json_response(answer)

    async def me(self, request: web.Request) -> web.Response:
        """The service: 401 without a good token."""
        header = request.headers.get("Authorization")
        owner = self.owners.get((header or "").removeprefix("Bearer "))
        self.seen.append((request.path_qs, owner))
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        return web.json_response({"user": owner, "token": header}, status=200 if owner else 401)

    async def login(self, request: web.Request) -> web.Response:
        """A login that is no OAuth 2.0: the token of the user that is named."""
        user = str((await request.json())["user"])
        self.owners[f"login-token-of-{user}"] = user
        self.seen.append(("/login", request.headers.get("Authorization")))
        return web.json_response({"token": f"login-token-of-{user}"})

    @staticmethod
    def _client(form: Form, request: web.Request) -> str | None:
        """The client that a token request proves to be from."""
        scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
        client, secret = form.get("client_id", [""])[0], form.get("client_secret", [None])[0]
        if scheme == "Basic":
            user, _, password = base64.b64decode(credentials).decode().partition(":")
            client, secret = unquote_plus(user), unquote_plus(password)
        return client if client in CLIENTS and CLIENTS[client] == secret else None


def _refused(error: str, description: str, *, status: int = 400) -> web.Response:
    return web.json_response({"error": error, "error_description": description}, status=status)


@contextlib.contextmanager
def token_server() -> Iterator[TokenServer]:
    """A running server."""
    server, ready, done = TokenServer(), threading.Event(), threading.Event()

    async def main() -> None:
        app = web.Application()
        app.router.add_post("/{tenant:.*}token", server.token)
        app.router.add_post("/login", server.login)
        app.router.add_route("*", "/{path:.*}", server.me)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        ready.set()
        await asyncio.to_thread(done.wait)
        await runner.cleanup()

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    try:
        assert ready.wait(10)
        yield server
    finally:
        done.set()
        thread.join()
