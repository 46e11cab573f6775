"""An HTTP request and its outcome, as actions and records see them. `http/` sends and receives."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from windtunnel.errors import ExpressionError, NotJsonError, UnreadableBodyError
from windtunnel.model.record import Timings
from windtunnel.model.vocabulary import ErrorKind, NoteKind

ERROR_KINDS: dict[ErrorKind, str] = {
    "timeout": "no complete response before the deadline",
    "dns": "the host name could not be resolved",
    "refused": "the connection was refused",
    "unreachable": "no route to the host or network",
    "connect_timeout": "no connection before the deadline",
    "proxy": "the proxy did not open a connection",
    "tls": "the TLS handshake failed",
    "reset": "the connection was reset",
    "closed": "the connection was closed before the response was complete",
    "protocol": "the response is not valid HTTP/1.1",
    "body_too_large": "the body is larger than max_body",
    "decode": "the body could not be decompressed",
    "too_many_redirects": "more than 10 redirects",
    "host_not_allowed": "the host is not in the SUT file nor in allow_hosts",
    "token": "no access token was received",
    "bad_request": "the request could not be encoded",
    "open_files": "this machine ran out of file descriptors",
    "ports": "this machine ran out of local ports",
}
"""A sentence for each reason why a request has no complete response."""

AWAITING_TLS = "waiting for the TLS handshake"
"""The part of a detail that says that a server accepted the connection, and not TLS in it, before the deadline."""


def is_about_tls(kind: ErrorKind, detail: str | None) -> bool:
    """Whether a request failed by TLS: the server runs, and the detail says what helps."""
    return kind == "tls" or AWAITING_TLS in (detail or "")


GENERATOR_ERRORS: frozenset[ErrorKind] = frozenset({"open_files", "ports", "bad_request"})
"""Errors of the generator or the scenario, not of the SUT: the step is errored, not failed."""


@dataclass(frozen=True, slots=True)
class FileBody:
    """A request body in a file, which is read while it is sent."""

    path: str


@dataclass(frozen=True, slots=True)
class PartsBody:
    """A request body of several pieces in a row; files among them are read while it is sent."""

    pieces: tuple[bytes | FileBody, ...]


Body = bytes | FileBody | PartsBody
"""The body of a request."""


class OpaqueText(str):
    """A header value whose bytes are not UTF-8. It reads as latin-1; `wire_text` still knows the bytes."""

    __slots__ = ("_bytes",)
    _bytes: bytes

    def __new__(cls, text: str, came: bytes) -> OpaqueText:
        """`text` is what is shown and compared."""
        self = super().__new__(cls, text)
        self._bytes = came
        return self

    def __reduce__(self) -> tuple[type[OpaqueText], tuple[str, bytes]]:
        """Pickle the bytes too."""
        return OpaqueText, (str(self), self._bytes)


def header_text(value: bytes) -> str:
    """A header value as text: UTF-8 where that is valid, else latin-1."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return OpaqueText(value.decode("latin-1"), value)


def wire_text(value: str) -> str:
    """The text that UTF-8 with `surrogateescape` turns into the bytes to send: of a header value, those that came.

    Bytes that are not UTF-8 are lone surrogates in it (PEP 383).
    """
    return value._bytes.decode("utf-8", "surrogateescape") if isinstance(value, OpaqueText) else value


LINE_BREAKS = re.compile(r"[\r\n\0]")
COOKIE_BREAKS = re.compile(r"[\r\n\0;]")


def sendable(name: str, value: str, refused: re.Pattern[str]) -> str:
    """The value of a header or a cookie. Raises ExpressionError if it would end it or begin another one."""
    found = refused.search(value)
    if found is None:
        return value
    what = "a semicolon" if found.group() == ";" else "a line break or a null character"
    raise ExpressionError(f'the value of "{name}" must not contain {what}')


def without_bytes(value: object) -> str:
    """The `enc_hook` of JSON encoders, which take no subclass of str."""
    if isinstance(value, str):
        return str(value)
    raise TypeError(f"Encoding objects of type {type(value).__name__} is unsupported")


class Headers(Mapping[str, str]):
    """Response headers by lower-case name; several of one name are joined with `, ` (`all()` keeps them apart).

    Values are bytes, and decoded where they are read: as UTF-8 where that is valid, else latin-1.
    """

    __slots__ = ("_all",)

    def __init__(self, pairs: Sequence[tuple[bytes, bytes]]) -> None:
        self._all: dict[str, list[bytes]] = {}
        for name, value in pairs:
            self._all.setdefault(name.lower().decode("latin-1"), []).append(value)

    def __getitem__(self, name: str) -> str:
        came = self._all[name.lower()]
        if len(came) == 1:
            return header_text(came[0])
        texts = [header_text(value) for value in came]
        joined = ", ".join(texts)
        return OpaqueText(joined, b", ".join(came)) if OpaqueText in map(type, texts) else joined

    def __iter__(self) -> Any:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._all

    def all(self, name: str) -> list[str]:
        """Every value of one header, in order of arrival."""
        return [header_text(value) for value in self.raw(name)]

    def raw(self, name: str) -> Sequence[bytes]:
        """Every value of one header as it came, in order of arrival."""
        return self._all.get(name.lower(), ())


def parse_head(head: bytes) -> list[tuple[bytes, bytes]]:
    """The header fields of a response head, in order of arrival, with folded ones (RFC 9112, 5.2) in one line.

    `head` has been found valid by a parser before: a status line and fields, each ended by CRLF.
    """
    fields: list[tuple[bytes, bytes]] = []
    for line in head.split(b"\r\n")[1:]:
        if line[:1] in {b" ", b"\t"} and fields:
            name, value = fields.pop()
            fields.append((name, value + b" " + line.strip(b" \t") if value else line.strip(b" \t")))
        elif line:
            name, _, value = line.partition(b":")
            fields.append((name, value.strip(b" \t")))
    return fields


_decode_json = msgspec.json.Decoder().decode


_LONG_TEXT = 64 * 1024

_names_other_charset = re.compile(
    rb"\ncontent-type:(?:[^\n]|\n[ \t])*charset(?![ \t]*=[ \t]*[\"']?utf-?8\b)", re.IGNORECASE
).search
"""Whether Content-Type names a charset that may not be UTF-8."""

_MAY_BE_MARKED = frozenset({b"\xef", b"\xfe", b"\xff", b"\0"})
"""The first bytes of byte order marks."""


class Exchange(msgspec.Struct, eq=False, gc=False):
    """A request and its outcome: mutable while the connection fills it, unchanged afterwards.

    `head` is the response's status line and header fields as they came, `request_head` the first line and header
    fields of the request as they go out, with the empty line behind them. `started` and `ended` are seconds of
    `time.perf_counter`. `error` is None when the response is complete. `hop`: its redirect was followed.
    `notes` counts what was odd about the response, None for nothing; `note_details` name what they are about.
    `fault` is the name of the fault that was done to it on purpose: its times and outcome are not the SUT's.
    `held_us` is how long a fault kept its step waiting beyond that, which is no part of its own times.
    As `response` in a template it offers status, headers, text, json, url and latency_ms.
    """

    method: str
    url: str
    service: str
    request_body: bytes = b""
    attempt: int = 1
    status: int = 0
    head: bytes = b""
    body: bytes = b""
    error: ErrorKind | None = None
    error_detail: str | None = None
    timings: Timings = msgspec.field(default_factory=Timings)
    started: float = 0.0
    ended: float = 0.0
    bytes_sent: int = 0
    bytes_received: int = 0
    resent: bool = False
    replaced: bool = False
    hop: bool = False
    span_id: str = ""
    notes: dict[NoteKind, int] | None = None
    note_details: dict[NoteKind, list[str]] | None = None
    fault: str | None = None
    held_us: int = 0
    request_head: bytes = b""
    _headers: Headers | None = None
    _json: Any = msgspec.UNSET
    _text: str | None = None
    _is_no_data: object = object()
    """What msgspec cannot encode, so that `{{ response }}` in a JSON body stays an error."""

    def note(self, kind: NoteKind, count: int = 1, *, about: str | None = None) -> None:
        """Count something odd about the response, which was read all the same.

        `about` is its name, for `--verbose`.
        """
        if self.notes is None:
            self.notes = {}
        self.notes[kind] = self.notes.get(kind, 0) + count
        if about is not None:
            if self.note_details is None:
                self.note_details = {}
            self.note_details.setdefault(kind, []).append(about)

    @property
    def headers(self) -> Headers:
        """The response headers, parsed when first asked for."""
        if self._headers is None:
            self._headers = Headers(parse_head(self.head))
        return self._headers

    @property
    def json(self) -> Any:
        """The body as JSON, parsed once. Raises NotJsonError (a ValueError), UnreadableBodyError."""
        if self._json is msgspec.UNSET:
            body = self.body
            # JSON that is ASCII reads the same in every charset.
            if self.notes is None and (body.isascii() or not _names_other_charset(self.head)):
                try:
                    self._json = found = _decode_json(body)
                except (ValueError, RecursionError):
                    self._read_json()
                else:
                    return found
            else:
                self._read_json()
        found = self._json
        if found.__class__ is NotJsonError:
            raise NotJsonError(*found.args)  # a new one: this one would keep what it passes through
        return found

    def _read_json(self) -> None:
        self._require_decoded()
        from windtunnel.model import body_json

        self._json, odd = body_json.read(self.body, self.headers.all("content-type"))
        self._note_once(odd)

    @property
    def text(self) -> str:
        """The body as text; what can't be decoded is replaced. A long one is kept: a template may loop over it.

        Raises UnreadableBodyError.
        """
        if self._text is not None:
            return self._text
        body = self.body
        if self.notes is None and body[:1] not in _MAY_BE_MARKED and not _names_other_charset(self.head):
            try:
                text = body.decode()
            except UnicodeDecodeError:
                return self._read_text()
            if len(text) > _LONG_TEXT:
                self._text = text
            return text
        return self._read_text()

    def _read_text(self) -> str:
        self._require_decoded()
        from windtunnel.model import body_text

        self._text, odd = body_text.read(self.body, self.headers.all("content-type"))
        self._note_once(odd)
        return self._text

    def beginning(self, most: int) -> str:
        """The first `most` bytes of the body as text, to be shown."""
        from windtunnel.model import body_text

        return body_text.beginning(self.body, self.headers.all("content-type"), most)

    def in_utf8(self, most: int) -> bytes:
        """The body to be kept or shown: of text in another charset its first `most` bytes, in UTF-8."""
        body = self.body
        if self.undecoded is None and (
            body[:1] in _MAY_BE_MARKED or body[:1] == b"<" or _names_other_charset(self.head)
        ):
            from windtunnel.model import body_text

            return body_text.in_utf8(body, self.headers.all("content-type"), most)
        return body

    @property
    def undecoded(self) -> str | None:
        """Why the body is still coded; None where it is not."""
        return (self.note_details or {}).get("unknown_coding", [None])[0]

    def _require_decoded(self) -> None:
        if self.undecoded is not None:
            raise UnreadableBodyError(f"the body can't be read: {self.undecoded}")

    def _note_once(self, kind: NoteKind | None) -> None:
        if kind is not None and kind not in (self.notes or ()):
            self.note(kind)

    @property
    def status_code(self) -> int:
        """The status; the same as `status`."""
        return self.status

    @property
    def latency_ms(self) -> float:
        """Service time in milliseconds."""
        return self.timings.duration_us / 1000
