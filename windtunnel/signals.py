"""SIGINT, SIGTERM and SIGHUP as requests to end a job early. For the command line and the API alone."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any

from windtunnel.job.interrupts import Interrupted

NUMBERS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""The signals that end a job; Windows has no SIGHUP."""

Handler = Callable[[int, FrameType | None], Any] | int | None


def handle(handler: Handler) -> dict[int, Handler]:
    """Install a handler for all of NUMBERS; return those before. An inherited ignore of SIGHUP (`nohup`) stays.

    Outside of the main thread, where Python allows no handlers, it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {
        number: signal.signal(number, handler)
        for number in NUMBERS
        if number in {signal.SIGINT, signal.SIGTERM} or signal.getsignal(number) is not signal.SIG_IGN
    }


def put_back(handlers: dict[int, Handler]) -> None:
    """Install the handlers that `handle` returned."""
    for number, handler in handlers.items():
        signal.signal(number, signal.SIG_DFL if handler is None else handler)


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Signals that end a job wait inside, also in a process that is forked there."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, NUMBERS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def as_bytes() -> Iterator[int]:
    """A descriptor to read signals from inside, a byte each, also those that `held` holds.

    They are NUMBERS, the end of a child and the stop that a terminal asks for.
    """
    reads, writes = os.pipe()
    for end in (reads, writes):
        os.set_blocking(end, False)
    before_descriptor = signal.set_wakeup_fd(writes, warn_on_full_buffer=False)
    before = handle(_do_nothing)
    for number in (signal.SIGCHLD, signal.SIGTSTP):
        if signal.getsignal(number) is not signal.SIG_IGN or number == signal.SIGCHLD:
            before[number] = signal.signal(number, _do_nothing)
    mask = signal.pthread_sigmask(signal.SIG_UNBLOCK, NUMBERS)
    try:
        yield reads
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        put_back(before)
        signal.set_wakeup_fd(before_descriptor)
        os.close(reads)
        os.close(writes)


def _do_nothing(number: int, frame: FrameType | None) -> None:
    del number, frame


class SignalInterrupts:
    """The `Interrupts` of a job that owns its process.

    | phase of the job | a signal                                                             |
    |------------------|----------------------------------------------------------------------|
    | deferred         | is noted; a second one raises Interrupted                            |
    | allowed          | raises Interrupted                                                   |
    | during_run       | ends the load; a second one takes the grace of running instances away |

    A third signal raises Interrupted where code of the user holds the event loop, which heard of none.

    As a context it is deferred from its beginning to its end, so that no signal falls between two phases.
    With `last`, the handlers stay afterwards: what the job has to say is said, and the process is about to end.
    """

    def __init__(self, *, last: bool = False) -> None:
        self._last = last
        self._noted: int | None = None
        self._allowed = False
        self._pass_on: Callable[[int], None] | None = None
        self._before: list[dict[int, Handler]] = []

    def __enter__(self) -> SignalInterrupts:
        if not self._before:
            self._noted = None
        self._before.append({} if self._before else handle(self._on_signal))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        before = self._before.pop()
        if not self._last:
            put_back(before)

    @contextlib.contextmanager
    def deferred(self) -> Iterator[None]:
        """Note signals; the handlers before come back afterwards."""
        with self:
            yield

    @contextlib.contextmanager
    def allowed(self) -> Iterator[None]:
        """Raise Interrupted at a signal, and for one that was noted before."""
        self._allowed = True
        try:
            if self._noted is not None:
                raise Interrupted(self._noted)
            yield
        finally:
            self._allowed = False

    @contextlib.contextmanager
    def during_run(self, stop: Callable[[str, int], None]) -> Iterator[None]:
        """Pass signals on to the running event loop, also one that was noted before."""
        import asyncio

        loop = asyncio.get_running_loop()
        unheard = 0

        def hear(number: int) -> None:
            nonlocal unheard
            unheard = 0
            stop(f"interrupted by {signal.Signals(number).name}", number)

        def pass_on(number: int) -> None:
            nonlocal unheard
            unheard += 1
            if unheard > 2:
                raise Interrupted(number)
            loop.call_soon_threadsafe(hear, number)

        with self:
            noted, self._noted, self._pass_on = self._noted, None, pass_on
            if noted is not None:
                hear(noted)
            try:
                yield
            finally:
                self._pass_on = None

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self._pass_on is not None:
            self._pass_on(number)
        elif self._allowed or self._noted is not None:
            self._noted = number
            raise Interrupted(number)
        else:
            self._noted = number
