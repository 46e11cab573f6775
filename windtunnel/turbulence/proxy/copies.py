"""A request that is sent over a connection of its own, and whose answer the caller never sees."""

from __future__ import annotations

from collections.abc import Callable

from windtunnel.http.errors import Failure
from windtunnel.turbulence.proxy.heads import RequestHead, ResponseHead
from windtunnel.turbulence.proxy.upstream import Downstream, Upstream

Dial = Callable[[Downstream], Upstream]
"""Makes the upstream of a connection, and begins to open it."""


class Copy:
    """Sends bytes, reads the answer to its end, and closes. `done` is told the status, 0 for no answer."""

    def __init__(self, dial: Dial, head: RequestHead, wire: bytes, done: Callable[[int], None]) -> None:
        self._done: Callable[[int], None] | None = done
        self._status = 0
        self._upstream = dial(self)
        self._upstream.expect(head.method)
        self._upstream.write(wire)

    # What its upstream calls; see `upstream.Downstream`.

    def on_connected(self) -> None:
        """All that there is has been written."""

    def on_full(self) -> None:
        """Nothing more is written."""

    def on_room(self) -> None:
        """Nothing more is written."""

    def on_interim(self, data: bytes) -> None:
        """Drop them."""

    def on_response(self, head: ResponseHead, data: bytes, end: int, at: int) -> None:  # noqa: ARG002
        """Keep the status."""
        self._status = head.status

    def on_bytes(self, data: bytes) -> None:
        """Drop the answer."""

    def on_end(self, *, closes: bool) -> None:  # noqa: ARG002
        """The answer is complete."""
        self._end()

    def on_raw(self, *, tunnel: bool) -> None:  # noqa: ARG002
        """There is no end to wait for."""
        self._end()

    def on_half_closed(self) -> bool:
        """Nothing more is written."""
        return False

    def on_lost(self, failure: Failure) -> None:  # noqa: ARG002
        """There is no answer, or not all of it."""
        self._end()

    def _end(self) -> None:
        done, self._done = self._done, None
        if done is not None:
            self._upstream.close()
            done(self._status)
