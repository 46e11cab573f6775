"""A run is asked to end: the first request counts, the second one ends the grace."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tests.support.journeys import Finished, Run, get, pause, scenario, section
from windtunnel.engine.run.shutdown import Shutdown, Stop
from windtunnel.model.load import ClosedLoad
from windtunnel.testing.virtual_clock import run_virtual


def request_at(*moments_s: float, grace_s: float = 10.0) -> Callable[[Shutdown], None]:
    """Ask the run to end at each of some moments."""

    def ask(shutdown: Shutdown) -> None:
        for number, moment_s in enumerate(moments_s):
            stop = Stop(reason=f"request {number}", grace_s=grace_s)
            asyncio.get_running_loop().call_later(moment_s, shutdown.request, stop)

    return ask


def length_s(finished: Finished) -> float:
    times = [record.t for record in finished.records]
    return max(times) - min(times)


def test_a_request_that_comes_before_the_loop_is_waited_for_in_it() -> None:
    shutdown = Shutdown()
    shutdown.request(Stop(reason="early", grace_s=2.0))

    async def main() -> float:
        await shutdown.wait_for_grace()
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == 2.0


def test_the_first_of_two_requests_is_the_cause() -> None:
    shutdown = Shutdown()
    for reason in ("first", "second", "third"):
        shutdown.request(Stop(reason=reason, grace_s=2.0))

    assert shutdown.cause == Stop(reason="first", grace_s=2.0)
    assert shutdown.grace_s == 0.0


def test_running_instances_have_the_grace_after_a_request(run: Run) -> None:
    finished = run(scenario(pause("short", "5s"), pause("long", "1h")), during=request_at(1))

    assert [(step.step, step.outcome) for step in finished.steps] == [("short", "passed"), ("long", "interrupted")]
    assert finished.ending.reason == "request 0"
    assert length_s(finished) == 11


def test_a_second_request_ends_running_instances_at_once(run: Run) -> None:
    finished = run(scenario(pause("long", "1h")), during=request_at(1, 3))

    assert [step.outcome for step in finished.steps] == ["interrupted"]
    assert length_s(finished) == 3


def test_a_request_during_the_graceful_stop_gives_its_own_grace(run: Run) -> None:
    load = ClosedLoad(duration_s=10, graceful_stop_s=60)
    finished = run(scenario(pause("long", "1h")), load=load, during=request_at(20))

    assert length_s(finished) == 30


def test_a_request_during_a_teardown_gives_its_grace(run: Run) -> None:
    journey = scenario(pause("use", "1s"), teardown=section(pause("clean", "1h")))
    finished = run(journey, during=request_at(5))

    assert [step.outcome for step in finished.steps if step.step == "clean"] == ["interrupted"]
    assert length_s(finished) == 15


def test_a_second_request_ends_a_setup_and_its_teardown_at_once(run: Run) -> None:
    journey = scenario(get("use"), setup=section(pause("endless", "1h")), teardown=section(pause("clean", "1h")))
    finished = run(journey, during=request_at(1, 2))

    assert [(step.step, step.outcome) for step in finished.steps] == [
        ("endless", "interrupted"),
        ("clean", "interrupted"),
    ]
    assert length_s(finished) == 2


def test_a_second_request_during_the_teardown_ends_it(run: Run) -> None:
    journey = scenario(get("use"), teardown=section(pause("clean", "1h")))
    finished = run(journey, during=request_at(1, 5))

    assert [(step.step, step.outcome) for step in finished.steps][-1] == ("clean", "interrupted")
    assert length_s(finished) == 5
