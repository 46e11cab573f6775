"""The way of one answer to the caller: later, in pieces, at a rate, and only so far as its treatment lets it."""

from __future__ import annotations

import math
from collections.abc import Callable

from windtunnel.turbulence.proxy.flow import Flow
from windtunnel.turbulence.proxy.traffic import Traffic
from windtunnel.turbulence.proxy.treatment import Treatment


class AnswerPath:
    """Bytes of one answer go in, those that the caller gets come out by `send`, and `cut` ends it early.

    `full` and `room` stop and start the upstream. The length of a body that is not known is taken to be that of
    its first bytes.
    """

    def __init__(
        self,
        treatment: Treatment,
        traffic: Traffic,
        *,
        send: Callable[[bytes], None],
        cut: Callable[[], None],
        full: Callable[[], None],
        room: Callable[[], None],
    ) -> None:
        self._treatment, self._send, self._cut = treatment, send, cut
        self._wait_s = treatment.after_s
        self._left: int | None = None
        self._waiting = b""
        self._is_over = False
        self.flow: Flow | None = None
        if treatment.is_slow:
            self.flow = Flow(clock=traffic.clock, later=traffic.later, send=self._out, full=full, room=room)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is on its way."""
        return not self._waiting and (self.flow is None or self.flow.is_empty)

    def begin(self, head: bytes, length: int | None) -> None:
        """The head of the answer, and the length of its body where that is known."""
        if length is None and (self._treatment.pieces or self._treatment.part is not None):
            self._waiting = head
        else:
            self._measure(len(head), length)
            self._put(head)

    def put(self, data: bytes) -> None:
        """More of the answer."""
        if self._waiting:
            head, self._waiting = self._waiting, b""
            self._measure(len(head), len(data), is_guess=True)
            data = head + data
        self._put(data)

    def end(self, call: Callable[[], None]) -> None:
        """Call a function when all of the answer is with the caller."""
        if self._waiting:
            self.put(b"")
        if self._is_over:
            return
        if self.flow is None:
            call()
        else:
            self.flow.end(call)

    def drop(self) -> None:
        """Pass nothing on any more."""
        self._is_over = True
        if self.flow is not None:
            self.flow.drop()
            self.flow = None

    def _measure(self, head: int, length: int | None, *, is_guess: bool = False) -> None:
        """Set where the answer is cut, and how large its pieces are."""
        treatment = self._treatment
        cuts = [] if treatment.limit is None else [treatment.limit]
        if treatment.part is not None and length is not None:
            cuts.append(head + treatment.part.of(length))
        whole = math.inf if length is None or is_guess else head + length
        self._left = min((cut for cut in cuts if cut < whole), default=None)
        if self.flow is None:
            return
        piece, gap_s = treatment.piece, treatment.gap_s
        if treatment.pieces and length is not None:
            piece = min(piece or head + length, -(-(head + length) // treatment.pieces))
            gap_s += treatment.over_s / (treatment.pieces - 1)
        self.flow.pace(rate=treatment.rate, piece=piece, gap_s=gap_s)

    def _put(self, data: bytes) -> None:
        if self.flow is None:
            self._out(data)
        else:
            self.flow.put(data, delay_s=self._wait_s)
            self._wait_s = 0.0

    def _out(self, data: bytes) -> None:
        if self._is_over:
            return
        if self._left is None:
            self._send(data)
            return
        if len(data) >= self._left:
            data, self._left = data[: self._left], 0
        else:
            self._left -= len(data)
        if data:
            self._send(data)
        if not self._left:
            self.drop()
            self._cut()
