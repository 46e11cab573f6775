"""Bytes on their way in one direction: held for a time, or passed on in pieces, with room for little."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from windtunnel.interfaces import Clock
from windtunnel.turbulence.proxy.traffic import Later, Timer

MOST_HELD = 262_144
"""Bytes from which on the source is not read."""

_ROOM = 65_536
_NOW_S = 0.0005
"""A wait that is none: timers are no finer."""

_MOST_BEHIND_S = 0.1
"""Pieces that are late make up for so much of it."""

_PIECES_PER_S = 20
"""How even a rate is."""


class Flow:
    """Passes bytes on to `send` when their time has come. `full` and `room` stop and start their source."""

    __slots__ = (
        "_blocked",
        "_clock",
        "_end",
        "_free_s",
        "_full",
        "_gap_s",
        "_held",
        "_is_full",
        "_is_over",
        "_later",
        "_piece",
        "_queue",
        "_rate",
        "_room",
        "_send",
        "_timer",
    )

    def __init__(
        self,
        *,
        clock: Clock,
        later: Later,
        send: Callable[[bytes], None],
        full: Callable[[], None],
        room: Callable[[], None],
    ) -> None:
        self._clock, self._later, self._send, self._full, self._room = clock, later, send, full, room
        self._queue: deque[tuple[float, memoryview]] = deque()
        self._held = 0
        self._rate = self._gap_s = self._free_s = 0.0
        self._piece = 0
        self._timer: Timer | None = None
        self._end: Callable[[], object] | None = None
        self._blocked = self._is_full = self._is_over = False

    def pace(self, *, rate: float = 0.0, piece: int = 0, gap_s: float = 0.0) -> None:
        """From now on in pieces of this size, at a rate, with a time after each. 0 is no limit.

        Without any, what waits for its turn goes on at once.
        """
        was_slow = self._rate or self._gap_s
        if rate:
            even = max(1, int(rate / _PIECES_PER_S))
            piece = min(piece, even) if piece else even
        self._rate, self._piece, self._gap_s = rate, piece, gap_s
        if was_slow and not (rate or gap_s):
            self._free_s = 0.0
            if self._timer is not None:
                self._timer.cancel()
                self._pump()

    @property
    def is_empty(self) -> bool:
        """Whether all has been passed on."""
        return not self._queue

    def put(self, data: bytes, *, delay_s: float = 0.0) -> None:
        """Pass bytes on after this time, and after those that came before."""
        if self._is_over or not data:
            return
        self._queue.append((self._clock.now() + delay_s, memoryview(data)))
        self._held += len(data)
        if self._timer is None:
            self._pump()
        if self._held > MOST_HELD and not self._is_full and not self._is_over:
            self._is_full = True
            self._full()

    def end(self, call: Callable[[], object]) -> None:
        """Call a function when all has been passed on."""
        self._end = call
        if not self._queue:
            self._finish()

    def block(self) -> None:
        """The one who takes the bytes takes no more."""
        self._blocked = True

    def unblock(self) -> None:
        """It takes more."""
        self._blocked = False
        if self._timer is None:
            self._pump()

    def hurry(self) -> None:
        """Pass on at once what is held."""
        self._rate = self._gap_s = self._free_s = 0.0
        self._piece = 0
        self._queue = deque((0.0, data) for _, data in self._queue)
        if self._timer is not None:
            self._timer.cancel()
            self._pump()

    def drop(self) -> None:
        """Forget all, and pass nothing on any more."""
        self._is_over = True
        self._queue.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _pump(self) -> None:
        self._timer = None
        while self._queue and not self._blocked:
            now = self._clock.now()
            due_s = max(self._queue[0][0], self._free_s)
            if due_s - now > _NOW_S:
                self._timer = self._later(due_s - now, self._pump)
                return
            piece = self._next(now)
            if self._rate or self._gap_s:
                gap_s = self._gap_s + (len(piece) / self._rate if self._rate else 0.0)
                self._free_s = max(due_s, now - _MOST_BEHIND_S) + gap_s
            self._send(piece)
            if self._is_over:
                return
            if self._is_full and self._held <= _ROOM:
                self._is_full = False
                self._room()
        if not self._queue:
            self._finish()

    def _next(self, now: float) -> bytes:
        """The next piece, of what is due."""
        size = self._piece or self._held
        parts: list[memoryview] = []
        while size and self._queue and self._queue[0][0] - now <= _NOW_S:
            ready_s, data = self._queue.popleft()
            part = data[:size]
            if len(part) < len(data):
                self._queue.appendleft((ready_s, data[size:]))
            parts.append(part)
            size -= len(part)
        piece = b"".join(parts)
        self._held -= len(piece)
        return piece

    def _finish(self) -> None:
        call, self._end = self._end, None
        if call is not None:
            call()
