"""Scans the heads of HTTP/1.1 messages (RFC 9112): where one ends, how its body is framed, whose request it is.

A request is read strictly: what two readers could understand in two ways is refused, and never sent on. A response
is read as clients do; the head of one that can't be read is None, and then its bytes are passed on as they are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b
from urllib.parse import quote_from_bytes

CHUNKED = -1
UNTIL_CLOSE = -2
"""The length of a body that has none; any other is a number of bytes."""

LONGEST_HEAD = 65_536
"""The most bytes of the head of a request, and of the trailers of a body."""

LONGEST_RESPONSE_HEAD = 262_144

LONGEST_PATH = 256
"""Characters of a path in a record."""

head_end = re.compile(rb"\n\r?\n").search
"""Finds the end of a head, also one whose lines end in a bare line feed."""

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_METHOD = _TOKEN.removesuffix(b"+") + b"{1,32}"
_request_line = re.compile(rb"(" + _METHOD + rb") ([!-~\x80-\xff]+) HTTP/1\.([01])\r\n").match
_is_malformed = re.compile(rb"\n(?!" + _TOKEN + rb":)").search
_TEXT = bytes([9, *range(0x20, 0x7F), *range(0x80, 0x100)])
_status_line = re.compile(rb"HTTP/1\.([01]) ([0-9]{3})(?: [^\r\n]*)?\r?\n").match
_absolute = re.compile(rb"https?://([^/?#]*)(.*)", re.IGNORECASE).fullmatch
_is_length = re.compile(rb"[0-9]{1,18}").fullmatch
_is_id = re.compile(rb"[!-~]{1,128}").fullmatch
_trace_id = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-").match
_CODINGS = frozenset({b"gzip", b"x-gzip", b"deflate", b"compress", b"x-compress"})
_LONGEST_REMEMBERED = 128
"""Bytes of a key or target that is remembered; of a longer one, a hash is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What a proxy and its upstream are called in requests: `own` is `:PORT`, `upstream` the authority."""

    own: bytes
    upstream: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a request is not sent on: the status that answers it, and a word for its record."""

    status: int
    why: str
    error: str = "bad_request"


@dataclass(slots=True, kw_only=True)
class RequestHead:
    """The head of a request. `wire` is what the upstream is sent.

    `target` is path and query; `body` a length, or CHUNKED. `expects`: the caller waits for 100 (Continue).
    `closes`: the connection ends with this request. `renamed`: it called the proxy by name, `wire` the upstream.
    `correlation_id` and `key` (of idempotency) are "" and b"" where there is none.
    """

    wire: bytes
    method: str
    target: bytes
    body: int = 0
    expects: bool = False
    closes: bool = False
    renamed: bool = False
    correlation_id: str = ""
    key: bytes = b""

    @property
    def identity(self) -> tuple[str | bytes, ...]:
        """What the attempts of one request have in common, besides the key."""
        return self.correlation_id, self.method, _short(self.target)

    @property
    def path(self) -> str:
        """The path alone, in printable ASCII, for matching and for records."""
        path = self.target.partition(b"?")[0][:LONGEST_PATH]
        return path.decode() if path.isascii() else quote_from_bytes(path, safe=_PRINTABLE)[:LONGEST_PATH]


_PRINTABLE = bytes(range(0x21, 0x7F))


@dataclass(slots=True, kw_only=True)
class ResponseHead:
    """The head of a response. `body` is a length, CHUNKED or UNTIL_CLOSE, whatever the request was.

    `closes`: the connection ends with this response. `location` is where the value of that header is in the head.
    """

    status: int
    body: int
    closes: bool = False
    location: tuple[int, int] | None = None


def read_request(data: bytes, names: Names) -> RequestHead | Refusal:
    """Read the head of a request, which is all of `data`."""
    line = _request_line(data)
    if line is None:
        if b" HTTP/1." not in data.partition(b"\n")[0] and b" HTTP/" in data.partition(b"\n")[0]:
            return Refusal(status=505, why="this proxy speaks HTTP/1.1; for others write protocol: tcp")
        return Refusal(status=400, why="not a request line of HTTP/1.1")
    # Every line ends with CR LF and has no other control character, and each begins with a name and a colon.
    if data.replace(b"\r\n", b"").translate(None, _TEXT) or _is_malformed(data, 0, len(data) - 3) is not None:
        return Refusal(status=400, why="a header line is malformed")
    fields = _Fields(data)
    method, target, minor = line.groups()
    head = RequestHead(wire=data, method=method.decode(), target=target, closes=minor == b"0")
    hosts, lengths = fields.places(b"\nhost"), fields.values(b"\ncontent-length")
    if len(hosts) > 1:
        return Refusal(status=400, why="more than one Host header")
    if len(lengths) > 1:
        return Refusal(status=400, why="more than one Content-Length header", error="smuggling")
    refusal = _framed(head, lengths, fields.values(b"\ntransfer-encoding"), minor)
    if refusal is not None:
        return refusal
    for connection in fields.values(b"\nconnection"):
        head.closes = _closes(connection, head.closes)
    head.expects = any(value.lower() == b"100-continue" for value in fields.values(b"\nexpect"))
    _identify(head, fields)
    return _addressed(head, line, hosts[0] if hosts else None, names)


class _Fields:
    """Finds fields in a head by their names, which are given in lower case after a line feed."""

    __slots__ = ("_data", "_lower")

    def __init__(self, data: bytes) -> None:
        self._data, self._lower = data, data.lower()

    def places(self, name: bytes) -> list[tuple[int, int]]:
        """Where the values of these fields are."""
        found: list[tuple[int, int]] = []
        at = self._lower.find(name)
        while at >= 0:
            begin = at + len(name)
            end = self._lower.find(b"\n", begin)
            blank, colon, value = self._data[begin:end].partition(b":")
            if colon and not blank.strip(b" \t"):
                begin = end - len(value.lstrip(b" \t"))
                found.append((begin, begin + len(value.strip(b" \t\r"))))
            at = self._lower.find(name, end)
        return found

    def values(self, name: bytes) -> list[bytes]:
        """The values of these fields."""
        return [self._data[begin:end] for begin, end in self.places(name)]

    def first(self, name: bytes) -> bytes:
        """The value of the first of these fields, b"" where there is none."""
        return next(iter(self.values(name)), b"")


def _closes(connection: bytes, closes: bool) -> bool:
    options = {option.strip() for option in connection.lower().split(b",")}
    return b"close" in options or (closes and b"keep-alive" not in options)


def _identify(head: RequestHead, fields: _Fields) -> None:
    """Set the ids by which logical requests are known."""
    correlation = fields.first(b"\nx-correlation-id")
    if _is_id(correlation):
        head.correlation_id = correlation.decode()
    elif (trace := _trace_id(fields.first(b"\ntraceparent"))) is not None:
        head.correlation_id = trace[1].decode()
    head.key = fields.first(b"\nidempotency-key") or fields.first(b"\nx-idempotency-key")
    head.key = _short(head.key)


def _short(value: bytes) -> bytes:
    """The value as it is remembered: a long one is a hash."""
    return value if len(value) <= _LONGEST_REMEMBERED else blake2b(value, digest_size=16).digest()


def _framed(head: RequestHead, lengths: list[bytes], codings: list[bytes], minor: bytes) -> Refusal | None:
    """Set how the body is framed, or refuse what could be framed in two ways."""
    if codings:
        if lengths:
            return Refusal(status=400, why="both Content-Length and Transfer-Encoding", error="smuggling")
        if minor == b"0":
            return Refusal(status=400, why="Transfer-Encoding in HTTP/1.0", error="smuggling")
        *others, last = (coding.strip() for coding in b",".join(codings).lower().split(b","))
        if last != b"chunked" or not _CODINGS.issuperset(others):
            return Refusal(status=501, why="a Transfer-Encoding other than chunked", error="smuggling")
        head.body = CHUNKED
    elif lengths:
        if _is_length(lengths[0]) is None:
            return Refusal(status=400, why="Content-Length is no number", error="smuggling")
        head.body = int(lengths[0])
    return None


def _addressed(
    head: RequestHead, line: re.Match[bytes], host: tuple[int, int] | None, names: Names
) -> RequestHead | Refusal:
    """Make the head one for the upstream: the proxy's name becomes its name, a whole URL of it becomes a path."""
    if head.method == "CONNECT":
        return Refusal(status=501, why="this proxy opens no tunnels to other hosts", error="elsewhere")
    calls_us = host is not None and head.wire.endswith(names.own, *host)
    if head.target[:1] != b"/" and head.target != b"*":
        whole = _absolute(head.target)
        if whole is None:
            return Refusal(status=400, why="the target is no path")
        if not whole[1].endswith(names.own) and whole[1].lower() != names.upstream:
            return Refusal(status=421, why="this proxy forwards to its own upstream only", error="elsewhere")
        path = whole[2] if whole[2][:1] == b"/" else b"/" + whole[2]
        data, begin, end = head.wire, line.start(2), line.end(2)
        head.target = path
    else:
        if not calls_us:
            return head
        data, begin, end, path = head.wire, 0, 0, b""
    if host is None:
        head.wire = b"".join((data[:begin], path, data[end:]))
    else:
        head.wire = b"".join((data[:begin], path, data[end : host[0]], names.upstream, data[host[1] :]))
        head.renamed = True
    return head


def read_response(data: bytes) -> ResponseHead | None:
    """Read the head of a response, which is all of `data`; None for what is none."""
    line = _status_line(data)
    if line is None:
        return None
    head = ResponseHead(status=int(line[2]), body=UNTIL_CLOSE, closes=line[1] == b"0")
    fields = _Fields(data)
    lengths = fields.values(b"\ncontent-length")
    codings = fields.values(b"\ntransfer-encoding")
    for connection in fields.values(b"\nconnection"):
        head.closes = _closes(connection, head.closes)
    head.location = next(iter(fields.places(b"\nlocation")), None)
    if codings:
        head.closes = head.closes or bool(lengths)
        if codings[-1].lower().split(b",")[-1].strip() == b"chunked":
            head.body = CHUNKED
    elif lengths:
        different = {length.strip() for length in b",".join(lengths).split(b",")}
        if len(different) > 1 or _is_length(next(iter(different))) is None:
            return None
        head.body = int(different.pop())
    return head


def has_body(method: str, status: int) -> bool:
    """Whether a response of this status to a request of this method has a body (RFC 9112, 6.3)."""
    return method != "HEAD" and status not in (204, 304)


def relocated(wire: bytes, begin: int, theirs: bytes, ours: bytes) -> bytes:
    """A head with a Location, which begins there, below the upstream's URL as one below the proxy's."""
    end = begin + len(theirs)
    if not wire.startswith(theirs, begin) or wire[end : end + 1] not in b"/?#\r\n":
        return wire
    return b"".join((wire[:begin], ours, wire[end:]))
