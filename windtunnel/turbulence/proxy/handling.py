"""Does to one request what its treatment says: holds it, answers it, sends it twice, slows or cuts its answer.

begin ─▶ held for a time ─▶ answered by us
                        └─▶ sent on ─▶ answer ─▶ AnswerPath: later, slower ─▶ whole, cut, or dropped
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from windtunnel.http.errors import Failure
from windtunnel.turbulence.proxy.answering import AnswerPath
from windtunnel.turbulence.proxy.copies import Copy, Dial
from windtunnel.turbulence.proxy.exchange import Exchange
from windtunnel.turbulence.proxy.faults.copies import MOST_KEPT
from windtunnel.turbulence.proxy.flow import MOST_HELD
from windtunnel.turbulence.proxy.heads import RequestHead, ResponseHead, has_body
from windtunnel.turbulence.proxy.placed import Hit
from windtunnel.turbulence.proxy.sockets import HELD
from windtunnel.turbulence.proxy.traffic import Timer, Traffic
from windtunnel.turbulence.proxy.treatment import Answer, Ending, Treatment

_NO_ANSWER = "no answer came"
_ANSWERED = "a later fault answered in place of the upstream"
_ENDED_BEFORE = "the answer ended before"
_TOO_LONG_TO_KEEP = "the request is too long to send it again"


class Handled(Protocol):
    """The caller, as the handling of its request sees it."""

    def forward(self, head: RequestHead, wire: bytes) -> None:
        """Send a request on, or the part of it that is there."""

    def pass_down(self, data: bytes) -> None:
        """Send the caller bytes of the answer."""

    def answer(self, answer: Answer) -> None:
        """Answer in place of the upstream."""

    def complete(self, *, closes: bool) -> None:
        """The caller was sent the whole answer."""

    def cut(self, ending: Ending) -> None:
        """End the connection inside the answer."""

    def end_answers(self) -> None:
        """Tell the caller that nothing follows."""

    def show_lost(self, failure: Failure) -> None:
        """Show the caller how its upstream ended."""

    def pause(self, reason: int) -> None:
        """Read nothing from the caller for a reason."""

    def resume(self, reason: int) -> None:
        """The reason is gone."""

    def pause_upstream(self, reason: int) -> None:
        """Read nothing from the upstream for a reason."""

    def resume_upstream(self, reason: int) -> None:
        """The reason is gone."""

    def gone(self) -> None:
        """What was left to do after the caller had gone is done."""


class Handling:
    """Owned by the connection of the caller, for one request. `holds`: what comes of the request is kept here.

    `is_dropped`: the caller gets nothing of the answer.
    """

    def __init__(
        self,
        caller: Handled,
        traffic: Traffic,
        exchange: Exchange,
        head: RequestHead,
        treated: tuple[Treatment, list[Hit]],
        dial: Dial,
    ) -> None:
        self._caller, self._traffic, self._exchange, self._head, self._dial = caller, traffic, exchange, head, dial
        self._treatment, self._hits = treated
        self.holds = False
        self._kept: list[bytes] = []
        self._kept_bytes = 0
        self._is_complete = self._is_orphan = False
        self._timer: Timer | None = None
        self._path: AnswerPath | None = None
        self._status = 0
        self._has_ended = False
        self.is_dropped = self._treatment.lost or self._treatment.half

    # The request.

    def begin(self, wire: bytes, *, is_complete: bool) -> None:
        """The request came, or its head with what came with it."""
        treatment, self._is_complete = self._treatment, is_complete
        held_s = treatment.delay_s
        if treatment.held:
            held_s += max(0.0, self._hits[-1].window.end_s - self._traffic.elapsed_s)
        for hit in self._hits:
            if not hit.waits and not (treatment.twice and hit.placed.spec.type == "duplicate"):
                self._traffic.applied(hit, self._exchange, delay_s=held_s)
        if held_s:
            self.holds = True
            self._keep(wire)
            self._timer = self._traffic.later(held_s, self.release)
        else:
            self._go(wire)

    def on_request_bytes(self, data: bytes, *, is_complete: bool) -> bool:
        """More of the request came. Returns whether it is kept here."""
        self._is_complete = is_complete
        if self.holds:
            self._keep(data)
            if self._kept_bytes > MOST_HELD:
                self._caller.pause(HELD)
            return True
        if self._treatment.twice:
            self._keep_copy(data)
        return False

    def let_go(self) -> None:
        """No fault is done any more: the request, or its answer, goes on at once."""
        self.release()
        if self._path is not None and self._path.flow is not None:
            self._path.flow.hurry()

    def release(self) -> None:
        """Its time has come: the request goes on."""
        if not self.holds:
            return
        self.holds = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        wire = b"".join(self._kept)
        self._kept, self._kept_bytes = [], 0
        if self._is_orphan:
            self._send_orphan(wire)
            return
        self._caller.resume(HELD)
        self._go(wire)

    def leave(self) -> bool:
        """The caller is gone. Returns whether its request is sent on all the same: what is on its way arrives."""
        treatment = self._treatment
        self._is_orphan = self.holds and self._is_complete and not treatment.held and treatment.answer is None
        if not self._is_orphan:
            self.drop()
        return self._is_orphan

    def drop(self) -> None:
        """Do nothing more."""
        self.holds = False
        if self._timer is not None:
            self._timer.cancel()
        if self._path is not None:
            self._path.drop()
            self._path = None
        self._miss(_NO_ANSWER)

    def _keep(self, data: bytes) -> None:
        self._kept.append(data)
        self._kept_bytes += len(data)

    def _go(self, wire: bytes) -> None:
        if self._treatment.answer is not None:
            self._miss(_ANSWERED)
            self._exchange.status = self._treatment.answer.status
            self._caller.answer(self._treatment.answer)
            return
        self._caller.forward(self._head, wire)
        if self._treatment.twice:
            self._keep_copy(wire)

    def _keep_copy(self, data: bytes) -> None:
        """Keep what is sent on, and send it again when it is all."""
        hit = next(each for each in self._hits if each.placed.spec.type == "duplicate")
        self._keep(data)
        if self._kept_bytes > MOST_KEPT:
            self._kept.clear()
            self._traffic.missed(hit, self._exchange, _TOO_LONG_TO_KEEP)
        elif self._is_complete and not hit.is_told:
            self._traffic.applied(hit, self._exchange)
            Copy(self._dial, self._head, b"".join(self._kept), lambda _: None)
            self._kept.clear()

    def _send_orphan(self, wire: bytes) -> None:
        def done(status: int) -> None:
            self._exchange.upstream_status = status
            self.drop()
            self._caller.gone()

        self._exchange.up += len(wire)
        Copy(self._dial, self._head, wire, done)

    # The answer.

    def on_response(self, head: ResponseHead, wire: bytes) -> None:
        """The head of a response came."""
        treatment = self._treatment
        self._exchange.upstream_status = head.status
        for hit in self._hits:
            if hit.waits and hit.placed.kind.passes_on:
                self._traffic.applied(hit, self._exchange, delay_s=treatment.after_s)
        if treatment.half:
            self._traffic.applied(self._hits[-1], self._exchange)
            self._caller.end_answers()
        if self.is_dropped:
            return
        self._status = head.status
        self._path = AnswerPath(
            treatment,
            self._traffic,
            send=self._send,
            cut=self._cut,
            full=lambda: self._caller.pause_upstream(HELD),
            room=lambda: self._caller.resume_upstream(HELD),
        )
        length = head.body if has_body(self._head.method, head.status) else 0
        self._path.begin(wire, length if length >= 0 else None)

    def on_bytes(self, data: bytes) -> None:
        """More of the answer came, or bytes that are none."""
        if self._path is not None:
            self._path.put(data)
        elif not self.is_dropped:
            self._caller.pass_down(data)

    def on_end(self, *, closes: bool) -> None:
        """The answer is complete."""
        self._has_ended = True
        if self._treatment.lost:
            self._traffic.applied(self._hits[-1], self._exchange)
            self._caller.cut("reset")
        elif self._treatment.half or self._path is None:
            self._caller.cut("keep")
        else:
            self._path.end(lambda: self._complete(closes=closes))

    def ends_later(self, call: Callable[[], None]) -> bool:
        """Whether bytes are on their way to the caller; the function is called when they are there."""
        if self._path is None or self._path.is_empty:
            return False
        self._path.end(call)
        return True

    def on_lost(self, failure: Failure) -> bool:
        """The upstream is gone. Returns whether the caller is shown that later, if at all.

        One that ends its connection while the request is held has not seen it: it is sent over another one.
        """
        if self.holds:
            return True
        if self._path is None or self._path.is_empty:
            return False
        if not self._has_ended:
            self._has_ended = True
            self._path.end(lambda: self._caller.show_lost(failure))
        return True

    def on_switched(self) -> None:
        """A fault was switched on or off: an answer on its way is slow no longer than its faults are on."""
        now_s = self._traffic.elapsed_s
        is_over = all(hit.window.end_s <= now_s for hit in self._hits if hit.waits)
        if is_over and self._path is not None and self._path.flow is not None:
            self._path.flow.pace()

    def block(self) -> None:
        """The caller does not take all that is written."""
        if self._path is not None and self._path.flow is not None:
            self._path.flow.block()

    def unblock(self) -> None:
        """The caller takes more."""
        if self._path is not None and self._path.flow is not None:
            self._path.flow.unblock()

    def _send(self, data: bytes) -> None:
        self._exchange.status = self._status
        self._caller.pass_down(data)

    def _cut(self) -> None:
        self._traffic.applied(self._hits[-1], self._exchange)
        self._caller.cut("close")

    def _complete(self, *, closes: bool) -> None:
        self._miss(_ENDED_BEFORE)
        self._caller.complete(closes=closes)

    def _miss(self, why: str) -> None:
        for hit in self._hits:
            self._traffic.missed(hit, self._exchange, why)
