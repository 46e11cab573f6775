"""Reads the responses of a connection from its bytes, one after another, into exchanges. No sockets, no clock.

It decides what httptools leaves open: a response to HEAD ends with its head, a body without a length ends with the
connection, interim (1xx) responses are skipped, sizes have limits, and nothing may follow the body.
"""

from __future__ import annotations

import re

import httptools

from windtunnel.http.decoding import DecodeError, Decoder, TooLargeError, decoder_for
from windtunnel.http.errors import Failure
from windtunnel.model.http import Exchange

HEAD_LIMIT = 64 * 1024
"""Largest response head, interim ones included, in bytes."""

_KEPT_OF_TOO_LARGE = 64 * 1024
"""How many bytes of a body over the limit are kept as evidence."""

_OVERHEAD = 8
"""Maximum number of bytes on the wire per byte of body, even with the smallest chunks."""


_has_fields_of_note = re.compile(rb"\n(?:set-cookie|content-encoding):", re.IGNORECASE).search
"""Whether a head has a field that the reader acts on: most have none, and are not parsed."""


class _StopReadingError(Exception):
    """Raised inside a parser callback to stop the parser."""


class ResponseReader:
    """The incoming side of one connection.

    `start`, then `feed` until `complete`, then `start` again if `reusable`. The exchange gets status and head
    together, and the body at the end. The fields of the head are parsed when first needed, which is rare.
    """

    __slots__ = (
        "_body_size",
        "_chunks",
        "_decoder",
        "_exchange",
        "_failure",
        "_head",
        "_head_done",
        "_interim",
        "_interims",
        "_max_body",
        "_parser",
        "_parser_is_stuck",
        "_wire_limit",
        "complete",
        "continues",
        "received",
        "reusable",
        "sets_cookies",
    )

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._parser_is_stuck = False
        self.complete = True
        self.reusable = True

    def start(self, exchange: Exchange, max_body: int) -> None:
        """Expect the response of `exchange`, with a body of at most `max_body` bytes after decoding."""
        if self._parser_is_stuck:  # waiting for the body of a response to HEAD
            self._parser = httptools.HttpResponseParser(self)
            self._parser_is_stuck = False
        self._exchange = exchange
        self._max_body = max_body
        self._head = b""
        self._interims = 0
        self._chunks: list[bytes] = []
        self._body_size = self.received = 0
        self._wire_limit = HEAD_LIMIT
        self._decoder: Decoder | None = None
        self._failure: Failure | None = None
        self._head_done = self._interim = self.complete = self.sets_cookies = self.continues = False

    def feed(self, data: bytes) -> Failure | None:
        """Take bytes that arrived. Returns why the response can't be completed, or None; then see `complete`."""
        self.received += len(data)
        if not self._head_done:
            self._head += data
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            if self.complete:
                self.reusable = False  # bytes after a complete response are never used
            elif self._failure is None:
                self._failure = Failure("protocol", str(error))
        if self._failure is None and not self.complete and self.received > self._wire_limit:
            self._failure = self._too_large()
        return self._failure

    def end_of_stream(self) -> Failure | None:
        """The server has closed its side. Returns why the response is incomplete, or None when it is complete."""
        if self._head_done and self._ends_with_connection():
            self._complete(reusable=False)
        elif self.received:
            self._failure = Failure("closed", "in the middle of the response")
        else:
            self._failure = Failure("closed", "before any response")
        return self._failure

    def give_up(self) -> None:
        """Keep the body so far in the exchange, as evidence; of one over the limit only the beginning."""
        body = b"".join(self._chunks)
        self._exchange.body = body if len(body) <= self._max_body else body[:_KEPT_OF_TOO_LARGE]

    # What httptools calls, in the order in which it does.

    def on_message_begin(self) -> None:
        """The first byte of a response, or of bytes after it."""
        if self.complete:
            raise _StopReadingError

    def on_headers_complete(self) -> None:
        """The end of a head; interim ones are skipped."""
        exchange = self._exchange
        status = self._parser.get_status_code()
        if 100 <= status < 200 and status != 101:
            self._interim = True
            self._interims += 1
            self.continues = self.continues or status == 100
            return
        head = exchange.head = self._cut_head()
        if len(head) > HEAD_LIMIT:
            self._failure = self._too_large()
            raise _StopReadingError
        exchange.status = status
        if status < 200:
            switched = "the server switched protocols without being asked"
            self._failure = Failure("protocol", switched if status == 101 else f"status {status}")
            raise _StopReadingError
        self._head_done = True
        self._wire_limit = HEAD_LIMIT + _OVERHEAD * self._max_body
        if _has_fields_of_note(head):
            self.sets_cookies = "set-cookie" in exchange.headers
            self._decoder, exchange.undecoded = decoder_for(
                exchange.headers.all("content-encoding"), self._max_body
            )
        if exchange.method == "HEAD":
            self._parser_is_stuck = True
            self._complete(reusable=self._stays_open_after_head())

    def on_body(self, data: bytes) -> None:
        """A piece of the body, without the framing of its chunk."""
        if self.complete:
            raise _StopReadingError
        if self._decoder is not None:
            try:
                data = self._decoder.feed(data, self._max_body - self._body_size)
            except (DecodeError, TooLargeError) as error:
                self._failure = (
                    Failure("decode", str(error)) if isinstance(error, DecodeError) else self._too_large()
                )
                raise _StopReadingError from None
        self._chunks.append(data)
        self._body_size += len(data)
        if self._body_size > self._max_body:
            self._failure = self._too_large()
            raise _StopReadingError

    def on_message_complete(self) -> None:
        """The end of the body, if httptools can tell it."""
        if self._interim:
            self._interim = False
        elif not self.complete:
            self._complete(reusable=self._parser.should_keep_alive())

    def _complete(self, *, reusable: bool) -> None:
        self.complete, self.reusable = True, reusable
        if self._decoder is not None and self._exchange.method != "HEAD":
            try:
                odd = self._decoder.finish()
            except DecodeError as error:
                self._failure = Failure("decode", str(error))
                return
            if odd is not None:
                self._exchange.note(odd)
        self._exchange.body = b"".join(self._chunks)

    def _cut_head(self) -> bytes:
        """The final head, cut out of everything received so far: interim heads before it, the body after it."""
        rest = self._head
        for _ in range(self._interims):
            rest = rest.lstrip(b"\r\n").partition(b"\r\n\r\n")[2]
        rest = rest.lstrip(b"\r\n")
        self._head = b""
        return rest[: rest.find(b"\r\n\r\n") + 2]

    def _too_large(self) -> Failure:
        if self._head_done:
            return Failure("body_too_large", f"more than {self._max_body:,} bytes")
        return Failure("protocol", f"the response head has more than {HEAD_LIMIT:,} bytes")

    def _ends_with_connection(self) -> bool:
        """Whether the body has neither a length nor chunks, so that only the end of the connection ends it."""
        headers = self._exchange.headers
        chunked = headers.get("transfer-encoding", "").lower().endswith("chunked")
        return "content-length" not in headers and not chunked

    def _stays_open_after_head(self) -> bool:
        """As `should_keep_alive`, which takes a response to HEAD without a length for one that ends by closing."""
        tokens = {token.strip().lower() for token in self._exchange.headers.get("connection", "").split(",")}
        if self._parser.get_http_version() == "1.0":
            return "keep-alive" in tokens
        return "close" not in tokens
