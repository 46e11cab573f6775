"""What one proxy sees and does: an exchange of each request, what is in flight, which faults hit, the records."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

from windtunnel.interfaces import Clock
from windtunnel.model.record import FaultRecord, Record
from windtunnel.model.vocabulary import FaultEvent
from windtunnel.turbulence.proxy.exchange import Exchange
from windtunnel.turbulence.proxy.heads import Names, Refusal, RequestHead
from windtunnel.turbulence.proxy.logical import Attempts
from windtunnel.turbulence.proxy.placed import Hit, PlacedFaults
from windtunnel.turbulence.proxy.treatment import Treatment


class Timer(Protocol):
    """A timer that was set."""

    def cancel(self) -> None:
        """Don't call any more."""


Later = Callable[[float, Callable[[], object]], Timer]
"""Sets a timer: calls a function after so many seconds."""


class Traffic:
    """Owned by one proxy. `url` is that of the proxy, `upstream_url` that of what it forwards to.

    `in_flight` counts the requests that have no whole answer yet, or the connections of a TCP proxy.
    """

    def __init__(
        self, *, name: str, faults: PlacedFaults, clock: Clock, write: Callable[[Record], None], later: Later
    ) -> None:
        self.name, self.faults, self.clock, self.later = name, faults, clock, later
        self.names = Names(own=b":", upstream=b"")
        self.url = self.upstream_url = b""
        self.in_flight = 0
        self._write = write
        self._attempts = Attempts()
        self._began = math.inf

    def begin(self, began: float) -> None:
        """The load begins, at this reading of the clock: faults are done from now on."""
        self._began = began

    def end(self) -> None:
        """No fault is done any more."""
        self._began = math.inf

    @property
    def elapsed_s(self) -> float:
        """Seconds since the load began; negative while no fault may be done."""
        return self.clock.now() - self._began

    def open(self, head: RequestHead | None) -> Exchange:
        """A request came, or with None a connection that is no HTTP."""
        now = self.clock.now()
        self.in_flight += 1
        if head is None:
            return Exchange(began=now, in_flight=self.in_flight)
        exchange = Exchange(
            began=now,
            in_flight=self.in_flight,
            method=head.method,
            path=head.path,
            correlation_id=head.correlation_id,
        )
        if head.correlation_id or head.key:
            identity = head.identity
            attempt = self._attempts.next((*identity, head.key), now)
            exchange.attempt = exchange.occurrence = attempt.number
            exchange.since_s = attempt.since_s
            if head.key:
                exchange.occurrence = self._attempts.next(identity, now).number
        return exchange

    def treat(self, exchange: Exchange, head: RequestHead) -> tuple[Treatment, list[Hit]] | None:
        """What faults do to a request that came now; None for nothing."""
        faults = self.faults
        if not faults.of_requests:
            return None
        elapsed_s = self.clock.now() - self._began
        if not faults.begin_s <= elapsed_s < faults.end_s:
            return None
        return faults.of_request(exchange, head.target, elapsed_s)

    def treat_connection(self, numbers: dict[str, int], piece: int) -> tuple[Treatment, list[Hit]] | None:
        """What faults do at this moment to a connection that is no HTTP; None for nothing. See `of_connection`."""
        faults = self.faults
        if not faults.of_requests:
            return None
        elapsed_s = self.clock.now() - self._began
        if not faults.begin_s <= elapsed_s < faults.end_s:
            return None
        return faults.of_connection(numbers, piece, elapsed_s)

    def refuses(self) -> Hit | None:
        """The fault that refuses a connection that comes now."""
        elapsed_s = self.elapsed_s
        return self.faults.refuses(elapsed_s) if self.faults.of_connects and elapsed_s >= 0 else None

    def applied(self, hit: Hit, exchange: Exchange | None, detail: str = "", *, delay_s: float = 0.0) -> None:
        """A fault was done."""
        if not hit.is_told:
            if exchange is not None and hit.placed.spec.name not in exchange.faults:
                exchange.faults.append(hit.placed.spec.name)
            self._tell(hit, exchange, "applied", detail, delay_s)

    def missed(self, hit: Hit, exchange: Exchange | None, why: str) -> None:
        """A fault could not be done."""
        if not hit.is_told:
            self._tell(hit, exchange, "missed", why, 0.0)

    def refuse(self, refusal: Refusal) -> None:
        """A request came that is not sent on."""
        exchange = self.open(None)
        exchange.status, exchange.error = refusal.status, refusal.error
        self.close(exchange)

    def close(self, exchange: Exchange) -> None:
        """A request or a connection has ended."""
        self.in_flight -= 1
        now = self.clock.now()
        self._write(exchange.record(self.name, now=now, unix=self.clock.unix(now)))

    def _tell(self, hit: Hit, exchange: Exchange | None, event: FaultEvent, detail: str, delay_s: float) -> None:
        hit.is_told = True
        self._write(
            FaultRecord(
                t=self.clock.unix(),
                name=hit.placed.spec.name,
                kind=hit.placed.spec.type,
                event=event,
                decision=hit.decision,
                level=hit.window.level,
                proxy=self.name,
                correlation_id=exchange.correlation_id if exchange is not None else "",
                occurrence=exchange.occurrence if exchange is not None else 0,
                attempt=exchange.attempt if exchange is not None else 0,
                delay_us=int(delay_s * 1e6),
                detail=detail,
            )
        )
