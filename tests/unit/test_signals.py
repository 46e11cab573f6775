import os
import signal

import pytest

from windtunnel.signals import Interrupted, Interruptions


def kill(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_only_what_may_be_given_up(number: int):
    done = []
    with Interruptions() as interruptions:
        with pytest.raises(Interrupted) as caught, interruptions.allowed():  # noqa: PT012  what follows must not be
            kill(number)
            done.append("never")
        done.append("written")
    assert (done, caught.value.number) == (["written"], number)


def test_a_signal_that_came_before_stops_it_at_its_beginning():
    done = []
    with Interruptions() as interruptions:
        kill(signal.SIGTERM)
        done.append("written")
        with pytest.raises(Interrupted), interruptions.allowed():
            done.append("never")
    assert done == ["written"]


def test_afterwards_signals_are_what_they_were():
    before = signal.getsignal(signal.SIGINT)
    with Interruptions():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
