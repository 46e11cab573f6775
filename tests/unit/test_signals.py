import os
import signal

import pytest

from windtunnel.job.interrupts import Interrupted
from windtunnel.signals import SignalInterrupts


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


def test_afterwards_signals_are_what_they_were() -> None:
    before = signal.getsignal(signal.SIGINT)
    with SignalInterrupts().deferred():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
