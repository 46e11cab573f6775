"""The API of Kubernetes as far as `kubectl scale`, `apply`, `get` and `delete` use it, over memory."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator
from typing import Any

from aiohttp import web

GROUPS = {
    "apps": [("deployments", "Deployment"), ("deployments/scale", "Scale")],
    "networking.k8s.io": [("networkpolicies", "NetworkPolicy")],
}
VERBS = ["create", "delete", "get", "list", "patch", "update"]


class Kubernetes:
    """One namespace, with a deployment `payments` of three replicas."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], dict[str, Any]] = {
            ("deployments", "payments"): {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": "payments", "namespace": "default", "uid": "1", "resourceVersion": "1"},
                "spec": {"replicas": 3, "selector": {}, "template": {}},
                "status": {"replicas": 3},
            }
        }

    @contextlib.contextmanager
    def running(self) -> Iterator[str]:
        """Serve in a thread of its own while the block lasts; its URL."""
        loop = asyncio.new_event_loop()
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve)
        runner = web.AppRunner(app, access_log=None)
        started = threading.Event()

        async def start() -> None:
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            started.set()

        def serve() -> None:
            asyncio.set_event_loop(loop)
            loop.run_until_complete(start())
            loop.run_forever()
            loop.run_until_complete(runner.cleanup())
            loop.close()

        thread = threading.Thread(target=serve)
        thread.start()
        assert started.wait(20), "the stand-in does not start"
        host, port = runner.addresses[0][:2]
        try:
            yield f"http://{host}:{port}"
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()

    async def _serve(self, request: web.Request) -> web.Response:
        match request.path.strip("/").split("/"):
            case ["api"]:
                return _answer({"kind": "APIVersions", "versions": ["v1"]})
            case ["api", "v1"]:
                return _answer({"kind": "APIResourceList", "groupVersion": "v1", "resources": []})
            case ["apis"]:
                return _answer(
                    {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(each) for each in GROUPS]}
                )
            case ["openapi", "v2"]:
                return web.Response(body=b"")  # a message of Protocol Buffers in which every field is missing
            case ["apis", group, "v1"] if group in GROUPS:
                return _answer(_resources(group))
            case ["apis", _, "v1", "namespaces", "default", kind]:
                return await self._create(request, kind)
            case ["apis", _, "v1", "namespaces", "default", kind, name]:
                return await self._object(request, kind, name)
            case ["apis", _, "v1", "namespaces", "default", "deployments", name, "scale"]:
                return await self._scale(request, name)
        return _missing(request.path)

    async def _create(self, request: web.Request, kind: str) -> web.Response:
        made = await request.json()
        made["metadata"] |= {"namespace": "default", "uid": "2", "resourceVersion": "1"}
        self.objects[kind, made["metadata"]["name"]] = made
        return _answer(made, status=201)

    async def _object(self, request: web.Request, kind: str, name: str) -> web.Response:
        found = self.objects.get((kind, name))
        if found is None:
            return _missing(f'{kind} "{name}"')
        if request.method == "DELETE":
            del self.objects[kind, name]
            return _answer({"kind": "Status", "apiVersion": "v1", "status": "Success"})
        return _answer(found)

    async def _scale(self, request: web.Request, name: str) -> web.Response:
        deployment = self.objects["deployments", name]
        if request.method in ("PATCH", "PUT"):
            deployment["spec"]["replicas"] = json.loads(await request.text())["spec"]["replicas"]
        return _answer(
            {
                "apiVersion": "autoscaling/v1",
                "kind": "Scale",
                "metadata": deployment["metadata"],
                "spec": {"replicas": deployment["spec"]["replicas"]},
                "status": {"replicas": deployment["spec"]["replicas"], "selector": ""},
            }
        )


def _group(name: str) -> dict[str, Any]:
    version = {"groupVersion": f"{name}/v1", "version": "v1"}
    return {"name": name, "versions": [version], "preferredVersion": version}


def _resources(group: str) -> dict[str, Any]:
    resources = [
        {"name": name, "singularName": kind.lower(), "namespaced": True, "kind": kind, "verbs": VERBS}
        for name, kind in GROUPS[group]
    ]
    return {
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": f"{group}/v1", "resources": resources,
    }  # fmt: skip


def _missing(what: str) -> web.Response:
    status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}
    return _answer({**status, "message": f"{what} not found"}, status=404)


def _answer(value: dict[str, Any], *, status: int = 200) -> web.Response:
    return web.json_response(value, status=status)
