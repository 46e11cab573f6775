"""An HTTP request and its outcome, as actions and records see them. `http/` sends and receives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

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


class Headers(Mapping[str, str]):
    """Response headers by lower-case name; several of one name are joined with `, ` (`all()` keeps them apart)."""

    __slots__ = ("_all",)

    def __init__(self, pairs: Sequence[tuple[bytes, bytes]]) -> None:
        self._all: dict[str, list[str]] = {}
        for name, value in pairs:
            self._all.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))

    def __getitem__(self, name: str) -> str:
        return ", ".join(self._all[name.lower()])

    def __iter__(self) -> Any:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._all

    def all(self, name: str) -> list[str]:
        """Every value of one header, in order of arrival."""
        return self._all.get(name.lower(), [])


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


class Exchange(msgspec.Struct, eq=False, gc=False):
    """A request and its outcome: mutable while the connection fills it, unchanged afterwards.

    `head` is the response's status line and header fields as they came. `started` and `ended` are seconds of
    `time.perf_counter`. `error` is None when the response is complete. `hop`: its redirect was followed.
    `notes` counts what was odd about the response, None for nothing.
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
    hop: bool = False
    span_id: str = ""
    notes: dict[NoteKind, int] | None = None
    _headers: Headers | None = None
    _json: Any = msgspec.UNSET
    _text: str | None = None
    _is_no_data: object = object()
    """What msgspec cannot encode, so that `{{ response }}` in a JSON body stays an error."""

    def note(self, kind: NoteKind, count: int = 1) -> None:
        """Count something odd about the response, which was read all the same."""
        if self.notes is None:
            self.notes = {}
        self.notes[kind] = self.notes.get(kind, 0) + count

    @property
    def headers(self) -> Headers:
        """The response headers, parsed when first asked for."""
        if self._headers is None:
            self._headers = Headers(parse_head(self.head))
        return self._headers

    @property
    def json(self) -> Any:
        """The body as JSON, parsed once. Raises ValueError when it is not JSON."""
        if self._json is msgspec.UNSET:
            try:
                self._json = _decode_json(self.body)
            except RecursionError:
                raise ValueError("the JSON is nested too deep") from None
        return self._json

    @property
    def text(self) -> str:
        """The body as UTF-8 text; invalid bytes are replaced. A long one is kept: a template may loop over it."""
        if self._text is not None:
            return self._text
        text = self.body.decode("utf-8", "replace")
        if len(text) > _LONG_TEXT:
            self._text = text
        return text

    @property
    def status_code(self) -> int:
        """The status; the same as `status`."""
        return self.status

    @property
    def latency_ms(self) -> float:
        """Service time in milliseconds."""
        return self.timings.duration_us / 1000
