"""Reads the responses of a connection from its bytes, one after another, into exchanges. No sockets, no clock.

What httptools refuses, `tolerant.py` reads if curl and browsers do. This module decides what both leave open: a
response to HEAD ends with its head, a body without a length ends with the connection, interim (1xx) responses are
skipped, sizes have limits, and nothing may follow the body.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httptools

from windtunnel.http.decoding import DecodeError, Decoder, TooLargeError, decoder_for
from windtunnel.http.errors import ONLY_TLS, TLS_BYTES, Failure
from windtunnel.model.http import Exchange
from windtunnel.model.note import NOTES
from windtunnel.model.vocabulary import NoteKind

if TYPE_CHECKING:
    from windtunnel.http.tolerant import Chunks, TolerantParser

HEAD_LIMIT = 64 * 1024
"""Largest response head, interim ones included, in bytes."""

_KEPT_OF_TOO_LARGE = 64 * 1024
"""How many bytes of a body over the limit are kept as evidence."""

_OVERHEAD = 8
"""Maximum number of bytes on the wire per byte of body, even with the smallest chunks."""


_KEPT_PIECES = 16
"""How many pieces of a chunked body are kept before those that are as they should be are dropped."""

_fields_of_note = re.compile(rb"\n(set-cookie|content-encoding|transfer-encoding):", re.IGNORECASE)
_has_fields_of_note = re.compile(rb"\n[SsCcTt][EeOoRr][TtNnAa](?i:-cookie|tent-encoding|nsfer-encoding):").search
"""Whether a head has one of them: most have none, and are not parsed. In this form it costs an eighth less."""


_names_other_codings = re.compile(
    rb"\ntransfer-encoding:(?![ \t]*chunked[ \t]*\r\n(?![ \t]))", re.IGNORECASE
).search
"""Whether Transfer-Encoding is something else than `chunked`."""

_BLANK = 0x20


class _StopReadingError(Exception):
    """Raised inside a parser callback to stop the parser."""


_STOPS = (httptools.HttpParserError, _StopReadingError)
_STOPPED_BY_CALLBACK = (httptools.HttpParserCallbackError, _StopReadingError)
"""What a parser raises, and of that what a callback did: httptools wraps it, the tolerant parser does not."""


def _forget(_: bytes) -> None:
    """Take a piece of a body that httptools has handed on."""


class ResponseReader:
    """The incoming side of one connection.

    `start`, then `feed` until `complete`, then `start` again if `reusable`. The exchange gets status and head
    together, and the body at the end. The fields of the head are parsed when first needed, which is rare.

    `_kept` is what has arrived of a chunked body and is not known to be as it should be, with its head before it
    until `_known` has read that; `_encoded` counts the bytes of a body that is decoded.
    """

    __slots__ = (
        "_body_size",
        "_chunks",
        "_decoder",
        "_encoded",
        "_exchange",
        "_failure",
        "_head",
        "_head_done",
        "_interim",
        "_interims",
        "_kept",
        "_known",
        "_max_body",
        "_parser",
        "_parser_is_stuck",
        "_strict",
        "_wire_limit",
        "complete",
        "continues",
        "received",
        "reusable",
        "sets_cookies",
    )

    def __init__(self, *, strict: bool = False) -> None:
        """With `strict`, a departure from the standard fails the response instead of being noted."""
        self._parser: httptools.HttpResponseParser | TolerantParser = httptools.HttpResponseParser(self)
        self._strict = strict
        self._kept: list[bytes] | None = None
        self._known: Chunks | None = None
        self._parser_is_stuck = False
        self.complete = True
        self.reusable = True

    def start(self, exchange: Exchange, max_body: int) -> None:
        """Expect the response of `exchange`, with a body of at most `max_body` bytes after decoding."""
        if self._parser_is_stuck:  # waiting for the body of a response to HEAD, or the tolerant one
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
        elif self._kept is not None:
            self._keep(data, self._kept)
        try:
            self._parser.feed_data(data)
        except _STOPS as error:
            self._stopped(error)
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

    def note(self, kind: NoteKind) -> None:
        """A response departs from the standard; each kind is noted once."""
        if self._strict:
            self._failure = Failure("protocol", f"{NOTES[kind].matter} (`http: strict` in the SUT file)")
            raise _StopReadingError
        if self._exchange.notes is None or kind not in self._exchange.notes:
            self._exchange.note(kind)

    def _stopped(self, error: Exception) -> None:
        """Read on with the tolerant parser if httptools gave up by itself; else the response has failed."""
        if self.complete:
            self.reusable = False  # bytes after a complete response are never used
        elif not self._head_done and self._head.startswith(TLS_BYTES):
            self._failure = ONLY_TLS
        elif self._failure is None:
            rest = None if isinstance(error, _STOPPED_BY_CALLBACK) else self._become_tolerant()
            if rest is None:
                self._failure = Failure("protocol", str(error))
                return
            try:
                self._parser.feed_data(rest)
            except _STOPS as final:
                self._stopped(final)

    def _become_tolerant(self) -> bytes | None:
        """Replace the parser by the tolerant one. Returns what that has to read first, None if it can't help."""
        from windtunnel.http.tolerant import Chunks, TolerantParser

        if isinstance(self._parser, TolerantParser) or (self._head_done and self._kept is None):
            return None
        parser = TolerantParser(self)
        rest = self._head
        if self._head_done:
            assert self._kept is not None
            delivered = self._body_size if self._decoder is None else self._encoded
            rest = self._behind_head(self._kept)
            parser.resume(self._exchange.head, self._known or Chunks(self.note), delivered=delivered)
        self._interims, self._interim, self._kept = 0, False, None
        self._parser, self._parser_is_stuck = parser, True
        return rest

    def _keep(self, data: bytes, kept: list[bytes]) -> None:
        """Keep a piece of a chunked body for the tolerant parser, and forget those before it now and then."""
        if len(kept) >= _KEPT_PIECES:
            from windtunnel.http.tolerant import Chunks

            rest = self._behind_head(kept)
            self._known = self._known or Chunks(self.note)
            try:
                self._known.feed(rest, _forget)
            except _STOPS:  # not chunked after all
                self._kept = None
            kept.clear()
        kept.append(data)

    def _behind_head(self, kept: list[bytes]) -> bytes:
        """What is kept of a body, without the head, which is only there before anything is known."""
        rest = b"".join(kept)
        return rest[rest.find(b"\r\n\r\n") + 4 :] if self._known is None else rest

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
        rest = self._without_interims()
        head = exchange.head = rest[: rest.find(b"\r\n\r\n") + 2]
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
            self._read_fields_of_note(exchange, rest)
        if exchange.method == "HEAD":
            self._parser_is_stuck = True
            self._complete(reusable=self._stays_open_after_head())

    def on_body(self, data: bytes) -> None:
        """A piece of the body, without the framing of its chunk."""
        if self.complete:
            raise _StopReadingError
        if self._decoder is not None:
            self._encoded += len(data)
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
        self.complete, self.reusable, self._kept = True, reusable, None
        if self._decoder is not None and self._exchange.method != "HEAD":
            try:
                odd = self._decoder.finish()
            except DecodeError as error:
                self._failure = Failure("decode", str(error))
                return
            if odd is not None:
                self._exchange.note(odd.kind, about=odd.about)
        self._exchange.body = b"".join(self._chunks)

    def _read_fields_of_note(self, exchange: Exchange, rest: bytes) -> None:
        names = {name.lower() for name in _fields_of_note.findall(exchange.head)}
        self.sets_cookies = b"set-cookie" in names
        transfer: list[str] = []
        if b"transfer-encoding" in names and _names_other_codings(exchange.head):
            transfer = exchange.headers.all("transfer-encoding")
        if transfer or b"content-encoding" in names:
            codings = exchange.headers.all("content-encoding")
            self._decoder = decoder_for(codings, self._max_body, transfer=transfer)
            self._encoded = 0
        if b"transfer-encoding" in names and not self._parser_is_stuck:
            self._kept, self._known = [rest], None

    def _without_interims(self) -> bytes:
        """The final head and what came behind it, without the interim heads and blank lines before it."""
        if self._parser_is_stuck:
            assert not isinstance(self._parser, httptools.HttpResponseParser)
            return self._parser.head + b"\r\n"
        rest = self._head
        for _ in range(self._interims):
            rest = rest.lstrip(b"\r\n").partition(b"\r\n\r\n")[2]
        self._head = b""
        if rest[0] < _BLANK:
            self.note("blank_line_first")
            rest = rest.lstrip(b"\r\n")
        return rest

    def _too_large(self) -> Failure:
        if self._head_done:
            return Failure("body_too_large", f"more than {self._max_body:,} bytes")
        return Failure("protocol", f"the response head has more than {HEAD_LIMIT:,} bytes")

    def _ends_with_connection(self) -> bool:
        """Whether the body has neither a length nor chunks, so that only the end of the connection ends it."""
        if self._parser_is_stuck:
            return not isinstance(self._parser, httptools.HttpResponseParser) and self._parser.until_close
        headers = self._exchange.headers
        chunked = headers.get("transfer-encoding", "").lower().endswith("chunked")
        return "content-length" not in headers and not chunked

    def _stays_open_after_head(self) -> bool:
        """As `should_keep_alive`, which takes a response to HEAD without a length for one that ends by closing."""
        tokens = {token.strip().lower() for token in self._exchange.headers.get("connection", "").split(",")}
        if self._parser.get_http_version() == "1.0":
            return "keep-alive" in tokens
        return "close" not in tokens
