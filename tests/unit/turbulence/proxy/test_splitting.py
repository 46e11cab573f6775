"""However messages are cut on their way, what comes out of a proxy is what went in."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.proxying import PHASES, Timers, in_loop, proxied
from windtunnel.model.record import ProxiedRecord, Record
from windtunnel.turbulence.proxy.bodies import MalformedBodyError, body_reader
from windtunnel.turbulence.proxy.caller import Caller
from windtunnel.turbulence.proxy.heads import CHUNKED, Names, Refusal, RequestHead, read_request
from windtunnel.turbulence.proxy.placed import PlacedFaults
from windtunnel.turbulence.proxy.traffic import Traffic
from windtunnel.turbulence.proxy.upstream import Downstream, Upstream

NAMES = Names(own=b":4000", upstream=b"payments:9000")


class Pipe(asyncio.Transport):
    """A transport in memory: what is written is kept, what is to be read is handed over piece by piece."""

    def __init__(self, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self.protocol, self.written = protocol, b""
        self._pieces: list[bytes] = []
        self._paused = self._closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def deliver(self, pieces: Sequence[bytes]) -> None:
        self._pieces += pieces
        while self._pieces and not self._paused and not self._closing:
            self.protocol.data_received(self._pieces.pop(0))

    def pause_reading(self) -> None:
        self._paused = True

    def resume_reading(self) -> None:
        self._paused = False
        asyncio.get_running_loop().call_soon(self.deliver, ())

    def is_reading(self) -> bool:
        return not self._paused

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    abort = close

    def can_write_eof(self) -> bool:
        return False

    def get_extra_info(self, name: str, default: object = None) -> object:
        return default


class Bench:
    """A connection of a caller and the one to its upstream, in memory."""

    def __init__(self) -> None:
        self.records: list[ProxiedRecord] = []
        faults = PlacedFaults((), PHASES, seed=1, proxy="payments", protocol="http")
        timers = Timers()
        self.traffic = Traffic(name="payments", faults=faults, clock=timers, write=self._write, later=timers.later)
        self.traffic.names = NAMES
        self.upstream: Pipe | None = None
        caller = Caller(self.traffic, dial=self._dial, on_gone=lambda _: None)
        self.caller = Pipe(caller)
        caller.connection_made(self.caller)

    def has_passed_up(self, count: int) -> bool:
        return self.upstream is not None and len(self.upstream.written) >= count

    def _write(self, record: Record) -> None:
        assert isinstance(record, ProxiedRecord)
        self.records.append(record)

    def _dial(self, downstream: Downstream) -> Upstream:
        upstream = Upstream(downstream, lambda _: None)
        pipe = self.upstream = Pipe(upstream)
        asyncio.get_running_loop().call_soon(upstream.connection_made, pipe)
        return upstream


async def until(condition: Callable[[], bool]) -> None:
    """Let the event loop turn until something is so; every turn does all there is to do."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it does not come")


def chunked(body: bytes, cuts: Sequence[int], extension: bytes, trailers: bytes) -> bytes:
    wire, begin = b"", 0
    for cut in (*cuts, len(body)):
        piece = body[begin:cut]
        if piece:
            wire += b"%X%s\r\n%s\r\n" % (len(piece), extension, piece)
        begin = max(begin, cut)
    return wire + b"0\r\n" + trailers + b"\r\n"


BODIES = st.binary(max_size=60)
FIELDS = st.sampled_from(
    [b"", b"X-Odd: \xe4\t\xff\r\n", b"Cookie: a=b; c=d\r\nCookie: e=f\r\n", b"content-lengthy: 9\r\n"]
)


@st.composite
def framed(draw: st.DrawFn) -> bytes:
    """Fields that frame a body, the end of the head, and the body."""
    body, fields = draw(BODIES), draw(FIELDS)
    if draw(st.booleans()):
        return fields + b"Content-Length:  %d \r\n\r\n" % len(body) + body
    cuts = sorted(draw(st.lists(st.integers(1, 60), max_size=3)))
    extension = draw(st.sampled_from([b"", b";a=b", b' ; q="x"']))
    trailers = draw(st.sampled_from([b"", b"X-Sum: 1\r\n", b"A: \r\nB: c\r\n"]))
    return fields + b"Transfer-Encoding: Chunked\r\n\r\n" + chunked(body, cuts, extension, trailers)


REQUESTS = st.one_of(
    framed().map(lambda rest: b"POST /a?b=c HTTP/1.1\r\nHost: shop\r\n" + rest),
    FIELDS.map(lambda fields: b"GET * HTTP/1.1\r\nHost: shop\r\n" + fields + b"\r\n"),
)
RESPONSES = st.tuples(
    st.sampled_from([b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"]),
    st.one_of(
        framed().map(lambda rest: b"HTTP/1.1 200 OK\r\n" + rest),
        framed().map(lambda rest: b"HTTP/1.1 404\r\nServer: x\r\n" + rest),
        FIELDS.map(lambda fields: b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n" + fields + b"\r\n"),
    ),
).map(b"".join)


def pieces_of(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    places = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    return [data[begin:end] for begin, end in pairwise(places)]


CUTS = st.lists(st.integers(0, 10_000), max_size=8)


@given(st.lists(st.tuples(REQUESTS, RESPONSES, CUTS), min_size=1, max_size=4), CUTS)
@settings(deadline=None, max_examples=200)
def test_messages_cut_anywhere_come_out_whole(
    messages: list[tuple[bytes, bytes, list[int]]], cuts: list[int]
) -> None:
    async def main() -> None:
        bench = Bench()
        bench.caller.deliver(pieces_of(b"".join(request for request, _, _ in messages), cuts))
        requests = responses = b""
        for request, response, cut in messages:
            requests += request
            await until(partial(bench.has_passed_up, len(requests)))
            assert bench.upstream is not None
            assert bench.upstream.written == requests, "a request follows before the last one is answered"
            responses += response
            bench.upstream.deliver(pieces_of(response, cut))
            assert bench.caller.written == responses
        await until(lambda: len(bench.records) == len(messages))
        assert sum(record.bytes_up for record in bench.records) == len(requests)
        assert sum(record.bytes_down for record in bench.records) == len(responses)
        assert {record.error for record in bench.records} == {""}

    asyncio.run(main())


def test_a_side_is_read_no_faster_than_the_other_takes() -> None:
    async def main() -> None:
        bench = Bench()
        bench.caller.deliver([b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n", b"x" * 1000])
        assert not bench.caller.is_reading(), "the upstream is not connected yet"
        await until(bench.caller.is_reading)
        assert bench.upstream is not None
        for side, other in ((bench.upstream, bench.caller), (bench.caller, bench.upstream)):
            side.protocol.pause_writing()
            assert not other.is_reading()
            side.protocol.resume_writing()
            assert other.is_reading()

    asyncio.run(main())


@pytest.mark.slow
def test_a_gigabyte_passes_each_way_in_little_memory() -> None:
    block, blocks = b"x" * 1_000_000, 1000

    async def main() -> None:
        async with proxied() as line:
            caller = await line.call()
            head = b"Content-Length: %d\r\n\r\n" % (len(block) * blocks)
            await caller.send(b"PUT / HTTP/1.1\r\nHost: a\r\n" + head)
            upstream = await line.taken()
            await upstream.until()
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            for sender, receiver in ((caller, upstream), (upstream, caller)):
                if sender is upstream:
                    await upstream.send(b"HTTP/1.1 200 OK\r\n" + head)
                    await caller.until()
                for _ in range(blocks):
                    await asyncio.gather(sender.send(block), receiver.read(len(block)))
            record = await line.record()
            assert record.bytes_up > len(block) * blocks
            assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB

    in_loop(main, patience_s=100.0)


@given(st.binary(max_size=200), CUTS)
@settings(deadline=None, max_examples=300)
def test_bytes_of_any_kind_crash_nothing_and_reach_the_upstream_only_as_requests(
    data: bytes, cuts: list[int]
) -> None:
    async def main() -> None:
        bench = Bench()
        bench.caller.deliver(pieces_of(data, cuts))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        sent = bench.upstream.written if bench.upstream is not None else b""
        assert sent == b"" or b" HTTP/1." in sent

    asyncio.run(main())


@given(st.binary(max_size=200), CUTS)
@settings(deadline=None, max_examples=300)
def test_answers_of_any_kind_crash_nothing_and_reach_the_caller(data: bytes, cuts: list[int]) -> None:
    async def main() -> None:
        bench = Bench()
        bench.caller.deliver([b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"])
        await until(lambda: bench.upstream is not None and bool(bench.upstream.written))
        assert bench.upstream is not None
        bench.upstream.deliver(pieces_of(data, cuts))
        bench.upstream.protocol.eof_received()
        assert bench.caller.written == data
        assert bench.caller.is_closing()
        assert len(bench.records) == 1

    asyncio.run(main())


@given(framed().filter(lambda rest: b"hunked" in rest), st.integers(0, 200), st.binary(min_size=1, max_size=2))
def test_a_chunked_body_is_strict_or_ends_where_the_lenient_reader_says(
    rest: bytes, at: int, change: bytes
) -> None:
    """Where both readers accept a body, they must agree on its end: else it could smuggle a request."""
    body = rest.partition(b"\r\n\r\n")[2]
    changed = body[: at % len(body)] + change + body[at % len(body) + 1 :]
    ends = []
    for strict in (True, False):
        reader = body_reader(CHUNKED, strict=strict)
        try:
            end = reader.feed(changed, 0)
        except MalformedBodyError:
            return
        ends.append((reader.ended, end))
    assert ends[0] == ends[1]


@given(st.binary(max_size=120))
def test_a_head_is_read_or_refused(data: bytes) -> None:
    assert isinstance(read_request(data + b"\r\n\r\n", NAMES), RequestHead | Refusal)
