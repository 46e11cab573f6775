"""What one proxy sees: makes an exchange of each request, counts what is in flight, and writes the records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from windtunnel.interfaces import Clock
from windtunnel.model.record import Record
from windtunnel.turbulence.proxy.exchange import Exchange
from windtunnel.turbulence.proxy.heads import Names, Refusal, RequestHead
from windtunnel.turbulence.proxy.logical import Attempts


class Timer(Protocol):
    """A timer that was set."""

    def cancel(self) -> None:
        """Don't call any more."""


Later = Callable[[float, Callable[[], object]], Timer]
"""Sets a timer: calls a function after so many seconds."""


class Traffic:
    """Owned by one proxy. `url` is that of the proxy, `upstream_url` that of what it forwards to."""

    def __init__(self, *, name: str, clock: Clock, write: Callable[[Record], None], later: Later) -> None:
        self.name, self.clock, self.later = name, clock, later
        self.names = Names(own=b":", upstream=b"")
        self.url = self.upstream_url = b""
        self.in_flight = 0
        self._write = write
        self._order = 0
        self._attempts = Attempts()

    def open(self, head: RequestHead | None) -> Exchange:
        """A request came, or with None a connection that is no HTTP."""
        now = self.clock.now()
        self.in_flight += 1
        self._order += 1
        if head is None:
            return Exchange(began=now, in_flight=self.in_flight, order=self._order)
        exchange = Exchange(
            began=now,
            in_flight=self.in_flight,
            order=self._order,
            method=head.method,
            path=head.path,
            correlation_id=head.correlation_id,
        )
        if head.correlation_id or head.key:
            attempt = self._attempts.next((head.correlation_id, head.key, head.method, head.target), now)
            exchange.attempt, exchange.since_s = attempt.number, attempt.since_s
        return exchange

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
