"""SIGINT and SIGTERM as requests to end a job early. For the command line and the API alone."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from windtunnel.job.interrupts import Interrupted

NUMBERS = (signal.SIGINT, signal.SIGTERM)


class SignalInterrupts:
    """The `Interrupts` of a job that owns its process.

    | phase of the job | a signal                                                             |
    |------------------|----------------------------------------------------------------------|
    | deferred         | is noted                                                             |
    | allowed          | raises Interrupted                                                   |
    | during_run       | ends the load; a second one takes the grace of running instances away |

    Outside of the main thread, where Python allows no handlers, it does nothing.
    """

    def __init__(self) -> None:
        self._number: int | None = None
        self._allowed = False

    @contextlib.contextmanager
    def deferred(self) -> Iterator[None]:
        """Note signals; the handlers before come back afterwards."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        self._number = None
        before = {number: signal.signal(number, self._on_signal) for number in NUMBERS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)

    @contextlib.contextmanager
    def allowed(self) -> Iterator[None]:
        """Raise Interrupted at a signal, and for one that was noted before."""
        self._allowed = True
        try:
            if self._number is not None:
                raise Interrupted(self._number)
            yield
        finally:
            self._allowed = False

    @contextlib.contextmanager
    def during_run(self, stop: Callable[[str, int], None]) -> Iterator[None]:
        """Pass signals on to the running event loop, which puts the handlers back when it is closed."""
        import asyncio

        loop = asyncio.get_running_loop()
        for number in NUMBERS if threading.current_thread() is threading.main_thread() else ():
            # Windows has no signal handlers in its loops: Ctrl-C arrives as KeyboardInterrupt there.
            with contextlib.suppress(NotImplementedError):
                loop.add_signal_handler(number, stop, f"interrupted by {number.name}", number)
        yield

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del frame
        self._number = number
        if self._allowed:
            raise Interrupted(number)
