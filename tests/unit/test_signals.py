import asyncio
import os
import signal
from collections.abc import Callable

import pytest

from windtunnel.engine.run.process import run_loop
from windtunnel.job.interrupts import Interrupted
from windtunnel.signals import NUMBERS, SignalInterrupts, put_back


def kill(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_only_what_may_be_given_up(number: int) -> None:
    done = []
    interrupts = SignalInterrupts()
    with interrupts.deferred():
        with pytest.raises(Interrupted) as caught, interrupts.allowed():  # noqa: PT012  what follows must not be
            kill(number)
            done.append("never")
        done.append("written")
    assert (done, caught.value.number) == (["written"], number)


def test_a_signal_that_came_before_stops_it_at_its_beginning() -> None:
    done = []
    interrupts = SignalInterrupts()
    with interrupts.deferred():
        kill(signal.SIGTERM)
        done.append("written")
        with pytest.raises(Interrupted), interrupts.allowed():
            done.append("never")
    assert done == ["written"]


def test_a_signal_of_one_phase_is_not_one_of_the_next() -> None:
    interrupts = SignalInterrupts()
    with interrupts.deferred():
        kill(signal.SIGTERM)
    done = []
    with interrupts.deferred(), interrupts.allowed():
        done.append("written")
    assert done == ["written"]


def test_a_second_signal_stops_what_is_not_given_up_at_the_first() -> None:
    done = []
    with pytest.raises(Interrupted) as caught, SignalInterrupts():  # noqa: PT012  which one raises is the point
        kill(signal.SIGINT)
        done.append("first")
        kill(signal.SIGTERM)
        done.append("second")
    assert (done, caught.value.number) == (["first"], signal.SIGTERM)


@pytest.mark.parametrize("loop", [run_loop, lambda main: asyncio.run(main())], ids=["uvloop", "asyncio"])
def test_a_signal_between_two_phases_is_passed_on_to_the_run(loop: Callable[..., None]) -> None:
    stops: list[tuple[str, int]] = []

    async def load(interrupts: SignalInterrupts) -> None:
        with interrupts.during_run(lambda reason, number: stops.append((reason, number))):
            assert stops == [("interrupted by SIGHUP", signal.SIGHUP)]
            kill(signal.SIGTERM)
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    with SignalInterrupts() as interrupts:
        with interrupts.allowed():
            pass
        kill(signal.SIGHUP)
        loop(lambda: load(interrupts))
        with interrupts.allowed():
            stops.append(("the report", 0))
    assert stops == [
        ("interrupted by SIGHUP", signal.SIGHUP),
        ("interrupted by SIGTERM", signal.SIGTERM),
        ("the report", 0),
    ]


def test_a_third_signal_ends_a_run_whose_loop_hears_none() -> None:
    sent = []

    async def load(interrupts: SignalInterrupts) -> None:
        with interrupts.during_run(lambda reason, number: None):
            for number in range(9):
                sent.append(number)
                kill(signal.SIGINT)

    with pytest.raises(Interrupted), SignalInterrupts() as interrupts:
        run_loop(lambda: load(interrupts))
    assert len(sent) == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_only_an_inherited_ignore_of_hangups_stays(number: int) -> None:
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with SignalInterrupts():
            assert (signal.getsignal(number) is signal.SIG_IGN) == (number == signal.SIGHUP)
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)


def test_the_last_job_of_a_process_leaves_no_moment_in_which_a_signal_is_an_error() -> None:
    before = {number: signal.getsignal(number) for number in NUMBERS}
    try:
        with SignalInterrupts(last=True):
            pass
        kill(signal.SIGINT)
        with pytest.raises(Interrupted):
            kill(signal.SIGTERM)
    finally:
        put_back(before)


def test_afterwards_signals_are_what_they_were() -> None:
    before = signal.getsignal(signal.SIGINT)
    with SignalInterrupts().deferred():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
