"""Each fault of an HTTP proxy, as its caller and its upstream see it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support import ROOT
from tests.support.proxying import INJECT_S, OK, Line, Wire, fault, get, in_loop, post, proxied, told
from windtunnel.model.turbulence import FaultTarget
from windtunnel.turbulence.proxy.faults.table import PROXY_FAULTS
from windtunnel.turbulence.settings import Settings


async def in_the_middle(line: Line) -> Wire:
    """A caller, while the faults are on."""
    line.proxy.begin(line.timers.now())
    line.timers.pass_s(INJECT_S + 1.0)
    return await line.call()


@pytest.mark.parametrize(
    ("kind", "settings"),
    [("latency", {"delay": "2s"}), ("delay", {"delay": "2s"}), ("delay", {"delay": "2s", "when": "before"})],
)
def test_a_delay_sends_the_request_on_later(kind: str, settings: Mapping[str, Any]) -> None:
    async def main() -> None:
        async with proxied(fault(kind, settings)) as line:
            caller = await in_the_middle(line)
            await caller.send(post("/charge", b"12"))
            await line.timers.set_for(2.0)
            assert line.upstreams.empty()
            line.timers.pass_s(2.0)
            upstream = await line.taken()
            await upstream.exactly(post("/charge", b"12"))
            await upstream.send(OK)
            await caller.exactly(OK)
            record = await line.record()
            assert (record.duration_us, record.status, record.faults) == (2_000_000, 200, [kind])
            assert [each.delay_us for each in line.faults if each.event == "applied"] == [2_000_000]

    in_loop(main)


def test_a_delay_after_holds_the_answer() -> None:
    async def main() -> None:
        async with proxied(fault("delay", {"delay": "2s", "when": "after"})) as line:
            caller = await in_the_middle(line)
            await caller.send(get())
            upstream = await line.taken()
            await upstream.until()
            await upstream.send(OK[:-1])
            await line.timers.set_for(2.0)
            await upstream.send(OK[-1:])
            line.timers.pass_s(2.0)
            await caller.exactly(OK)
            assert (await line.record()).duration_us == 2_000_000

    in_loop(main)


def test_delays_add_and_the_first_final_fault_is_the_last() -> None:
    async def main() -> None:
        faults = (
            fault("latency", {"delay": "1s"}),
            fault("delay", {"delay": "2s"}),
            fault("status", {"code": 503, "body": "no", "headers": {"Retry-After": 1}}),
            fault("reset"),
        )
        async with proxied(*faults) as line:
            caller = await in_the_middle(line)
            await caller.send(post("/1", b"one"))
            await line.timers.set_for(3.0)
            line.timers.pass_s(3.0)
            answer = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 2\r\n\r\nno"
            await caller.exactly(answer)
            await caller.send(get("/2").replace(b"GET", b"HEAD"))
            await line.timers.set_for(3.0)
            line.timers.pass_s(3.0)
            await caller.exactly(answer[:-2])
            assert line.upstreams.empty()
            records = [await line.record(), await line.record()]
            assert [(each.status, each.upstream_status) for each in records] == [(503, 0), (503, 0)]
            assert records[0].faults == ["latency", "delay", "status"]
            assert told(line) == ["latency", "delay", "status"] * 2

    in_loop(main)


@pytest.mark.parametrize(
    ("kind", "is_reset", "begin"),
    [
        ("empty", False, b""),
        ("malformed", False, b"HTTP/1.1 200 OK\r\n"),
        ("garbage", False, b"\x00"),
        ("reset", True, b""),
    ],
)
def test_a_request_is_not_sent_on_and_the_connection_ends(kind: str, is_reset: bool, begin: bytes) -> None:
    async def main() -> None:
        async with proxied(fault(kind)) as line:
            caller = await in_the_middle(line)
            await caller.send(get())
            if is_reset:
                assert await caller.is_reset()
            else:
                answer = await caller.rest()
                assert answer.startswith(begin)
                assert bool(answer) == bool(begin)
            assert line.upstreams.empty()
            assert (await line.record()).faults == [kind]
            assert told(line) == [kind]

    in_loop(main)


def test_a_body_that_comes_after_the_answer_is_dropped_and_the_connection_goes_on() -> None:
    async def main() -> None:
        async with proxied(
            fault("status", {"code": 500}, on=FaultTarget(proxy="payments", method="post"))
        ) as line:
            caller = await in_the_middle(line)
            await caller.send(post("/1", b"0123456789")[:-5])
            await caller.exactly(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")
            await caller.send(b"56789" + get("/2"))
            upstream = await line.taken()
            await upstream.exactly(get("/2"))

    in_loop(main)


def test_a_caller_that_waits_for_100_gets_the_answer_and_the_end() -> None:
    async def main() -> None:
        async with proxied(fault("status", {"code": 500})) as line:
            caller = await in_the_middle(line)
            await caller.send(post("/1", b"body", "Expect: 100-continue")[:-4])
            assert (await caller.rest()).startswith(b"HTTP/1.1 500")

    in_loop(main)


def test_a_blackhole_holds_requests_until_it_is_off() -> None:
    async def main() -> None:
        async with proxied(fault("blackhole", length_s=20.0)) as line:
            caller = await in_the_middle(line)
            await caller.send(get("/held"))
            await line.timers.set_for(19.0, 19.0)
            line.timers.pass_s(18.0)
            assert line.upstreams.empty()
            line.timers.pass_s(1.0)
            upstream = await line.taken()
            await upstream.exactly(get("/held"))

    in_loop(main)


def test_what_left_its_caller_before_a_delay_arrives_though_the_caller_is_gone() -> None:
    async def main() -> None:
        async with proxied(fault("latency", {"delay": "2s"})) as line:
            caller = await in_the_middle(line)
            await caller.send(post("/charge", b"12"))
            await line.timers.set_for(2.0)
            caller.reset()
            await (await line.call()).send(get("/after"))
            await line.timers.set_for(2.0, 2.0)
            line.timers.pass_s(2.0)
            upstreams = [await line.taken(), await line.taken()]
            requests = [await upstream.until() for upstream in upstreams]
            upstream = upstreams[0 if requests[0].startswith(b"POST") else 1]
            await upstream.exactly(b"12")
            await upstream.send(OK)
            record = await line.record()
            assert (record.status, record.upstream_status, record.error) == (0, 200, "caller_gone")

    in_loop(main)


def test_what_a_blackhole_holds_is_lost_with_its_caller() -> None:
    async def main() -> None:
        async with proxied(fault("blackhole")) as line:
            caller = await in_the_middle(line)
            await caller.send(get())
            await line.timers.set_for(59.0, 59.0)
            caller.reset()
            assert (await line.record()).error == "caller_gone"
            assert line.upstreams.empty()

    in_loop(main)


def test_a_bandwidth_passes_the_answer_on_at_its_rate() -> None:
    async def main() -> None:
        async with proxied(fault("bandwidth", {"rate": "1000B/s"})) as line:
            caller = await in_the_middle(line)
            await caller.send(get())
            upstream = await line.taken()
            await upstream.until()
            answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1959\r\n\r\n" + b"x" * 1959
            assert len(answer) == 2000
            await upstream.send(answer)
            await line.timers.set_for(0.041)  # the head came first, and takes as long as it is
            line.timers.pass_s(1.0)
            got = await caller.read(1041)
            assert line.records.empty()
            line.timers.pass_s(1.0)
            assert got + await caller.read(959) == answer
            assert (await line.record()).bytes_down == 2000

    in_loop(main)


def test_an_answer_is_slow_no_longer_than_its_fault_is_on() -> None:
    async def main() -> None:
        async with proxied(fault("slicer", {"size": 1, "delay": "30s"}, length_s=20.0)) as line:
            caller = await in_the_middle(line)
            await caller.send(get())
            upstream = await line.taken()
            await upstream.send(OK)
            await caller.exactly(OK[:1])
            await line.timers.set_for(30.0)
            line.timers.pass_s(19.0)
            await caller.exactly(OK[1:])

    in_loop(main)


def test_an_upstream_that_ends_its_connection_while_a_request_is_held_gets_it_over_another() -> None:
    async def main() -> None:
        async with proxied(fault("latency", {"delay": "20s"})) as line:
            line.proxy.begin(line.timers.now())
            caller = await line.call()
            await caller.send(get("/1"))
            upstream = await line.taken()
            await upstream.exactly(get("/1"))
            await upstream.send(OK)
            await caller.exactly(OK)
            line.timers.pass_s(INJECT_S + 1.0)
            await caller.send(get("/2"))
            await line.timers.set_for(20.0)
            upstream.half_close()
            assert await upstream.rest() == b""
            line.timers.pass_s(20.0)
            await (await line.taken()).exactly(get("/2"))

    in_loop(main)


def test_a_slicer_cuts_the_answer_into_pieces() -> None:
    async def main() -> None:
        async with proxied(fault("slicer", {"size": 10, "delay": "1s"})) as line:
            caller = await in_the_middle(line)
            await caller.send(get())
            upstream = await line.taken()
            await upstream.send(OK)
            await caller.exactly(OK[:10])
            for begin in range(10, len(OK), 10):
                await line.timers.set_for(1.0)
                line.timers.pass_s(1.0)
                await caller.exactly(OK[begin : begin + 10])

    in_loop(main)


def test_a_dribble_ends_with_its_time() -> None:
    async def main() -> None:
        async with proxied(fault("dribble", {"chunks": 3, "over": "10s"})) as line:
            caller = await in_the_middle(line)
            await caller.send(get())
            upstream = await line.taken()
            await upstream.send(OK)
            piece = -(-len(OK) // 3)
            await caller.exactly(OK[:piece])
            await line.timers.set_for(5.0)
            line.timers.pass_s(5.0)
            await caller.exactly(OK[piece : 2 * piece])
            line.timers.pass_s(4.9)
            assert line.records.empty()
            line.timers.pass_s(0.1)
            await caller.exactly(OK[2 * piece :])
            assert (await line.record()).duration_us == 10_000_000

    in_loop(main)


BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789"
HEAD = len(BODY) - 10


@pytest.mark.parametrize(
    ("kind", "settings", "passed"),
    [
        ("truncate", {}, HEAD + 5),
        ("truncate", {"after": "30%"}, HEAD + 3),
        ("truncate", {"after": 9}, HEAD + 9),
        ("limit_bytes", {"bytes": 12}, 12),
        ("limit_bytes", {"bytes": HEAD + 1}, HEAD + 1),
    ],
)
def test_an_answer_is_cut(kind: str, settings: Mapping[str, Any], passed: int) -> None:
    async def main() -> None:
        async with proxied(fault(kind, settings)) as line:
            caller = await in_the_middle(line)
            await caller.send(get())
            upstream = await line.taken()
            await upstream.send(BODY)
            assert await caller.rest() == BODY[:passed]
            assert (await line.record()).bytes_down == passed
            assert told(line) == [kind]

    in_loop(main)


@pytest.mark.parametrize(("kind", "settings"), [("truncate", {"after": "1KiB"}), ("limit_bytes", {"bytes": 1000})])
def test_an_answer_that_ends_before_the_cut_is_whole_and_the_fault_missed(
    kind: str, settings: Mapping[str, Any]
) -> None:
    async def main() -> None:
        async with proxied(fault(kind, settings)) as line:
            caller = await in_the_middle(line)
            await caller.send(get("/1"))
            upstream = await line.taken()
            await upstream.until()
            await upstream.send(BODY)
            await caller.exactly(BODY)
            assert (await line.record()).faults == []
            assert (told(line), told(line, "missed")) == ([], [kind])
            await caller.send(get("/2"))
            await upstream.exactly(get("/2"))

    in_loop(main)


def test_a_body_of_unknown_length_is_cut_in_what_comes_first() -> None:
    async def main() -> None:
        async with proxied(fault("truncate")) as line:
            caller = await in_the_middle(line)
            await caller.send(get())
            upstream = await line.taken()
            head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            await upstream.send(head + b"4\r\nwhole\r\n0\r\n\r\n"[:9])
            assert await caller.rest() == head + b"4\r\n" + b"w"

    in_loop(main)


def test_a_lost_response_was_answered_by_the_upstream() -> None:
    async def main() -> None:
        async with proxied(fault("lose_response")) as line:
            caller = await in_the_middle(line)
            await caller.send(post("/charge", b"12"))
            upstream = await line.taken()
            await upstream.exactly(post("/charge", b"12"))
            await upstream.send(OK)
            assert await caller.is_reset()
            record = await line.record()
            assert (record.status, record.upstream_status, record.bytes_down) == (0, 200, 0)
            assert told(line) == ["lose_response"]

    in_loop(main)


def test_a_response_that_never_came_was_not_lost() -> None:
    async def main() -> None:
        async with proxied(fault("lose_response")) as line:
            caller = await in_the_middle(line)
            await caller.send(get())
            upstream = await line.taken()
            await upstream.until()
            upstream.close()
            assert await caller.rest() == b""
            assert (told(line), told(line, "missed")) == ([], ["lose_response"])

    in_loop(main)


def test_a_half_closed_caller_gets_the_end_for_an_answer() -> None:
    async def main() -> None:
        async with proxied(fault("half_close")) as line:
            caller = await in_the_middle(line)
            await caller.send(get())
            upstream = await line.taken()
            await upstream.until()
            await upstream.send(OK)
            assert await caller.rest() == b""
            record = await line.record()
            assert (record.status, record.upstream_status, record.faults) == (0, 200, ["half_close"])

    in_loop(main)


def test_a_duplicate_reaches_the_upstream_twice_and_the_first_answer_counts() -> None:
    async def main() -> None:
        async with proxied(fault("duplicate")) as line:
            caller = await in_the_middle(line)
            whole = post("/charge", b"0123456789")
            await caller.send(whole[:-5])
            first = await line.taken()
            await first.exactly(whole[:-5])
            assert line.upstreams.empty()
            await caller.send(whole[-5:])
            await first.exactly(whole[-5:])
            second = await line.taken()
            await second.exactly(whole)
            await second.send(b"HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n")
            assert await second.rest() == b""
            await first.send(OK)
            await caller.exactly(OK)
            record = await line.record()
            assert (record.status, record.faults) == (200, ["duplicate"])

    in_loop(main)


def test_a_port_that_refuses_is_closed_and_open_again_afterwards() -> None:
    async def main() -> None:
        async with proxied(fault("refuse", length_s=10.0)) as line:
            line.proxy.begin(line.timers.now())
            kept = await line.call()
            line.timers.pass_s(INJECT_S + 1.0)
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(line.proxy.host, line.proxy.port)
            await kept.send(get())
            await (await line.taken()).exactly(get())
            assert told(line) == ["refuse"]
            line.timers.pass_s(10.0)
            caller = await line.call()
            await caller.send(get())
            await (await line.taken()).exactly(get())

    in_loop(main)


def test_a_connection_that_is_refused_among_others_is_reset() -> None:
    async def main() -> None:
        async with proxied(fault("refuse", pattern="every_nth", schedule={"every_nth": 2})) as line:
            first = await in_the_middle(line)
            await first.send(get())
            await (await line.taken()).exactly(get())
            with pytest.raises(ConnectionResetError):
                await (await line.call()).rest()
            assert told(line) == ["refuse"]

    in_loop(main)


def test_a_later_fault_that_answers_keeps_earlier_ones_from_what_they_do_to_an_answer() -> None:
    async def main() -> None:
        async with proxied(fault("bandwidth", {"rate": "1B/s"}), fault("status", {"code": 503})) as line:
            caller = await in_the_middle(line)
            await caller.send(get())
            assert b" 503 " in await caller.until()
            missed = [each.detail for each in line.faults if each.event == "missed"]
            assert missed == ["a later fault answered in place of the upstream"]

    in_loop(main)


SCHEMAS = json.loads((ROOT / "schemas" / "plan.schema.json").read_text())["$defs"]
COMMON = {"name", "type", "on", "probability", "schedule"}


@pytest.mark.parametrize("name", PROXY_FAULTS)
def test_the_schema_of_a_plan_knows_the_keys_of_a_fault(name: str) -> None:
    schema, kind = SCHEMAS[f"proxy_{name}"], PROXY_FAULTS[name]
    assert set(schema["properties"]) - COMMON == set(kind.keys)
    assert schema.get("x-protocol") == ("http" if kind.protocols == ("http",) else None)
    assert kind.main in ("", *kind.keys)


def test_a_fault_says_in_words_what_happens_to_requests() -> None:
    settings: dict[str, dict[str, Any]] = {
        "latency": {"delay": "800ms", "jitter": "50ms"},
        "delay": {"delay": "1s", "when": "after"},
        "bandwidth": {"rate": "10KiB/s"},
        "slicer": {"size": "1KiB", "delay": "5ms"},
        "dribble": {"over": "5s"},
        "limit_bytes": {"bytes": 100},
        "status": {"code": 503},
    }
    words = {name: kind.compile(Settings(settings.get(name, {}))).words for name, kind in PROXY_FAULTS.items()}
    assert words["latency"] == "wait 800 ms ± 50 ms longer"
    assert words["delay"] == "wait 1 s longer for their answer"
    assert words["bandwidth"] == "get their answer at 10 KiB/s"
    assert words["slicer"] == "get their answer in pieces of 1 KiB, 5 ms apart"
    assert words["dribble"] == "get their answer in 10 pieces over 5 s"
    assert words["truncate"] == "are closed after 50% of the body of the answer"
    assert words["limit_bytes"] == "are closed after 100 B of the answer"
    assert words["status"] == "are answered 503 and not sent on"
    assert len(set(words.values())) == len(PROXY_FAULTS)
