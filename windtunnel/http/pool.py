"""The connections of one user: what to do next is decided by pure functions, and then done.

before a request                          after it
  no idle connection        OPEN            complete, the connection idle     KEEP, if it may and there is room
  the newest one is open    REUSE           complete, the connection not idle CLOSE
  the newest one is closed  DISCARD,        a reused connection was closed
                            then look         before any byte of the request  REPLACE
                            at the next       before any byte of a response   RESEND, if that is harmless,
                                                                              else REPORT_CLOSED
                                            any other failure                 REPORT

A server may close an idle connection at any time, also while the next request is on its way there (RFC 9112,
9.3.1). A request that may have had an effect is never sent twice: one that was written is sent again only if its
method is idempotent or it has an `Idempotency-Key`, with which the server can tell that it is the same.
"""

from __future__ import annotations

import re
from enum import Enum

from windtunnel.http.connection import Connection, ConnectionState, Outbox
from windtunnel.http.deadlines import Deadlines
from windtunnel.http.errors import Failure
from windtunnel.http.stream import Destination, StreamOpener
from windtunnel.model.record import Timings

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
_has_key = re.compile(rb"\r\n(?:x-)?idempotency-key:[ \t]*[^ \t\r]", re.IGNORECASE).search
MAX_IDLE = 6
"""Maximum number of idle connections to one destination."""


class Move(Enum):
    """What to do next with a connection or a request; see the table above."""

    OPEN = "open a new connection"
    REUSE = "use the newest idle connection"
    DISCARD = "forget the newest idle connection"
    KEEP = "keep the connection for the next request"
    CLOSE = "close the connection"
    REPLACE = "send the request on a new connection, for the first time"
    RESEND = "send the request again on a new connection"
    REPORT_CLOSED = "report that the server closed the connection"
    REPORT = "report the failure as it is"


_IDLE, _REUSE, _OPEN, _KEEP = ConnectionState.IDLE, Move.REUSE, Move.OPEN, Move.KEEP


def before_request(newest: ConnectionState | None) -> Move:
    """What to do for a request when the newest idle connection is in this state (None: no idle one)."""
    if newest is None:
        return _OPEN
    return _REUSE if newest is _IDLE else Move.DISCARD


def after_response(state: ConnectionState, keeps_open: bool, idle: int) -> Move:
    """What to do with a connection after a complete response, with `idle` others to the same destination."""
    return _KEEP if state is _IDLE and keeps_open and idle < MAX_IDLE else Move.CLOSE


def after_failure(error: str, *, harmless: bool, was_reused: bool, bytes_sent: int, bytes_received: int) -> Move:
    """What to do with a request that failed with an error of `ERROR_KINDS`; `harmless`: to be sent twice."""
    if not was_reused or bytes_received or error not in ("closed", "reset"):
        return Move.REPORT
    if not bytes_sent:
        return Move.REPLACE
    return Move.RESEND if harmless else Move.REPORT_CLOSED


def may_be_sent_twice(method: str, wire: bytes) -> bool:
    """Whether a request has the same effect when it is sent twice, by its method or a header of its head."""
    return method in IDEMPOTENT or _has_key(wire, 0, wire.find(b"\r\n\r\n") + 2) is not None


class ConnectionPool:
    """Owned by one client."""

    __slots__ = ("_connections", "_deadlines", "_idle", "_opener", "_outbox", "_strict")

    def __init__(self, opener: StreamOpener, *, deadlines: Deadlines, outbox: Outbox, strict: bool) -> None:
        self._opener, self._deadlines, self._outbox, self._strict = opener, deadlines, outbox, strict
        self._connections: set[Connection] = set()
        self._idle: dict[Destination, list[Connection]] = {}

    def take(self, destination: Destination) -> Connection | None:
        """An idle connection, the one that was used last; None when a new one must be opened."""
        idle = self._idle.get(destination)
        while idle:
            connection = idle.pop()
            if before_request(connection.state) is _REUSE:
                return connection
        return None

    async def open(self, destination: Destination, *, deadline_s: float, timings: Timings) -> Connection | Failure:
        """A new connection, or why there is none; the times it took are filled in."""
        connection = Connection(
            destination,
            deadlines=self._deadlines,
            outbox=self._outbox,
            on_lost=self._forget,
            strict=self._strict,
        )
        self._connections.add(connection)
        failure: Failure | None = Failure("closed")
        try:
            failure = await self._opener.open(connection, destination, deadline_s=deadline_s, timings=timings)
        finally:
            if failure is not None:  # also when cancelled
                connection.close()
                self._connections.discard(connection)
        return failure or connection

    def give_back(self, connection: Connection, destination: Destination) -> None:
        """Take back a connection whose response is complete."""
        idle = self._idle.get(destination)
        if idle is None:
            idle = []
            if destination.keeps_open:
                self._idle[destination] = idle
        if after_response(connection.state, destination.keeps_open, len(idle)) is _KEEP:
            idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Close every connection; a request under way ends with the error `closed`."""
        self._idle.clear()
        for connection in tuple(self._connections):
            connection.close()

    def _forget(self, connection: Connection) -> None:
        self._connections.discard(connection)
        for idle in self._idle.values():
            if connection in idle:
                idle.remove(connection)
