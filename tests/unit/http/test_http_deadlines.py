from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from windtunnel.http.deadlines import NEVER, Deadlines


class Timer:
    def __init__(self, due: float, call: Callable[[], None]) -> None:
        self.due, self.call, self.cancelled = due, call, False

    def cancel(self) -> None:
        self.cancelled = True


class Loop:
    """A clock and a list of timers, which the test owns."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.timers: list[Timer] = []
        self.fired = 0

    def clock(self) -> float:
        return self.now

    def call_later(self, delay: float, call: Callable[[], None]) -> Timer:
        assert delay >= 0
        self.timers.append(Timer(self.now + delay, call))
        return self.timers[-1]

    def pending(self) -> list[Timer]:
        return [timer for timer in self.timers if not timer.cancelled]

    def run_until(self, moment: float) -> None:
        while True:
            due = [timer for timer in self.pending() if timer.due <= moment]
            if not due:
                break
            timer = min(due, key=lambda timer: timer.due)
            self.timers.remove(timer)
            self.now = max(self.now, timer.due)
            self.fired += 1
            timer.call()
        self.now = moment


class Waiting:
    def __init__(self, loop: Loop, deadline_s: float) -> None:
        self.loop, self.deadline_s, self.slot_s = loop, deadline_s, NEVER
        self.expired: list[tuple[float, float]] = []

    def expire(self, now: float) -> None:
        self.expired.append((self.deadline_s, now))
        self.deadline_s = NEVER


def make() -> tuple[Loop, Deadlines]:
    loop = Loop()
    return loop, Deadlines(clock=loop.clock, call_later=loop.call_later)  # type: ignore[arg-type]  # a Timer will do


@given(st.lists(st.floats(0.0, 60.0), min_size=1, max_size=20))
def test_each_deadline_fires_once_never_early_and_at_most_20_ms_late(delays: list[float]) -> None:
    loop, deadlines = make()
    waiting = [Waiting(loop, loop.now + delay) for delay in delays]
    for one in waiting:
        deadlines.watch(one)
    loop.run_until(loop.now + 61)
    assert [len(one.expired) for one in waiting] == [1] * len(delays)
    for one in waiting:
        deadline, at = one.expired[0]
        assert deadline <= at <= deadline + 0.020


def test_there_is_one_timer_for_all_and_none_when_nothing_is_left() -> None:
    loop, deadlines = make()
    waiting = [Waiting(loop, loop.now + 1 + i / 10) for i in range(50)]
    for one in reversed(waiting):
        deadlines.watch(one)
    assert len(loop.pending()) == 1
    for one in waiting:
        deadlines.forget(one)
    assert loop.pending() == []
    loop.run_until(loop.now + 100)
    assert all(one.expired == [] for one in waiting)


def test_a_deadline_that_moves_costs_a_timer_once_a_timeout_not_once_a_request() -> None:
    loop, deadlines = make()
    one = Waiting(loop, loop.now + 30)
    for _ in range(10_000):  # a request every 6 ms, each answered in time
        one.deadline_s = loop.now + 30
        if one.slot_s > one.deadline_s:
            deadlines.watch(one)
        loop.run_until(loop.now + 0.006)
        one.deadline_s = NEVER
    assert one.expired == []
    assert loop.fired <= 3


def test_an_earlier_deadline_on_the_same_connection_is_kept() -> None:
    loop, deadlines = make()
    one = Waiting(loop, loop.now + 30)
    deadlines.watch(one)
    one.deadline_s = loop.now + 1
    deadlines.watch(one)
    loop.run_until(loop.now + 2)
    assert len(one.expired) == 1


def test_what_waits_for_nothing_leaves_the_wheel_and_the_timer_stops() -> None:
    loop, deadlines = make()
    one = Waiting(loop, loop.now + 1)
    deadlines.watch(one)
    one.deadline_s = NEVER
    loop.run_until(loop.now + 5)
    assert one.expired == []
    assert loop.pending() == []
    assert one.slot_s == NEVER


def test_a_deadline_that_has_passed_already_still_fires() -> None:
    loop, deadlines = make()
    one = Waiting(loop, loop.now - 5)
    deadlines.watch(one)
    loop.run_until(loop.now + 0.02)
    assert len(one.expired) == 1
