"""What becomes of SIGINT and SIGTERM outside of a run; while it runs, its event loop takes them."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any


class Interrupted(KeyboardInterrupt):
    """A signal asked to end. `number` is the signal's."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(signal.Signals(number).name)


class Interruptions:
    """While entered, a signal is only noted, so that what is being written becomes whole.

    Inside of `allowed` it raises Interrupted there; at once if one has come before.
    """

    def __init__(self) -> None:
        self._number: int | None = None
        self._allowed = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interruptions:
        if threading.current_thread() is threading.main_thread():
            self._before = {
                number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)
            }
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, signal.SIG_DFL if before is None else before)

    @contextlib.contextmanager
    def allowed(self) -> Iterator[None]:
        """Where what is done may be given up."""
        self._allowed = True
        try:
            if self._number is not None:
                raise Interrupted(self._number)
            yield
        finally:
            self._allowed = False

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del frame
        self._number = number
        if self._allowed:
            raise Interrupted(number)
