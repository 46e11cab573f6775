"""The connection to the upstream that belongs to one connection of a caller: reads the responses as they pass.

connecting ─▶ idle ─▶ head ─▶ body ─▶ idle …            an HTTP/1.1 response after the other
                │       └─▶ raw                         101, or what is no response: bytes pass as they are
                └─▶ raw                                 bytes that no request asked for
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from windtunnel.http.errors import Failure, connection_lost
from windtunnel.turbulence.proxy.bodies import BodyReader, EndlessBody, MalformedBodyError, body_reader
from windtunnel.turbulence.proxy.heads import (
    LONGEST_RESPONSE_HEAD,
    ResponseHead,
    has_body,
    head_end,
    read_response,
)
from windtunnel.turbulence.proxy.sockets import PEER_FULL, Reading, end_writing, reset, send

_BEGIN = b"HTTP/1."


class Downstream(Protocol):
    """The caller, as its upstream sees it."""

    def on_connected(self) -> None:
        """The upstream can be written to."""

    def on_full(self) -> None:
        """The upstream does not take all that is written."""

    def on_room(self) -> None:
        """The upstream takes more."""

    def on_interim(self, data: bytes) -> None:
        """Interim responses came (1xx)."""

    def on_response(self, head: ResponseHead, data: bytes, end: int, at: int) -> None:
        """The final response came, with its head up to `end`, and of its body what is before `at`."""

    def on_bytes(self, data: bytes) -> None:
        """More of the response came, or bytes of a connection that is no HTTP any more."""

    def on_end(self, *, closes: bool) -> None:
        """The response is complete. `closes`: nothing can be asked over this connection again."""

    def on_raw(self, *, tunnel: bool) -> None:
        """From now on bytes pass as they are. `tunnel`: because of 101, else since no response can be read."""

    def on_half_closed(self) -> bool:
        """The upstream sends nothing more in a tunnel. Returns whether it may still be written to."""

    def on_lost(self, failure: Failure) -> None:
        """The connection is gone, or never was."""


class Upstream(asyncio.Protocol):
    """`_method` is that of the request under way, "" while there is none."""

    def __init__(self, caller: Downstream, on_gone: Callable[[Upstream], None]) -> None:
        self._caller, self._on_gone = caller, on_gone
        self._transport: asyncio.Transport | None = None
        self._reading: Reading | None = None
        self._waiting: list[bytes] = []
        self._wants_eof = self._over = False
        self._method = ""
        self._input = b""
        self._body: BodyReader | None = None
        self._closes = False
        self._raw = False

    @property
    def is_connected(self) -> bool:
        """Whether what is written goes out at once."""
        return self._transport is not None

    def expect(self, method: str) -> None:
        """A request of this method is about to be written."""
        self._method = method

    def write(self, data: bytes) -> None:
        """Send bytes, or keep them until the connection is open."""
        if self._transport is None:
            self._waiting.append(data)
        else:
            send(self._transport, data)

    def end_writing(self) -> None:
        """Tell the upstream that nothing follows."""
        if self._transport is None:
            self._wants_eof = True
        else:
            end_writing(self._transport)

    def close(self) -> None:
        """Close after what is written; the caller is told nothing more."""
        self._over = True
        if self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        """Close at once with a reset; the caller is told nothing more."""
        self._over = True
        if self._transport is not None:
            reset(self._transport)

    def pause(self, reason: int = PEER_FULL) -> None:
        """Read nothing for a reason."""
        if self._reading is not None:
            self._reading.pause(reason)

    def resume(self, reason: int = PEER_FULL) -> None:
        """The reason is gone."""
        if self._reading is not None:
            self._reading.resume(reason)

    def failed(self, failure: Failure) -> None:
        """The connection could not be opened. The last call on this object."""
        self._on_gone(self)
        if not self._over:
            self._lost(failure)

    def abort(self) -> None:
        """Drop the connection, whatever is not written yet."""
        self._over = True
        if self._transport is not None:
            self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is open, over TLS after the handshake."""
        stream: asyncio.Transport = transport  # type: ignore[assignment]  # TCP and TLS transports are this kind
        self._transport, self._reading = stream, Reading(stream)
        if self._over:
            stream.abort()
            return
        if self._waiting:
            send(stream, b"".join(self._waiting))
            self._waiting = []
        if self._wants_eof:
            end_writing(stream)
        self._caller.on_connected()

    def data_received(self, data: bytes) -> None:
        """Bytes of a response came."""
        if self._over:
            return
        if self._raw:
            self._caller.on_bytes(data)
        elif self._body is not None:
            self._read_body(self._body, data)
        else:
            self._input = self._input + data if self._input else data
            self._read_heads()

    def eof_received(self) -> bool:
        """The upstream sends nothing more; asyncio closes the connection where this returns False."""
        if self._over:
            return False
        if self._raw and self._caller.on_half_closed():
            return True
        self._ended()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The last call on this object."""
        self._on_gone(self)
        if self._over:
            return
        if exc is None:
            self._ended()
        else:
            self._lost(connection_lost(exc))

    def pause_writing(self) -> None:
        """The system does not take all that is written."""
        if not self._over:
            self._caller.on_full()

    def resume_writing(self) -> None:
        """The system takes more."""
        if not self._over:
            self._caller.on_room()

    def _read_heads(self) -> None:
        """Read on to the final response. Interim responses and blank lines before it pass at once."""
        data, at = self._input, 0
        head: ResponseHead | None = None
        is_http = bool(self._method)
        while is_http and at < len(data):
            if data[at] in b"\r\n":
                at += 1
                continue
            found = head_end(data, at)
            if found is None:
                is_http = data.startswith(_BEGIN[: len(data) - at], at) and len(data) - at <= LONGEST_RESPONSE_HEAD
                break
            wire = data[at : found.end()]
            head = read_response(wire)
            is_http = head is not None
            if head is None or head.status >= 200 or head.status == 101:
                break
            head, at = None, found.end()
        if at:
            self._caller.on_interim(data[:at])
        if self._over:
            return
        self._input = data[at:]
        if not is_http:
            self._pass_raw(tunnel=False)
        elif head is not None:
            data, self._input = self._input, b""
            self._begin_response(head, data, len(wire))

    def _begin_response(self, head: ResponseHead, data: bytes, end: int) -> None:
        if head.status == 101:
            self._caller.on_response(head, data, end, end)
            self._input = data[end:]
            self._pass_raw(tunnel=True)
            return
        body = body_reader(head.body if has_body(self._method, head.status) else 0, strict=False)
        self._body, self._closes = body, head.closes
        try:
            at = end if body.ended else body.feed(data, end)
        except MalformedBodyError:
            self._caller.on_response(head, data, end, end)
            self._spoil(data, end)
            return
        self._caller.on_response(head, data, end, at)
        if body.ended:
            self._end_response(data, at)

    def _read_body(self, body: BodyReader, data: bytes) -> None:
        try:
            end = body.feed(data, 0)
        except MalformedBodyError:
            self._spoil(data, 0)
            return
        self._caller.on_bytes(data if end == len(data) else data[:end])
        if body.ended:
            self._end_response(data, end)

    def _spoil(self, data: bytes, at: int) -> None:
        """The framing of the body is malformed: pass on what comes, for the caller to judge."""
        self._body, self._input = None, data[at:]
        self._pass_raw(tunnel=False)

    def _end_response(self, data: bytes, at: int) -> None:
        if self._over:
            return
        self._body, self._method = None, ""
        self._caller.on_end(closes=self._closes)
        if at < len(data) and not self._over:
            self._input = data[at:] + self._input
            self._read_heads()

    def _pass_raw(self, *, tunnel: bool) -> None:
        if self._over:
            return
        data, self._input = self._input, b""
        self._raw = True
        self._caller.on_raw(tunnel=tunnel)
        if data and not self._over:
            self._caller.on_bytes(data)

    def _ended(self) -> None:
        """The end of what the upstream sends."""
        if isinstance(self._body, EndlessBody):
            self._body, self._method = None, ""
            self._caller.on_end(closes=True)
            return
        if self._input:
            self._caller.on_bytes(self._input)
        self._lost(Failure("closed"))

    def _lost(self, failure: Failure) -> None:
        self._over = True
        if self._transport is not None:
            self._transport.close()
        self._caller.on_lost(failure)
