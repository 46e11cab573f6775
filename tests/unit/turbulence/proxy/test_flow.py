"""Bytes that are held or slowed come out in their order, none before its time, and the source waits for room."""

from __future__ import annotations

import asyncio
from itertools import accumulate, pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.support.proxying import Timers
from windtunnel.turbulence.proxy.flow import MOST_HELD, Flow


class Sink:
    """Takes what comes out, with its time."""

    def __init__(self) -> None:
        self.timers = Timers()
        self.began = self.timers.now()
        self.pieces: list[tuple[float, bytes]] = []
        self.told: list[str] = []
        self.flow = Flow(
            clock=self.timers,
            later=self.timers.later,
            send=lambda data: self.pieces.append((self.timers.now() - self.began, data)),
            full=lambda: self.told.append("full"),
            room=lambda: self.told.append("room"),
        )

    @property
    def data(self) -> bytes:
        return b"".join(data for _, data in self.pieces)


def in_a_loop(test: object) -> None:
    async def main() -> None:
        assert callable(test)
        test()

    asyncio.run(main())


@given(
    st.lists(
        st.tuples(st.binary(min_size=1, max_size=50), st.floats(0, 2), st.floats(0, 2)), min_size=1, max_size=10
    ),
    st.integers(0, 20),
    st.floats(0, 0.5),
)
def test_bytes_keep_their_order_and_none_comes_before_its_time(
    puts: list[tuple[bytes, float, float]], piece: int, gap_s: float
) -> None:
    def test() -> None:
        sink = Sink()
        sink.flow.pace(piece=piece, gap_s=gap_s)
        due: list[float] = []
        for data, delay_s, after_s in puts:
            due += [sink.timers.now() - sink.began + delay_s] * len(data)
            sink.flow.put(data, delay_s=delay_s)
            sink.timers.pass_s(after_s)
        ended: list[float] = []
        sink.flow.end(lambda: ended.append(sink.timers.now()))
        sink.timers.pass_s(1000.0)
        assert sink.data == b"".join(data for data, _, _ in puts)
        assert len(ended) == 1
        at = 0
        for came_s, data in sink.pieces:
            assert all(came_s >= due[at + n] - 0.001 for n in range(len(data)))
            assert not piece or len(data) <= piece
            at += len(data)
        times = [came_s for came_s, _ in sink.pieces]
        assert all(later - earlier >= gap_s - 0.001 for earlier, later in pairwise(times))

    in_a_loop(test)


@given(st.integers(1, 100_000), st.lists(st.integers(1, 5_000), min_size=1, max_size=5))
def test_a_rate_is_held(rate: int, sizes: list[int]) -> None:
    def test() -> None:
        sink = Sink()
        sink.flow.pace(rate=rate)
        for size in sizes:
            sink.flow.put(b"x" * size)
        sink.timers.pass_s(sum(sizes) / rate + 1.0)
        assert len(sink.data) == sum(sizes)
        for (came_s, _), before in zip(
            sink.pieces[1:], accumulate(len(data) for _, data in sink.pieces), strict=False
        ):
            assert abs(came_s - before / rate) < 0.01 + 0.001 * len(sink.pieces)

    in_a_loop(test)


def test_the_source_waits_while_much_is_held() -> None:
    def test() -> None:
        sink = Sink()
        sink.flow.put(b"x" * MOST_HELD, delay_s=1.0)
        assert sink.told == []
        sink.flow.put(b"x")
        assert sink.told == ["full"]
        sink.timers.pass_s(1.0)
        assert sink.told == ["full", "room"]
        assert len(sink.data) == MOST_HELD + 1

    in_a_loop(test)


def test_nothing_comes_while_the_other_side_takes_nothing_and_after_it_is_dropped() -> None:
    def test() -> None:
        sink = Sink()
        sink.flow.block()
        sink.flow.put(b"one")
        assert sink.data == b""
        sink.flow.unblock()
        assert sink.data == b"one"
        sink.flow.put(b"two", delay_s=1.0)
        sink.flow.drop()
        sink.flow.put(b"three")
        sink.timers.pass_s(2.0)
        assert sink.data == b"one"
        assert sink.timers.pending == []

    in_a_loop(test)
