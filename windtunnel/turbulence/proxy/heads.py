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
_request_line = re.compile(rb"(" + _TOKEN + rb") ([!-~\x80-\xff]+) HTTP/1\.([01])\r\n").match
_fields = re.compile(rb"(?:" + _TOKEN + rb":[\t\x20-\x7e\x80-\xff]*\r\n)*\r\n").fullmatch
_status_line = re.compile(rb"HTTP/1\.([01]) ([0-9]{3})(?: [^\r\n]*)?\r?\n").match
_of_request = re.compile(
    rb"\n(host|content-length|transfer-encoding|connection|expect|x-correlation-id|traceparent|"
    rb"(?:x-)?idempotency-key):[ \t]*([^\r\n]*)",
    re.IGNORECASE,
).finditer
_of_response = re.compile(
    rb"\n(content-length|transfer-encoding|connection|location)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE
).finditer
_absolute = re.compile(rb"https?://([^/?#]*)(.*)", re.IGNORECASE).fullmatch
_is_length = re.compile(rb"[0-9]{1,18}").fullmatch
_is_id = re.compile(rb"[!-~]{1,128}").fullmatch
_trace_id = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-").match
_CODINGS = frozenset({b"gzip", b"x-gzip", b"deflate", b"compress", b"x-compress"})
_LONGEST_KEY = 128


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
    def path(self) -> str:
        """The path alone, in printable ASCII, for matching and for records."""
        return quote_from_bytes(self.target.partition(b"?")[0], safe=_PRINTABLE)[:LONGEST_PATH]


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
    if _fields(data, line.end()) is None:
        return Refusal(status=400, why="a header line is malformed")
    method, target, minor = line.groups()
    head = RequestHead(wire=data, method=method.decode(), target=target, closes=minor == b"0")
    host: re.Match[bytes] | None = None
    length: bytes | None = None
    codings: bytes | None = None
    trace = b""
    for field in _of_request(data, line.end() - 1):
        name, value = field.groups()
        name, value = name.lower(), value.rstrip(b" \t")
        if name == b"host":
            if host is not None:
                return Refusal(status=400, why="more than one Host header")
            host = field
        elif name == b"content-length":
            if length is not None:
                return Refusal(status=400, why="more than one Content-Length header")
            length = value
        elif name == b"transfer-encoding":
            codings = value if codings is None else codings + b"," + value
        elif name == b"connection":
            head.closes = _closes(value, head.closes)
        elif name == b"expect":
            head.expects = value.lower() == b"100-continue"
        elif name == b"x-correlation-id":
            head.correlation_id = head.correlation_id or (value.decode() if _is_id(value) else "")
        elif name == b"traceparent":
            trace = trace or value
        else:
            head.key = head.key or value
    return _framed(head, length, codings, minor) or _addressed(_identified(head, trace), line, host, names)


def _closes(connection: bytes, closes: bool) -> bool:
    options = {option.strip() for option in connection.lower().split(b",")}
    return b"close" in options or (closes and b"keep-alive" not in options)


def _identified(head: RequestHead, trace: bytes) -> RequestHead:
    if not head.correlation_id and (found := _trace_id(trace)) is not None:
        head.correlation_id = found[1].decode()
    if len(head.key) > _LONGEST_KEY:
        head.key = blake2b(head.key, digest_size=16).digest()
    return head


def _framed(head: RequestHead, length: bytes | None, codings: bytes | None, minor: bytes) -> Refusal | None:
    """Set how the body is framed, or refuse what could be framed in two ways."""
    if codings is not None:
        if length is not None:
            return Refusal(status=400, why="both Content-Length and Transfer-Encoding", error="smuggling")
        if minor == b"0":
            return Refusal(status=400, why="Transfer-Encoding in HTTP/1.0", error="smuggling")
        *others, last = (coding.strip() for coding in codings.lower().split(b","))
        if last != b"chunked" or not _CODINGS.issuperset(others):
            return Refusal(status=501, why="a Transfer-Encoding other than chunked", error="smuggling")
        head.body = CHUNKED
    elif length is not None:
        if _is_length(length) is None:
            return Refusal(status=400, why="Content-Length is no number", error="smuggling")
        head.body = int(length)
    return None


def _addressed(
    head: RequestHead, line: re.Match[bytes], host: re.Match[bytes] | None, names: Names
) -> RequestHead | Refusal:
    """Make the head one for the upstream: the proxy's name becomes its name, a whole URL of it becomes a path."""
    if head.method == "CONNECT":
        return Refusal(status=501, why="this proxy opens no tunnels to other hosts", error="elsewhere")
    calls_us = host is not None and host[2].rstrip(b" \t").endswith(names.own)
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
        head.wire = b"".join((data[:begin], path, data[end : host.start(2)], names.upstream, data[host.end(2) :]))
        head.renamed = True
    return head


def read_response(data: bytes, end: int) -> ResponseHead | None:
    """Read the head of a response, which is `data` up to `end`; None for what is none."""
    line = _status_line(data)
    if line is None:
        return None
    head = ResponseHead(status=int(line[2]), body=UNTIL_CLOSE, closes=line[1] == b"0")
    lengths: set[bytes] = set()
    codings: bytes | None = None
    for field in _of_response(data, line.end() - 1, end):
        name, value = field.groups()
        name, value = name.lower(), value.rstrip(b" \t")
        if name == b"content-length":
            lengths.update(length.strip() for length in value.split(b","))
        elif name == b"transfer-encoding":
            codings = value if codings is None else codings + b"," + value
        elif name == b"connection":
            head.closes = _closes(value, head.closes)
        else:
            head.location = field.span(2)
    if codings is not None:
        head.closes = head.closes or bool(lengths)
        if codings.lower().split(b",")[-1].strip() == b"chunked":
            head.body = CHUNKED
    elif lengths:
        if len(lengths) > 1 or _is_length(next(iter(lengths))) is None:
            return None
        head.body = int(lengths.pop())
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
