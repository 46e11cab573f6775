"""Each fault of a TCP proxy, as both sides of its connections see it; also of those that were open before."""

from __future__ import annotations

import pytest

from tests.support.proxying import INJECT_S, Line, Wire, fault, in_loop, proxied, told
from windtunnel.model.turbulence import FaultSpec


async def pair(line: Line) -> tuple[Wire, Wire]:
    """A connection that was open before the faults, and its end at the upstream. Afterwards the faults are on."""
    line.proxy.begin(line.timers.now())
    caller = await line.call()
    upstream = await line.taken()
    await caller.send(b"hello")
    await upstream.exactly(b"hello")
    line.timers.pass_s(INJECT_S + 1.0)
    return caller, upstream


def test_a_latency_holds_what_comes_from_the_upstream_in_its_order() -> None:
    async def main() -> None:
        async with proxied(fault("latency", {"delay": "2s"}), protocol="tcp") as line:
            caller, upstream = await pair(line)
            await caller.send(b"question")
            await upstream.exactly(b"question")
            await upstream.send(b"answer")
            await line.timers.set_for(2.0)
            line.timers.pass_s(2.0)
            await caller.exactly(b"answer")
            await upstream.send(b"more")
            upstream.half_close()
            await line.timers.set_for(2.0)
            line.timers.pass_s(2.0)
            assert await caller.rest() == b"more"
            caller.close()
            assert await upstream.rest() == b""
            assert (await line.record()).faults == ["latency"]
            assert told(line) == ["latency"], "it is told once of a connection"

    in_loop(main)


def test_a_jitter_is_drawn_anew_for_each_piece() -> None:
    async def main() -> None:
        async with proxied(fault("latency", {"delay": "2s", "jitter": "1s"}), protocol="tcp") as line:
            caller, upstream = await pair(line)
            waited = []
            for _ in range(5):
                await upstream.send(b"x")
                began = line.timers.now()
                await line.timers.set_any()
                due = min(timer.at for timer in line.timers.pending)
                line.timers.pass_s(due - began)
                await caller.exactly(b"x")
                waited.append(due - began)
            assert all(1.0 <= each <= 3.0 for each in waited)
            assert len(set(waited)) == 5

    in_loop(main)


def test_a_blackhole_holds_both_directions_until_it_is_off() -> None:
    async def main() -> None:
        async with proxied(fault("blackhole", length_s=20.0), protocol="tcp") as line:
            caller, upstream = await pair(line)
            await caller.send(b"up")
            await upstream.send(b"down")
            caller.half_close()
            new = await line.call()
            await new.send(b"new")
            other = await line.taken()
            line.timers.pass_s(18.9)
            assert line.records.empty()
            line.timers.pass_s(0.2)
            await upstream.exactly(b"up")
            await caller.exactly(b"down")
            assert await upstream.rest() == b""
            await other.exactly(b"new")

    in_loop(main)


def test_a_reset_ends_open_connections_at_once_and_new_ones_as_they_come() -> None:
    async def main() -> None:
        async with proxied(fault("reset", length_s=20.0), protocol="tcp") as line:
            caller, upstream = await pair(line)
            assert await caller.is_reset()
            assert await upstream.is_reset()
            assert await (await line.call()).is_reset()
            line.timers.pass_s(20.0)
            new = await line.call()
            other = await line.taken()
            while other.reader.at_eof() or other.reader.exception() is not None:
                other = await line.taken()
            await new.send(b"ok")
            await other.exactly(b"ok")

    in_loop(main)


def test_the_first_connections_that_a_fault_is_asked_for_are_hit_whatever_came_before() -> None:
    async def main() -> None:
        spec = fault("reset", pattern="first_n", schedule={"first_n": 2})
        async with proxied(spec, protocol="tcp") as line:
            line.proxy.begin(line.timers.now())
            callers = []
            for _ in range(3):
                callers.append(await line.call())
                await line.taken()
            line.timers.pass_s(INJECT_S + 1.0)
            upstreams = line.upstream_wires
            resets = 0
            for caller, upstream in zip(callers, upstreams, strict=True):
                try:
                    await upstream.send(b"here")
                    await caller.exactly(b"here")
                except (OSError, EOFError, RuntimeError):  # the last one is how uvloop says that it is closed
                    resets += 1
            assert resets == 2
            assert told(line) == ["reset", "reset"]

    in_loop(main)


def test_a_limit_counts_the_bytes_since_it_was_on() -> None:
    async def main() -> None:
        async with proxied(fault("limit_bytes", {"bytes": 5}), protocol="tcp") as line:
            line.proxy.begin(line.timers.now())
            caller = await line.call()
            upstream = await line.taken()
            await upstream.send(b"before")
            await caller.exactly(b"before")
            line.timers.pass_s(INJECT_S + 1.0)
            await upstream.send(b"123")
            await caller.exactly(b"123")
            assert told(line) == []
            await upstream.send(b"4567")
            assert await caller.rest() == b"45"
            assert await upstream.rest() == b""
            assert told(line) == ["limit_bytes"]

    in_loop(main)


def test_a_half_close_ends_one_direction() -> None:
    async def main() -> None:
        async with proxied(fault("half_close"), protocol="tcp") as line:
            caller, upstream = await pair(line)
            assert await caller.rest() == b""
            await upstream.send(b"dropped")
            await caller.send(b"still passes")
            await upstream.exactly(b"still passes")

    in_loop(main)


@pytest.mark.parametrize(
    ("spec", "first", "wait_s"),
    [
        (fault("slicer", {"size": 4, "delay": "1s"}), 4, 1.0),
        (fault("bandwidth", {"rate": "80B/s"}), 4, 0.05),
    ],
)
def test_what_comes_from_the_upstream_passes_slowly(spec: FaultSpec, first: int, wait_s: float) -> None:
    async def main() -> None:
        async with proxied(spec, protocol="tcp") as line:
            caller, upstream = await pair(line)
            await upstream.send(b"0123456789")
            for begin in range(0, 10, first):
                await caller.exactly(b"0123456789"[begin : begin + first])
                if begin + first < 10:
                    await line.timers.set_for(wait_s)
                    line.timers.pass_s(wait_s)

    in_loop(main)


def test_what_comes_faster_than_it_may_pass_is_not_read() -> None:
    async def main() -> None:
        async with proxied(fault("bandwidth", {"rate": "1B/s"}), protocol="tcp") as line:
            _, upstream = await pair(line)
            upstream.writer.transport.set_write_buffer_limits(high=0)
            upstream.writer.write(b"x" * 50_000_000)
            await line.timers.set_for(1.0)
            line.timers.pass_s(5.0)
            assert upstream.writer.transport.get_write_buffer_size() > 30_000_000

    in_loop(main)
