"""Drives a Toxiproxy with the client of PyPI, and tells in JSON what that made of the answers."""

from __future__ import annotations

import json
import sys
from typing import Any

from toxiproxy import Toxiproxy
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists


def error_of(call: Any, **arguments: Any) -> str:
    try:
        call(**arguments)
    except (ProxyExists, NotFound, InvalidToxic) as error:
        return f"{type(error).__name__}: {json.loads(error.args[0])['error']}"
    return "none"


def toxic(each: Any) -> list[Any]:
    return [each.name, each.type, each.stream, each.toxicity, each.attributes]


def tour(host: str, port: int, upstream: str) -> dict[str, Any]:
    server = Toxiproxy()
    server.update_api_consumer(host, port)
    told: dict[str, Any] = {"version": json.loads(server.version())["version"]}
    proxy = server.create(upstream=upstream, name="db", listen="127.0.0.1:0")
    told["created"] = [proxy.name, proxy.enabled, proxy.upstream, proxy.listen.rpartition(":")[0]]
    proxy.add_toxic(type="latency", attributes={"latency": 300, "jitter": 5}, toxicity=0.5)
    proxy.add_toxic(name="up", type="bandwidth", stream="upstream", attributes={"rate": 7})
    told["toxics"] = sorted(toxic(each) for each in proxy.toxics().values())
    told["twice"] = error_of(proxy.add_toxic, name="up", type="bandwidth")
    told["no such toxic"] = error_of(proxy.add_toxic, type="lag")
    told["gone"] = error_of(proxy.destroy_toxic, toxic_name="nothing")
    proxy.destroy_toxic("up")
    with proxy.down():
        told["down"] = server.get_proxy("db").enabled
    told["up again"] = [server.get_proxy("db").enabled, server.get_proxy("db").listen == proxy.listen]
    populated = server.populate([{"name": "cache", "upstream": upstream, "listen": "127.0.0.1:0"}])
    told["populated"] = [each.name for each in populated]
    server.reset()
    told["reset"] = [name for name, each in server.proxies().items() if each.toxics()]
    server.destroy_all()
    told["left"] = list(server.proxies())
    return told


if __name__ == "__main__":
    print(json.dumps(tour(sys.argv[1], int(sys.argv[2]), sys.argv[3])))
