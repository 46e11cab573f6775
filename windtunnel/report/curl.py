r"""A request as one line for a POSIX shell: `curl` with what repeats it.

    what is known                in the line
    text that can be seen        'single quotes', in which a shell changes nothing
    bytes that can't be seen     printf 'a\000b': its output is the header, or the body on standard input
    what redaction has hidden    "$NAME", which the reader sets: named after the header or key it stood under
    a body that is not known     "${BODY:?why}", with which a shell says why and runs nothing

The line has no character that can't be seen: what is copied is what is shown. A server can choose the names of
cookies and, by a redirect, those of query keys: their variables have a prefix, so that no answer leads to a line
that sends a variable of the reader's own, such as GITHUB_TOKEN.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_plus, urlsplit

from windtunnel import figures
from windtunnel.redaction import HIDDEN, SECRET_KEYS
from windtunnel.report.model import RequestStory
from windtunnel.storage.copies import LONGEST_BODY

ID_HEADERS = frozenset({"x-run-id", "x-instance-id", "x-correlation-id", "traceparent"})
"""The usual names of the headers with the ids of an instance."""

# RFC 9110, 7.6.1: they concern one connection alone.
_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authorization", "proxy-connection", "te", "trailer", "upgrade"}
)
_FRAMING = frozenset({"content-length", "transfer-encoding"})

_is_token = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch
_is_simple = re.compile(r"[A-Za-z0-9@%+=:,./_-]+").fullmatch
_is_http = re.compile(r"https?://", re.IGNORECASE).match
_has_dot_segment = re.compile(r"/(?:\.|%2e){1,2}(?:[/?#]|$)", re.IGNORECASE).search

_COOKIE = re.compile(r"[:;]\s*(?P<key>[^\s=;]{1,80})=$")
_QUERY = re.compile(r"[?&#](?P<key>[^=&?#]{1,80})=$")
_IN_BODY = (
    re.compile(r"\"(?P<key>(?:[^\"\\]|\\.){1,80})\"\s*:\s*\"$"),  # JSON
    re.compile(r"(?:^|&)(?P<key>[^=&\s]{1,80})=$"),  # a form
    re.compile(r"name=\"?(?P<key>[^\";\r\n]{1,80})[^\r\n]*(?:\r?\n[^\r\n]+){0,8}\r?\n\r?\n$"),  # multipart
    re.compile(r"<(?P<key>[\w:.-]{1,80})[^<>]{0,200}>$"),  # XML
)
"""What finds the key of a hidden value in the text before it."""

_LONGEST_BEFORE = 1_000


@dataclass(frozen=True, slots=True)
class _Variable:
    """A variable of the shell in place of what is hidden."""

    name: str


_Pieces = Sequence[str | _Variable]
"""A text; bytes in it that are not UTF-8 are lone surrogates (PEP 383)."""


class _Variables:
    """Names variables, each once."""

    def __init__(self) -> None:
        self._used: set[str] = set()

    def name(self, key: str) -> _Variable:
        base = re.sub(r"[^A-Z0-9]+", "_", key.upper()).strip("_")[:60]
        if base[0].isdecimal():
            base = f"_{base}"
        name, number = base, 1
        while name in self._used:
            number += 1
            name = f"{base}_{number}"
        self._used.add(name)
        return _Variable(name)

    def pieces(self, text: str, prefix: str, *, keys: Sequence[re.Pattern[str]], otherwise: str) -> _Pieces:
        """A text with variables for what is hidden: `prefix` and the key, or `otherwise` where none is found."""
        first, *others = text.split(HIDDEN)
        pieces: list[str | _Variable] = [first]
        before = first
        for other in others:
            found = next(filter(None, (key.search(before[-_LONGEST_BEFORE:]) for key in keys)), None)
            pieces += [self.name(f"{prefix}_{unquote_plus(found['key'])}" if found else otherwise), other]
            before = other
        return pieces


@dataclass(frozen=True, slots=True, kw_only=True)
class _Data:
    """The body in the line: options of curl, and the command whose output it reads."""

    options: tuple[str, ...] = ()
    feed: str = ""


def curl_line(request: RequestStory, *, ids: Collection[str] = ()) -> str:
    """The line that repeats a request.

    `ids` are those of its instance: headers with them are left out, unless the answer repeats them.
    """
    variables = _Variables()
    data = _data(request, variables)
    headers = [f"-H {each}" for each in _headers(request, ids, variables, has_data=bool(data.options))]
    url = _argument(variables.pieces(request.url, "url", keys=[_QUERY], otherwise="url_secret"))
    options = [*_of_method(request.method, has_data=bool(data.options)), *_of_url(request.url)]
    if any(name.lower() == "accept-encoding" for name, _ in request.request_headers or ()):
        options.append("--compressed")
    line = " ".join(
        ["curl", *options, *headers, *data.options, *([] if _is_http(request.url) else ["--url"]), url]
    )
    return f"{data.feed} | {line}" if data.feed else line


def _of_method(method: str, *, has_data: bool) -> list[str]:
    if method == "HEAD" and not has_data:
        return ["--head"]
    return [] if method == ("POST" if has_data else "GET") else ["-X", _argument([method])]


def _of_url(url: str) -> list[str]:
    """What keeps curl from changing a URL, or from speaking another version of HTTP than we do."""
    options = ["--http1.1"] if url.lower().startswith("https:") else []
    if set("[]{}") & set(url.replace(HIDDEN, "")):
        options.append("--globoff")
    if _has_dot_segment(url):
        options.append("--path-as-is")
    return options


def _headers(
    request: RequestStory, ids: Collection[str], variables: _Variables, *, has_data: bool
) -> Iterator[str]:
    """The arguments of `-H`."""
    if request.request_headers is None:
        return
    sent = {name.lower(): value for name, value in request.request_headers}
    for name, value in request.request_headers:
        if _is_token(name) and _matters(name.lower(), value, sent, request, ids):
            keys = [_COOKIE] if name.lower() == "cookie" else []
            own = name if SECRET_KEYS.search(name) else f"header_{name}"
            # A semicolon is how curl writes a header without a value.
            text = f"{name}: {value}" if value else f"{name};"
            yield _argument(variables.pieces(text, "cookie", keys=keys, otherwise=own))
    # Without a value and a semicolon: curl sends none of its own.
    by_curl = ["Accept", "User-Agent", *(["Content-Type"] if has_data else [])]
    yield from (f"{name}:" for name in by_curl if name.lower() not in sent)


def _matters(name: str, value: str, sent: dict[str, str], request: RequestStory, ids: Collection[str]) -> bool:
    """Whether a header is part of what was asked, and not sent by curl anyway."""
    if name in _HOP_BY_HOP or name in _FRAMING or (name == "accept" and value == "*/*"):
        return False
    if name in {each.strip().lower() for each in sent.get("connection", "").split(",")}:
        return False
    if name == "host":
        return value.lower() != _authority(request.url)
    if name in ID_HEADERS or value in ids:
        return _is_repeated(value, request)
    return True


def _authority(url: str) -> str:
    """The Host header that curl sends for a URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    default = {"http": ":80", "https": ":443"}.get(parts.scheme, "")
    return parts.netloc.rpartition("@")[2].lower().removesuffix(default)


def _is_repeated(value: str, request: RequestStory) -> bool:
    """Whether an id that was sent is in the answer; of a `traceparent`, its trace."""
    parts = value.split("-")
    looked_for = parts[1] if len(parts) == 4 and len(parts[1]) == 32 else value
    body = request.response_body
    answers = [each for _, each in request.response_headers or ()] + ([body.text] if body else [])
    return bool(looked_for) and any(looked_for in answer for answer in answers)


def _data(request: RequestStory, variables: _Variables) -> _Data:
    sent = {name.lower(): value for name, value in request.request_headers or ()}
    length = int(sent["content-length"]) if sent.get("content-length", "").isdecimal() else None
    if length == 0:
        return _Data(options=("--data-raw", "''"))
    body = request.request_body
    if body is None:
        unknown = length or (request.request_headers is None and request.method in {"POST", "PUT", "PATCH"})
        return _unknown(length) if unknown else _Data()
    if not _is_whole(body.content, body.size, length):
        return _unknown(length)
    text = body.content.decode("utf-8", "surrogateescape")
    pieces = variables.pieces(text, "body", keys=_IN_BODY, otherwise="body_secret")
    if _can_be_seen(pieces):
        return _Data(options=("--data-raw", _argument(pieces)))
    return _Data(options=("--data-binary", "@-"), feed=_printf(pieces))


def _is_whole(content: bytes, size: int, length: int | None) -> bool:
    """Whether `content` is all that was sent but for its secrets. `size` is what was kept of it."""
    if len(content) != size or size >= LONGEST_BODY or (length or 0) > LONGEST_BODY:
        return False
    return length is None or size == length or HIDDEN.encode() in content


def _unknown(length: int | None) -> _Data:
    size = f" of {figures.size(length)}" if length else ""
    why = f"the body{size} was not kept whole: set BODY to the path of a file with it"
    return _Data(options=("--data-binary", f'"@${{BODY:?{why}}}"'))


def _can_be_seen(pieces: _Pieces) -> bool:
    return all(piece.isprintable() for piece in pieces if isinstance(piece, str))


def _argument(pieces: _Pieces) -> str:
    """A text as one word of a shell."""
    if not _can_be_seen(pieces):
        return f'"$({_printf(pieces)})"'
    word = "".join(_quoted(piece) if isinstance(piece, str) else f'"${piece.name}"' for piece in pieces)
    return word or "''"


def _quoted(text: str) -> str:
    """As `shlex.quote`, but for an empty text, which is a part of a word."""
    return text if not text or _is_simple(text) else "'" + text.replace("'", "'\\''") + "'"


def _printf(pieces: _Pieces) -> str:
    """A command that writes a text byte for byte."""
    form = "".join(_escaped(piece) if isinstance(piece, str) else "%s" for piece in pieces)
    if form.startswith("-"):  # which would be an option
        form = f"\\055{form[1:]}"
    return " ".join(
        [f"printf '{form}'", *(f'"${piece.name}"' for piece in pieces if isinstance(piece, _Variable))]
    )


def _escaped(text: str) -> str:
    """A text as the format of `printf`, inside of single quotes."""
    return "".join(map(_escape, text))


def _escape(character: str) -> str:
    if character in "\n\t":
        return {"\n": "\\n", "\t": "\\t"}[character]
    if character in "'!" or not character.isprintable():
        return "".join(f"\\{byte:03o}" for byte in character.encode("utf-8", "surrogateescape"))
    return {"%": "%%", "\\": "\\\\"}.get(character, character)
