"""Which requests through a proxy are hit, and what is on record of it: by id, by order, by schedule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from tests.support.proxying import INJECT_S, OK, PHASES, Line, Wire, fault, get, in_loop, post, proxied, told
from windtunnel.model.turbulence import FaultSpec, FaultTarget
from windtunnel.turbulence.proxy.exchange import Exchange
from windtunnel.turbulence.proxy.placed import PlacedFaults

T_S = INJECT_S + 1.0


def hit(
    faults: PlacedFaults, correlation_id: str = "", *, attempt: int = 0, method: str = "GET", path: str = "/"
) -> list[str]:
    """The faults that hit a request."""
    exchange = Exchange(
        began=0.0,
        in_flight=1,
        method=method,
        path=path,
        correlation_id=correlation_id,
        attempt=attempt,
        occurrence=attempt,
    )
    found = faults.of_request(exchange, path.encode(), T_S)
    return [each.placed.spec.name for each in found[1]] if found is not None else []


def placed(*specs: FaultSpec, seed: int = 1) -> PlacedFaults:
    return PlacedFaults(specs, PHASES, seed=seed, proxy="payments", protocol="http")


HALF = fault("reset", probability=0.5)


def test_a_request_with_an_id_gets_the_same_decision_in_any_order() -> None:
    ids = [f"id-{number}" for number in range(200)]
    forth, back = placed(HALF), placed(HALF)
    first = {each: hit(forth, each, attempt=1) for each in ids}
    second = {each: hit(back, each, attempt=1) for each in reversed(ids)}
    assert first == second
    assert 60 < sum(map(bool, first.values())) < 140
    assert first != {each: hit(placed(HALF, seed=2), each, attempt=1) for each in ids}


def test_each_attempt_is_decided_for_itself() -> None:
    faults = placed(HALF)
    assert len({bool(hit(faults, "id", attempt=attempt)) for attempt in range(1, 30)}) == 2


def test_without_an_id_the_order_of_arrival_decides() -> None:
    forth, back = placed(HALF), placed(HALF)
    assert [hit(forth, path=f"/{n}") for n in range(50)] == [hit(back, path=f"/{n}") for n in reversed(range(50))]


@pytest.mark.parametrize(
    ("target", "requests"),
    [
        (FaultTarget(proxy="payments"), ["GET /charge", "POST /charge/1", "POST /stock"]),
        (FaultTarget(proxy="payments", method="post"), ["POST /charge/1", "POST /stock"]),
        (FaultTarget(proxy="payments", path="/charge*"), ["GET /charge", "POST /charge/1"]),
        (FaultTarget(proxy="payments", method="POST", path="/charge/?"), ["POST /charge/1"]),
    ],
)
def test_only_the_requests_that_are_meant_are_hit(target: FaultTarget, requests: Sequence[str]) -> None:
    faults = placed(fault("reset", on=target))
    came = [request.split() for request in ("GET /charge", "POST /charge/1", "POST /stock")]
    assert [f"{method} {path}" for method, path in came if hit(faults, method=method, path=path)] == requests


def test_the_first_attempts_of_each_logical_request_fail_and_the_next_ones_pass() -> None:
    faults = placed(fault("reset", pattern="first_n", schedule={"first_n": 2}))
    assert [bool(hit(faults, each, attempt=n)) for n in (1, 2, 3, 4) for each in "ab"] == [True] * 4 + [False] * 4


def test_without_an_id_all_requests_are_one_logical_request() -> None:
    faults = placed(fault("reset", pattern="first_n", schedule={"first_n": 2}))
    assert [bool(hit(faults)) for _ in range(4)] == [True, True, False, False]


def test_every_nth_request_is_hit() -> None:
    faults = placed(fault("reset", pattern="every_nth", schedule={"every_nth": 3}))
    assert [bool(hit(faults, path=f"/{n}")) for n in range(6)] == [False, False, True] * 2


async def ask(line: Line, caller: Wire, upstream: Wire | None, request: bytes) -> Wire:
    await caller.send(request)
    upstream = upstream or await line.taken()
    await upstream.exactly(request)
    await upstream.send(OK)
    await caller.exactly(OK)
    return upstream


def test_attempts_are_counted_by_id_key_method_and_target() -> None:
    async def main() -> None:
        async with proxied() as line:
            caller = await line.call()
            upstream = None
            trace = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
            for request in (
                get("/a", "X-Correlation-ID: one"),
                get("/a", "x-correlation-id: one"),
                get("/a?b", "X-Correlation-ID: one"),
                get("/a", "X-Correlation-ID: two"),
                get("/a", trace),
                get("/a", trace.replace("b7ad", "0000")),
                post("/a", b"", "X-Correlation-ID: one", "Idempotency-Key: k1"),
                post("/a", b"", "X-Correlation-ID: one", "Idempotency-Key: k2"),
                post("/a", b"", "X-Correlation-ID: one", "Idempotency-Key: k1"),
                post("/a", b"", "Idempotency-Key: k1"),
                get("/a"),
                get("/a"),
            ):
                line.timers.pass_s(0.25)
                upstream = await ask(line, caller, upstream, request)
            records = [await line.record() for _ in range(12)]
            assert [each.attempt for each in records] == [1, 2, 1, 1, 1, 2, 1, 1, 2, 1, 0, 0]
            assert [each.since_us for each in records if each.attempt == 2] == [250_000, 250_000, 500_000]
            assert records[4].correlation_id == "0af7651916cd43dd8448eb211c80319c"
            assert {each.in_flight for each in records} == {1}

    in_loop(main)


def test_requests_at_the_same_time_are_counted() -> None:
    async def main() -> None:
        async with proxied() as line:
            callers = [await line.call() for _ in range(3)]
            for caller in callers:
                await caller.send(get())
                await (await line.taken()).send(OK)
                await caller.exactly(OK)
            for caller in callers:
                await caller.send(get("/slow"))
            upstreams = line.upstream_wires
            for upstream in upstreams:
                await upstream.until(b"/slow HTTP/1.1\r\nHost: shop.test\r\n\r\n")
            for upstream in upstreams:
                await upstream.send(OK)
            records = [await line.record() for _ in range(6)]
            assert sorted(each.in_flight for each in records) == [1, 1, 1, 1, 2, 3]

    in_loop(main)


def test_each_switch_is_on_record_at_its_moment() -> None:
    async def main() -> None:
        spec = fault("latency", {"delay": "1s"}, pattern="sweep", schedule={"sweep": ["1s", "2s"]})
        async with proxied(spec) as line:
            began = line.timers.now()
            line.proxy.begin(began)
            line.timers.pass_s(100.0)
            seen = [(each.t - line.timers.unix(began), each.event, each.level, each.proxy) for each in line.faults]
            assert seen == [
                (10.0, "on", "1 s", "payments"),
                (40.0, "off", "1 s", "payments"),
                (40.0, "on", "2 s", "payments"),
                (70.0, "off", "2 s", "payments"),
            ]

    in_loop(main)


def test_what_is_on_is_switched_off_with_the_proxy() -> None:
    async def main() -> None:
        async with proxied(fault("latency", {"delay": "1s"})) as line:
            line.proxy.begin(line.timers.now())
            line.timers.pass_s(INJECT_S + 1.0)
            await line.proxy.close()
            assert [each.event for each in line.faults] == ["on", "off"]
            assert line.timers.pending == []

    in_loop(main)


def test_the_end_of_faults_lets_go_of_what_is_held_and_nothing_is_hit_any_more() -> None:
    async def main() -> None:
        async with proxied(fault("blackhole")) as line:
            line.proxy.begin(line.timers.now())
            line.timers.pass_s(INJECT_S + 1.0)
            caller = await line.call()
            await caller.send(get("/held"))
            await line.timers.set_for(59.0, 59.0)
            line.proxy.end()
            upstream = await line.taken()
            await upstream.exactly(get("/held"))
            await upstream.send(OK)
            await caller.exactly(OK)
            await ask(line, caller, upstream, get("/next"))
            assert told(line) == ["blackhole"]
            assert [each.event for each in line.faults] == ["on", "applied", "off"]

    in_loop(main)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("delay", {"delay": "1h", "when": "after"}),
        ("slicer", {"size": 1, "delay": "1h"}),
        ("dribble", {"over": "1h"}),
    ],
)
def test_the_end_of_faults_passes_slow_answers_on_at_once(kind: str, settings: Mapping[str, object]) -> None:
    async def main() -> None:
        async with proxied(fault(kind, settings)) as line:
            line.proxy.begin(line.timers.now())
            line.timers.pass_s(INJECT_S + 1.0)
            caller = await line.call()
            await caller.send(get())
            upstream = await line.taken()
            await upstream.send(OK)
            await line.timers.set_for(400.0 if kind == "dribble" else 3600.0)
            line.proxy.end()
            await caller.exactly(OK)
            assert (await line.record()).status == 200

    in_loop(main)


def test_nothing_is_hit_before_the_load_begins_and_after_the_phase() -> None:
    async def main() -> None:
        async with proxied(fault("reset")) as line:
            caller = await line.call()
            upstream = await ask(line, caller, None, get("/health"))
            line.proxy.begin(line.timers.now())
            await ask(line, caller, upstream, get("/steady"))
            line.timers.pass_s(PHASES.begin_s("recover"))
            await ask(line, caller, upstream, get("/recover"))
            assert told(line) == []

    in_loop(main)


def test_an_applied_fault_is_told_with_its_decision_and_its_request() -> None:
    async def main() -> None:
        async with proxied(fault("status", {"code": 503}, probability=0.999999)) as line:
            line.proxy.begin(line.timers.now())
            line.timers.pass_s(INJECT_S + 1.0)
            caller = await line.call()
            for _ in range(2):
                await caller.send(get("/a", "X-Correlation-ID: one"))
                await caller.until()
            applied = [each for each in line.faults if each.event == "applied"]
            assert [(each.correlation_id, each.attempt, each.occurrence) for each in applied] == [
                ("one", 1, 1),
                ("one", 2, 2),
            ]
            assert all(0 < each.decision < 1 for each in applied)
            assert {(each.name, each.kind, each.proxy) for each in applied} == {("status", "status", "payments")}

    in_loop(main)


@pytest.mark.parametrize(
    ("spec", "closes"),
    [
        (fault("refuse"), True),
        (fault("refuse", probability=0.5), False),
        (fault("refuse", pattern="first_n", schedule={"first_n": 3}), False),
        (fault("reset"), False),
    ],
)
def test_the_port_is_closed_where_every_connection_is_refused(spec: FaultSpec, closes: bool) -> None:
    (only,) = placed(spec).all
    (window,) = only.timeline.windows
    assert only.closes_port(window) is closes
