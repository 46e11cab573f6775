"""The HTTP API of the stand-in, and its proxies."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from aiohttp import web

from tests.support.toxiproxy.links import ATTRIBUTES, Link, Toxic

STREAMS = ("upstream", "downstream")


class ApiError(Exception):
    """An answer that is no success: `{"error": …, "status": …}`."""

    def __init__(self, status: int, message: str) -> None:
        self.status, self.message = status, message


class Proxy:
    """One proxy: it listens while it is enabled."""

    def __init__(self, name: str, listen: str, upstream: str) -> None:
        self.name, self.listen, self.upstream = name, listen, upstream
        self.toxics: list[Toxic] = []
        self._server: asyncio.Server | None = None
        self._links: set[Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def enabled(self) -> bool:
        return self._server is not None

    def as_json(self) -> dict[str, object]:
        toxics = sorted(self.toxics, key=lambda toxic: STREAMS.index(toxic.stream))
        return {
            "name": self.name,
            "listen": self.listen,
            "upstream": self.upstream,
            "enabled": self.enabled,
            "toxics": [toxic.as_json() for toxic in toxics],
        }

    async def start(self) -> None:
        host, _, port = self.listen.rpartition(":")
        try:
            self._server = await asyncio.start_server(self._serve, host.strip("[]") or None, int(port))
        except (OSError, ValueError) as error:
            raise ApiError(500, f"listen tcp {self.listen}: {error}") from None
        host, port = self._server.sockets[0].getsockname()[:2]
        self.listen = f"{host}:{port}"

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def changed(self) -> None:
        """Tell the open connections that there are other toxics."""
        for link in self._links:
            link.changed.set()

    def toxic(self, name: str) -> Toxic:
        for toxic in self.toxics:
            if toxic.name == name:
                return toxic
        raise ApiError(404, "toxic not found")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        links = [Link(self.toxics, stream) for stream in STREAMS]
        self._links.update(links)
        host, _, port = self.upstream.rpartition(":")
        try:
            far_reader, far_writer = await asyncio.open_connection(host.strip("[]"), int(port))
        except OSError:
            writer.close()
            return
        try:
            up, down = links
            await asyncio.gather(up.pump(reader, far_writer), down.pump(far_reader, writer))
        except asyncio.CancelledError:
            pass
        finally:
            for each in (writer, far_writer):
                each.close()
            self._links.difference_update(links)
            self._tasks.discard(task)


class Toxiproxy:
    """The server: what it was told is in `calls`, as `POST /proxies/db/toxics`.

    `after_answer` is called once, when the next answer is made.
    """

    def __init__(self, *, version: str = "2.12.0") -> None:
        self.version = version
        self.proxies: dict[str, Proxy] = {}
        self.calls: list[str] = []
        self.url = ""
        self.after_answer: Callable[[], None] | None = None

    def application(self) -> web.Application:
        app = web.Application(middlewares=[self._answer])
        app.add_routes(
            [
                web.get("/version", self._version),
                web.post("/reset", self._reset),
                web.get("/proxies", self._index),
                web.post("/proxies", self._create),
                web.post("/populate", self._populate),
                web.get("/proxies/{proxy}", self._show),
                *[each("/proxies/{proxy}", self._update) for each in (web.post, web.patch)],
                web.delete("/proxies/{proxy}", self._delete),
                web.get("/proxies/{proxy}/toxics", self._toxics),
                web.post("/proxies/{proxy}/toxics", self._add_toxic),
                web.get("/proxies/{proxy}/toxics/{toxic}", self._show_toxic),
                *[each("/proxies/{proxy}/toxics/{toxic}", self._update_toxic) for each in (web.post, web.patch)],
                web.delete("/proxies/{proxy}/toxics/{toxic}", self._delete_toxic),
            ]
        )
        return app

    @web.middleware
    async def _answer(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.headers.get("User-Agent", "").startswith("Mozilla/"):
            return web.Response(status=403, text="User agent not allowed\n")
        self.calls.append(f"{request.method} {request.raw_path}")
        try:
            answer = await handler(request)
            after, self.after_answer = self.after_answer, None
            if after is not None:
                after()
            return answer
        except ApiError as error:
            # Go's http.Error: the body is JSON, the content type says text.
            text = json.dumps({"error": error.message, "status": error.status})
            return web.Response(status=error.status, text=f"{text}\n")

    async def _version(self, _: web.Request) -> web.Response:
        return web.Response(text=f'{{"version": "{self.version}"}}\n', content_type="application/json")

    async def _reset(self, _: web.Request) -> web.Response:
        for proxy in self.proxies.values():
            if not proxy.enabled:
                await proxy.start()
            proxy.toxics.clear()
            proxy.changed()
        return web.Response(status=204)

    async def _index(self, _: web.Request) -> web.Response:
        return web.json_response({name: proxy.as_json() for name, proxy in self.proxies.items()})

    async def _create(self, request: web.Request) -> web.Response:
        told = await _body(request)
        proxy = _new_proxy(told)
        if proxy.name in self.proxies:
            raise ApiError(409, "proxy already exists")
        if told.get("enabled", True):
            await proxy.start()
        self.proxies[proxy.name] = proxy
        return web.json_response(proxy.as_json(), status=201)

    async def _populate(self, request: web.Request) -> web.Response:
        made = []
        for told in await _body(request):
            proxy = _new_proxy(told)
            before = self.proxies.get(proxy.name)
            if before is None or (before.listen, before.upstream) != (proxy.listen, proxy.upstream):
                if before is not None:
                    await before.stop()
                if told.get("enabled", True):
                    await proxy.start()
                self.proxies[proxy.name] = proxy
            made.append(self.proxies[proxy.name].as_json())
        return web.json_response({"proxies": made}, status=201)

    async def _show(self, request: web.Request) -> web.Response:
        return web.json_response(self._proxy(request).as_json())

    async def _update(self, request: web.Request) -> web.Response:
        proxy, told = self._proxy(request), await _body(request)
        listen, upstream = told.get("listen", proxy.listen), told.get("upstream", proxy.upstream)
        wanted = told.get("enabled", proxy.enabled)
        if (listen, upstream) != (proxy.listen, proxy.upstream):
            await proxy.stop()
            proxy.listen, proxy.upstream = listen, upstream
        if wanted and not proxy.enabled:
            await proxy.start()
        elif not wanted:
            await proxy.stop()
        return web.json_response(proxy.as_json())

    async def _delete(self, request: web.Request) -> web.Response:
        proxy = self._proxy(request)
        await proxy.stop()
        del self.proxies[proxy.name]
        return web.Response(status=204)

    async def _toxics(self, request: web.Request) -> web.Response:
        return web.json_response(self._proxy(request).as_json()["toxics"])

    async def _add_toxic(self, request: web.Request) -> web.Response:
        proxy, told = self._proxy(request), await _body(request)
        type, stream = told.get("type", ""), str(told.get("stream", "downstream")).lower()
        if stream not in STREAMS:
            raise ApiError(400, "stream was invalid, can be either upstream or downstream")
        if type not in ATTRIBUTES:
            raise ApiError(400, "invalid toxic type")
        name = told.get("name") or f"{type}_{stream}"
        if any(toxic.name == name for toxic in proxy.toxics):
            raise ApiError(409, "toxic already exists")
        attributes = {**dict.fromkeys(ATTRIBUTES[type], 0), **_attributes(type, told)}
        toxic = Toxic(name, type, stream, float(told.get("toxicity", 1.0)), attributes)
        proxy.toxics.append(toxic)
        proxy.changed()
        return web.json_response(toxic.as_json())

    async def _show_toxic(self, request: web.Request) -> web.Response:
        return web.json_response(self._proxy(request).toxic(request.match_info["toxic"]).as_json())

    async def _update_toxic(self, request: web.Request) -> web.Response:
        proxy, told = self._proxy(request), await _body(request)
        before = proxy.toxic(request.match_info["toxic"])
        toxic = Toxic(
            before.name,
            before.type,
            before.stream,
            float(told.get("toxicity", before.toxicity)),
            {**before.attributes, **_attributes(before.type, told)},
        )
        proxy.toxics[proxy.toxics.index(before)] = toxic
        proxy.changed()
        return web.json_response(toxic.as_json())

    async def _delete_toxic(self, request: web.Request) -> web.Response:
        proxy = self._proxy(request)
        proxy.toxics.remove(proxy.toxic(request.match_info["toxic"]))
        proxy.changed()
        return web.Response(status=204)

    def _proxy(self, request: web.Request) -> Proxy:
        found = self.proxies.get(request.match_info["proxy"])
        if found is None:
            raise ApiError(404, "proxy not found")
        return found


async def _body(request: web.Request) -> Any:
    try:
        return json.loads(await request.text())
    except ValueError as error:
        raise ApiError(400, f"bad request body: {error}") from None


def _new_proxy(told: dict[str, Any]) -> Proxy:
    for field in ("name", "upstream"):
        if not told.get(field):
            raise ApiError(400, f"missing required field: {field}")
    return Proxy(told["name"], told.get("listen") or "127.0.0.1:0", told["upstream"])


def _attributes(type: str, told: dict[str, Any]) -> dict[str, int]:
    """The attributes that this type knows; others are passed over, as Go's decoder does. None has a fraction."""
    found = {key: value for key, value in told.get("attributes", {}).items() if key in ATTRIBUTES[type]}
    for value in found.values():
        if not isinstance(value, int) or isinstance(value, bool):
            raise ApiError(400, f"bad request body: json: cannot unmarshal {value!r} into Go value of type int64")
    return found


@contextlib.contextmanager
def running(server: Toxiproxy | None = None) -> Iterator[Toxiproxy]:
    """A stand-in that serves on a free port in a thread of its own while the block lasts."""
    made = server or Toxiproxy()
    loop = asyncio.new_event_loop()
    started, ended = threading.Event(), asyncio.Event()
    runner = web.AppRunner(made.application(), access_log=None)

    async def start() -> None:
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        made.url = "http://{}:{}".format(*runner.addresses[0][:2])
        started.set()

    async def stop() -> None:
        for proxy in made.proxies.values():
            await proxy.stop()
        await runner.cleanup()
        await loop.shutdown_asyncgens()

    async def serve_until_ended() -> None:
        await start()
        await ended.wait()
        await stop()

    def serve() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(serve_until_ended())
        loop.close()

    thread = threading.Thread(target=serve)
    thread.start()
    assert started.wait(20), "the stand-in does not start"
    try:
        yield made
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
