"""How a job is asked to end early: by a signal of its process, or by the code that started it.

A job installs no signal handlers: its caller hands in `SignalInterrupts` (`windtunnel/signals.py`) or another one.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol


class Interrupted(KeyboardInterrupt):
    """The job was asked to end before its load began, or while a report was rendered. `number`: of the signal."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(signal.Signals(number).name)


class Interrupts(Protocol):
    """Requests to end a job early. Owned by one job."""

    def deferred(self) -> AbstractContextManager[None]:
        """Inside, a request is only noted, so that a file that is being written is completed."""

    def allowed(self) -> AbstractContextManager[None]:
        """Inside, within `deferred`, a request raises Interrupted; on entry if one was noted before."""

    def during_run(self, stop: Callable[[str, int], None]) -> AbstractContextManager[None]:
        """Inside, a request calls `stop(reason, signal number)` in the running event loop."""


class NoInterrupts:
    """A job that always runs to its end."""

    def deferred(self) -> AbstractContextManager[None]:
        """Nothing to note."""
        return contextlib.nullcontext()

    def allowed(self) -> AbstractContextManager[None]:
        """Nothing to raise."""
        return contextlib.nullcontext()

    def during_run(self, stop: Callable[[str, int], None]) -> AbstractContextManager[None]:
        """Nothing to pass on."""
        del stop
        return contextlib.nullcontext()


class CallerInterrupts(NoInterrupts):
    """A job that another thread ends early, with `request`. Only the load ends early: its report is written."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requested = False
        self._stop: Callable[[], object] | None = None

    def request(self) -> None:
        """Ask the job to end, from any thread; before its load begins, the load ends at once."""
        with self._lock:
            self._requested = True
            if self._stop is not None:
                self._stop()

    @contextlib.contextmanager
    def during_run(self, stop: Callable[[str, int], None]) -> Iterator[None]:
        """Pass the request on to the loop of the run."""
        import asyncio  # the command line, which needs Interrupted alone, starts without it

        loop = asyncio.get_running_loop()
        with self._lock:
            self._stop = lambda: loop.call_soon_threadsafe(stop, "interrupted by its caller", signal.SIGINT)
            if self._requested:
                self._stop()
        try:
            yield
        finally:
            with self._lock:
                self._stop = None
