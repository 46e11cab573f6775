"""Faults of Toxiproxy: what it is told, and what is made of its answers. The server is a stand-in."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tests.support.toxiproxy import Toxiproxy, running
from tests.support.toxiproxy.links import Toxic
from windtunnel.errors import ExpressionError
from windtunnel.model.turbulence import Amount, FaultSpec, FaultTarget, Phases, Schedule
from windtunnel.turbulence.driven import DrivenFault
from windtunnel.turbulence.drivers.driver import Answer, Reach, WayBack
from windtunnel.turbulence.drivers.toxiproxy import TOXICS, ToxiproxyDriver, _is_same
from windtunnel.turbulence.drivers.toxiproxy_api import Address, CallError, call

DRIVER = ToxiproxyDriver(Reach(environment={}, hide=str))


NO_NUMBER = b'HTTP/1.1 200 OK\r\n\r\n{"version": "\\u00b2.1"}'
NO_MODEST_NUMBER = b'HTTP/1.1 200 OK\r\n\r\n{"version": "' + b"9" * 5000 + b'"}'
LONG_SAID = "a [2J " + "b" * 294 + "…"


@pytest.fixture
def server() -> Iterator[Toxiproxy]:
    with running() as made:
        tell(made, "POST", "proxies", body={"name": "db", "upstream": "127.0.0.1:9"})
        made.calls.clear()
        yield made


def tell(server: Toxiproxy, method: str, *names: str, body: Any = None) -> Any:
    return asyncio.run(call(Address.of(server.url), method, *names, body=body))


def fault(type: str, server: Toxiproxy | None = None, **attributes: Any) -> FaultSpec:
    url = {"url": server.url} if server else {}
    return FaultSpec(
        name="slow db",
        type=type,
        on=FaultTarget(proxy="db"),
        engine="toxiproxy",
        settings={**url, **({"attributes": attributes} if attributes else {})},
    )


def looked(spec: FaultSpec) -> WayBack:
    found = asyncio.run(DRIVER.look(spec))
    assert isinstance(found, WayBack), found
    return found


def refused(spec: FaultSpec) -> str:
    found = asyncio.run(DRIVER.look(spec))
    assert isinstance(found, Answer)
    return found.problem or ""


TOXIC = "windtunnel-slow-db-fb1d34"
EVERY = {
    "latency": {"latency": 800, "jitter": 100},
    "bandwidth": {"rate": 20},
    "slow_close": {"delay": 500},
    "timeout": {"timeout": 0},
    "reset_peer": {"timeout": 10},
    "slicer": {"average_size": 64, "size_variation": 32, "delay": 10},
    "limit_data": {"bytes": 1000},
}


def test_every_toxic_is_tried() -> None:
    assert set(EVERY) == set(TOXICS) - {"down"}


@pytest.mark.parametrize("type", EVERY)
def test_a_toxic_is_added_found_and_removed(server: Toxiproxy, type: str) -> None:
    spec = DRIVER.flat(fault(type, server, **EVERY[type]))
    DRIVER.check(spec)
    before = tell(server, "GET", "proxies")
    way = looked(spec)

    assert asyncio.run(DRIVER.apply(spec)).problem is None
    assert asyncio.run(DRIVER.verify(spec)) == Answer()
    (toxic,) = tell(server, "GET", "proxies", "db", "toxics")
    assert (toxic["type"], toxic["attributes"], toxic["stream"], toxic["toxicity"]) == (
        type,
        EVERY[type],
        "downstream",
        1.0,
    )
    assert asyncio.run(DRIVER.revert(way.arguments)) == Answer()
    assert tell(server, "GET", "proxies") == before


def test_a_proxy_goes_down_and_comes_back(server: Toxiproxy) -> None:
    spec = DRIVER.flat(fault("down", server))
    before = tell(server, "GET", "proxies")
    way = looked(spec)

    assert asyncio.run(DRIVER.apply(spec)).problem is None
    assert asyncio.run(DRIVER.verify(spec)) == Answer()
    assert tell(server, "GET", "proxies", "db")["enabled"] is False
    assert asyncio.run(DRIVER.revert(way.arguments)) == Answer()
    assert tell(server, "GET", "proxies") == before


def test_undoing_what_is_gone_is_done(server: Toxiproxy) -> None:
    gone = looked(DRIVER.flat(fault("latency", server, latency=1))).arguments

    assert asyncio.run(DRIVER.revert(gone)) == Answer(evidence="nothing is left of it")
    tell(server, "DELETE", "proxies", "db")
    assert asyncio.run(DRIVER.revert(gone)) == Answer(evidence="nothing is left of it")


def test_a_call_that_is_on_its_way_while_it_is_undone_is_undone_too(server: Toxiproxy) -> None:
    """As when the run was killed after it had sent the call, and Toxiproxy has not read it yet."""
    spec = DRIVER.flat(fault("latency", server, latency=1))
    way = looked(spec)
    server.after_answer = lambda: server.proxies["db"].toxics.append(
        Toxic(TOXIC, "latency", "downstream", 1.0, {"latency": 1, "jitter": 0})
    )

    assert asyncio.run(DRIVER.revert(way.arguments)) == Answer()
    assert tell(server, "GET", "proxies", "db", "toxics") == []


def test_toxics_of_others_stay(server: Toxiproxy) -> None:
    tell(server, "POST", "proxies", "db", "toxics", body={"type": "latency", "attributes": {"latency": 3}})
    spec = DRIVER.flat(fault("latency", server, latency=1))
    way = looked(spec)

    asyncio.run(DRIVER.apply(spec))
    asyncio.run(DRIVER.revert(way.arguments))

    assert [each["name"] for each in tell(server, "GET", "proxies", "db", "toxics")] == ["latency_downstream"]


def test_a_fault_that_is_on_is_changed(server: Toxiproxy) -> None:
    spec = DRIVER.flat(fault("latency", server, latency=1))
    looked(spec)
    for probability in (0.25, 0.75):
        changed = msgspec.structs.replace(spec, probability=probability)
        assert asyncio.run(DRIVER.apply(changed)).problem is None
        assert asyncio.run(DRIVER.verify(changed)) == Answer()

    (toxic,) = tell(server, "GET", "proxies", "db", "toxics")
    assert toxic["toxicity"] == 0.75


def test_the_way_back_is_a_command_to_type(server: Toxiproxy) -> None:
    assert looked(DRIVER.flat(fault("latency", server, latency=1))).by_hand == (
        f"curl -X DELETE {server.url}/proxies/db/toxics/{TOXIC}"
    )
    assert looked(DRIVER.flat(fault("down", server))).by_hand == (
        f"""curl -X POST -d '{{"enabled": true}}' {server.url}/proxies/db"""
    )


def test_a_proxy_that_is_not_there_is_named_with_those_that_are(server: Toxiproxy) -> None:
    spec = DRIVER.flat(fault("latency", server, latency=1))

    wrong = msgspec.structs.replace(spec, on=FaultTarget(proxy="dbs"))
    other = msgspec.structs.replace(spec, on=FaultTarget(proxy="cache"))

    assert refused(wrong) == f'Toxiproxy at {server.url} has no proxy "dbs"; did you mean "db"?'
    assert refused(other) == f'Toxiproxy at {server.url} has no proxy "cache"; it has: db'


def test_what_another_run_left_is_told_with_the_command_to_type(server: Toxiproxy) -> None:
    spec = DRIVER.flat(fault("latency", server, latency=1))
    asyncio.run(DRIVER.apply(spec))

    assert refused(spec) == (
        f'another run left the toxic "{TOXIC}": heal that run, or type: '
        f"curl -X DELETE {server.url}/proxies/db/toxics/{TOXIC}"
    )


def test_a_proxy_that_is_down_already_is_not_ours_to_switch(server: Toxiproxy) -> None:
    tell(server, "POST", "proxies", "db", body={"enabled": False})

    assert refused(DRIVER.flat(fault("down", server))) == 'the proxy "db" is down already'


def test_an_older_version_is_refused() -> None:
    with running(Toxiproxy(version="1.2.1")) as old:
        problem = refused(DRIVER.flat(fault("down", old)))

    assert problem == f"Toxiproxy at {old.url} is version 1.2.1; version 2 or newer is needed"


def test_a_toxic_that_is_not_as_it_was_told_is_seen(server: Toxiproxy) -> None:
    spec = DRIVER.flat(fault("latency", server, latency=1))
    asyncio.run(DRIVER.apply(spec))
    tell(server, "POST", "proxies", "db", "toxics", TOXIC, body={"attributes": {"latency": 2}, "toxicity": 0.5})

    assert (
        asyncio.run(DRIVER.verify(spec)).problem == "the toxic is not as it was told: its attributes and toxicity"
    )
    tell(server, "DELETE", "proxies", "db", "toxics", TOXIC)
    assert asyncio.run(DRIVER.verify(spec)).problem == f'the toxic "{TOXIC}" is not there'


def test_a_number_beyond_all_bounds_is_another_one() -> None:
    assert not _is_same(10**400, 0.5)
    assert not _is_same(float("nan"), 0.5)
    assert _is_same(0.5000000001, 0.5)


def test_nothing_is_changed_by_looking(server: Toxiproxy) -> None:
    looked(DRIVER.flat(fault("latency", server, latency=1)))

    assert {each.split()[0] for each in server.calls} == {"GET"}


def answered(content: bytes) -> str:
    """What the driver says where a server answers each call with this content."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(content)

        thread = threading.Thread(target=serve)
        thread.start()
        spec = fault("down")
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        problem = refused(msgspec.structs.replace(spec, settings={"url": url}))
        thread.join()
        return problem.replace(url, "URL")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "URL does not answer as Toxiproxy does"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "URL does not answer as Toxiproxy does"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{}", "URL does not answer as Toxiproxy does"),
        (b"HTTP/1.1 200 OK\r\n\r\n<html>", "URL does not answer as Toxiproxy does: it says no version"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n", "Toxiproxy answered 302"),
        (b"HTTP/1.1 500 Oh\r\n\r\n" + json.dumps({"error": "no luck", "status": 500}).encode(), "no luck"),
        (b"HTTP/1.1 500 Oh\r\n\r\n" + json.dumps({"title": "no luck", "status": 500}).encode(), "no luck"),
        (b"HTTP/1.1 500 Oh\r\n\r\n[]", "Toxiproxy answered 500"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "URL does not answer as Toxiproxy does"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * 100_000, "URL does not answer as Toxiproxy does"),
        (NO_NUMBER, "URL does not answer as Toxiproxy does: it says no version"),
        (NO_MODEST_NUMBER, "URL does not answer as Toxiproxy does: it says no version"),
        (b"HTTP/1.1 500 Oh\r\n\r\n" + json.dumps({"error": "a\x1b[2J\n" + "b" * 900}).encode(), LONG_SAID),
    ],
)
def test_a_server_that_is_something_else_is_an_answer(content: bytes, problem: str) -> None:
    assert answered(content) == problem


def test_a_server_that_is_not_there_is_an_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    spec = msgspec.structs.replace(fault("down"), settings={"url": url})

    assert refused(spec).startswith(f"can't reach Toxiproxy at {url}: ")
    reverted = asyncio.run(DRIVER.revert({"url": url, "proxy": "db", "enabled": True}))
    assert (reverted.problem or "").startswith("can't reach Toxiproxy")


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"url": 7, "proxy": "db", "toxic": "a"},
        {"url": "file:///etc/passwd", "proxy": "db", "toxic": "a"},
        {"url": "http://a", "proxy": "", "toxic": "a"},
        {"url": "http://a", "proxy": "db"},
        {"url": "http://a", "proxy": "db", "enabled": False},
        {"url": "http://a", "proxy": "db", "toxic": "a", "enabled": True},
    ],
)
def test_a_way_back_that_someone_changed_is_an_answer(arguments: dict[str, Any]) -> None:
    assert "the way back can't be read" in (asyncio.run(DRIVER.revert(arguments)).problem or "")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("127.0.0.1:8474", "not the URL of an API"),
        ("ftp://a", "not the URL of an API"),
        ("http://", "not the URL of an API"),
        ("http://a?b", "not the URL of an API"),
        ("http://a:b", "not a URL"),
        ("http://[::1", "not a URL"),
        ("http://me:secret@a", "user name"),
        ("http://a/b c", "encoded"),
        ("http://a/b\r\nHost: c", "encoded"),
    ],
)
def test_a_url_that_cannot_be_meant_is_refused(url: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=message):
        Address.of(url)


@pytest.mark.parametrize(
    ("spec", "path", "message"),
    [
        (fault("lag"), ("type",), 'no toxic "lag"'),
        (fault("latency"), (), '"latency" is missing'),
        (fault("latency", latency=1, delay=2), ("attributes", "delay"), "unknown key"),
        (fault("latency", latency=1.5), ("attributes", "latency"), "no whole number of milliseconds"),
        (fault("latency", latency="soon"), ("attributes", "latency"), "not a duration"),
        (fault("latency", latency=2**40), ("attributes", "latency"), "must be from 0 to"),
        (fault("bandwidth", rate="900B/s"), ("attributes", "rate"), "less than 1 kB/s"),
        (fault("latency", latency=True), ("attributes", "latency"), "must be a number"),
        (msgspec.structs.replace(fault("down"), on=FaultTarget()), (), "needs a proxy"),
        (msgspec.structs.replace(fault("down"), probability=0.5), (), "down or not"),
        (msgspec.structs.replace(fault("down"), settings={"url": "x"}), ("url",), "not the URL"),
        (msgspec.structs.replace(fault("down"), settings={"stream": "up"}), ("stream",), "upstream or downstream"),
    ],
)
def test_what_toxiproxy_cannot_be_told_is_refused(spec: FaultSpec, path: tuple[str, ...], message: str) -> None:
    with pytest.raises(ExpressionError, match=message) as caught:
        DRIVER.check(DRIVER.flat(spec))

    assert caught.value.path == path


@pytest.mark.parametrize(
    ("type", "attributes", "sent"),
    [
        ("latency", {"latency": "0.8s", "jitter": "50ms"}, {"latency": 800, "jitter": 50}),
        ("latency", {"latency": 800}, {"latency": 800}),
        ("slicer", {"average_size": "1KiB", "delay": "1ms"}, {"average_size": 1024, "delay": 1000}),
        ("bandwidth", {"rate": "20kB/s"}, {"rate": 20}),
        ("limit_data", {"bytes": "64KiB"}, {"bytes": 65536}),
    ],
)
def test_a_text_has_a_unit_of_its_own(
    server: Toxiproxy, type: str, attributes: dict[str, Any], sent: dict[str, int]
) -> None:
    spec = DRIVER.flat(fault(type, server, **attributes))
    asyncio.run(DRIVER.apply(spec))

    (toxic,) = tell(server, "GET", "proxies", "db", "toxics")
    assert {key: toxic["attributes"][key] for key in sent} == sent


@pytest.mark.parametrize(
    ("attributes", "schedule", "latencies"),
    [
        ({"latency": 1}, {"sweep": [100, "200ms", "0.3s"]}, [100, 200, 300]),
        ({"latency": 100}, {"repeat": {"every": "5s", "times": 3, "step": {"latency": "+50ms"}}}, [100, 150, 200]),
        ({"latency": 100}, {"repeat": {"every": "5s", "times": 3, "step": {"latency": "+50"}}}, [100, 150, 200]),
        ({"latency": "0.1s"}, {"repeat": {"every": "5s", "times": 2, "step": {"latency": "+50ms"}}}, [100, 150]),
    ],
)
def test_a_schedule_goes_through_an_attribute(
    server: Toxiproxy, attributes: dict[str, Any], schedule: dict[str, Any], latencies: list[int]
) -> None:
    pattern = Schedule(length=Amount(seconds=4.0 if "repeat" in schedule else 20.0), settings=schedule)
    pattern = msgspec.structs.replace(pattern, pattern="sweep") if "sweep" in schedule else pattern
    spec = msgspec.structs.replace(fault("latency", server, **attributes), schedule=pattern)
    phases = Phases(steady_s=1, inject_s=20, recover_s=1)

    driven = DrivenFault(spec, phases, seed=1, driver=DRIVER)

    applied = []
    for band in driven.bands:
        asyncio.run(DRIVER.apply(band.changes[0].fault))
        (toxic,) = tell(server, "GET", "proxies", "db", "toxics")
        applied.append(toxic["attributes"]["latency"])
    assert applied == latencies


def test_an_answer_of_the_api_that_is_no_success_says_its_status(server: Toxiproxy) -> None:
    with pytest.raises(CallError, match="proxy not found") as caught:
        tell(server, "GET", "proxies", "a/../b")

    assert caught.value.status == 404
    assert server.calls[-1] == "GET /proxies/a%2F..%2Fb"
