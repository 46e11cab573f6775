"""`vus` and `vus_max`: the same figures at every run of a plan that fixes them, with any number of processes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from tests.support.journeys import Run, get, pause, scenario
from windtunnel.engine.load.users import Board, UserCount, shared_memory
from windtunnel.engine.run.shutdown import Shutdown, Stop
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.metrics.measure import Gauge, select
from windtunnel.model.load import ClosedLoad, Load, OpenLoad, Segment, Stage
from windtunnel.model.record import Health, Record, RunEnded
from windtunnel.testing.scripted import Answer

PACED = ClosedLoad(parallel=3, duration_s=3, pace_s=0.1)
RAMP = ClosedLoad(stages=tuple(Stage(duration_s=4, target=users, name="s") for users in (4, 4, 0)))


def users_of(records: Sequence[Record]) -> tuple[float | None, float | None, float | None]:
    """(value, avg, max) of `vus`, after a look at `vus_max` and the lines themselves."""
    lines = [record.users for record in records if isinstance(record, Health | RunEnded) and record.users]
    assert lines
    assert min(min(line.now, line.most, line.area_us, line.span_us) for line in lines) >= 0
    aggregate = Aggregate()
    aggregate.write(records)
    vus, most = select(aggregate, "vus"), select(aggregate, "vus_max")
    assert isinstance(vus, Gauge)
    assert isinstance(most, Gauge)
    assert most.value == vus.max
    return vus.value, vus.avg, vus.max


@pytest.mark.parametrize("latency_s", [0.02, 0.3, 1.7])
@pytest.mark.parametrize(
    ("load", "users"),
    [
        (PACED, (3, 3.0, 3)),
        (ClosedLoad(parallel=3, count=7), (3, 3.0, 3)),
        (ClosedLoad(parallel=9, count=4), (4, 4.0, 4)),
        (RAMP, (0, pytest.approx(32 / 12), 4)),
    ],
    ids=["paced", "count", "fewer instances than users", "ramp"],
)
def test_users_of_a_closed_load_are_those_of_its_plan_however_long_an_instance_takes(
    run: Run, load: Load, users: Any, latency_s: float
) -> None:
    finished = run(scenario(get("a")), load=load, answers=lambda _: Answer(latency_s=latency_s))

    assert users_of(finished.records) == users


@pytest.mark.parametrize(
    ("load", "users"),
    [
        (OpenLoad(rate=10, duration_s=3), (10, pytest.approx(26.5 / 3), 11)),
        (OpenLoad(rate=10, count=30), (11, pytest.approx(8.78, abs=0.005), 11)),
        (OpenLoad(rate=10, duration_s=3, max_parallel=4), (4, pytest.approx(4.0, rel=0.1), 4)),
    ],
    ids=["duration", "count", "no free slot"],
)
def test_of_an_open_load_the_instances_in_flight_count(run: Run, load: Load, users: Any) -> None:
    finished = run(scenario(pause("think", "1.05s")), load=load)

    assert users_of(finished.records) == users


def test_loads_beside_and_after_each_other_add_up_at_their_times(run: Run) -> None:
    first = scenario(get("a"), id="first", load=ClosedLoad(parallel=2, duration_s=2))
    later = scenario(pause("b", "70ms"), id="later", load=ClosedLoad(parallel=3, duration_s=2), start_after_s=3.0)

    finished = run(first, later, answers=lambda _: Answer(latency_s=0.05))

    assert users_of(finished.records) == (3, 2.0, 3)


def test_a_run_that_is_stopped_has_the_users_of_that_moment(run: Run) -> None:
    def stop_after_6_s(shutdown: Shutdown) -> None:
        asyncio.get_running_loop().call_later(6, shutdown.request, Stop(reason="enough"))

    finished = run(scenario(pause("think", "500ms")), load=RAMP, during=stop_after_6_s)

    value, avg, most = users_of(finished.records)
    assert (value, most) == (4, 4)
    assert avg == pytest.approx(16 / 6, abs=0.001)


def test_a_run_that_was_killed_has_the_users_of_its_last_whole_second(run: Run) -> None:
    finished = run(scenario(pause("think", "500ms")), load=RAMP)
    seconds = [record for record in finished.records if isinstance(record, Health)]
    until = seconds[5].t

    torn = [record for record in finished.records if record.t <= until and not isinstance(record, RunEnded)]

    value, avg, most = users_of(torn)
    assert (value, most) == (4, 4)
    assert avg == pytest.approx(16 / 6, abs=0.1)


class HandClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.s = 0.0

    def now(self) -> float:
        return self.s

    def unix(self, now: float | None = None) -> float:
        return self.s if now is None else now

    async def sleep(self, seconds: float) -> None:
        self.s += seconds


@pytest.fixture
def memory() -> Iterator[int]:
    """The shared memory of three processes."""
    with shared_memory(3) as descriptor:
        yield descriptor


def counts(clock: HandClock, memory: int, *, machine: int = 0) -> list[UserCount]:
    """Three processes of one machine, of a load that is shared by two machines."""
    made = [
        UserCount(
            clock,
            Segment(number=3 * machine + place, of=6),
            workers=3,
            board=Board(memory, processes=3, place=place),
        )
        for place in range(3)
    ]
    for each in made:
        each.begin(0.0, loads=[0])
    return made


def told(each: UserCount) -> tuple[int, int]:
    """(users of the segment now, the most in all of them) since the last question."""
    users = each.take()
    assert users is not None
    return users.now, users.most


def test_processes_know_the_most_that_were_in_flight_at_the_same_time_and_not_the_sum_of_their_own(
    memory: int,
) -> None:
    one, two, three = counts(HandClock(), memory)

    for each in (one, two, three):
        each.start()
        each.start()
        each.end()
        each.end()
    three.start()
    one.start()
    two.start()

    assert max(told(each)[1] for each in (one, two, three)) == 3
    two.end()
    assert [told(each) for each in (one, two, three)] == [(1, 3), (0, 3), (1, 3)]


def test_every_process_counts_the_users_of_its_machine_from_the_plan(memory: int) -> None:
    one, two, three = counts(HandClock(), memory, machine=1)

    for each in (one, two, three):
        for user in range(11):  # 0 to 2 and 6 to 8 are users of the other machine
            each.enter(0, user, at=0.0)
        each.leave(0, 10, at=1.0)

    assert [told(each) for each in (one, two, three)] == [(2, 5), (1, 5), (1, 5)]
