"""`multipart`: fields and files as multipart/form-data (RFC 7578), files read while they are sent.

    title: "{{ title }}"                                              a field; a list repeats, null omits it
    photo: { file: p.png, filename: "{{ id }}.png", content_type: image/png }
    meta:  { json: { id: 1 } }                                        { text: … } with a content type of its own

The boundary is the same in every request of a step, so that constant parts are encoded once. The value of a
template must not contain it: it could end its own part and begin another.
"""

from __future__ import annotations

import hashlib
import mimetypes
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from windtunnel.actions.compile.context import Field
from windtunnel.errors import ExpressionError
from windtunnel.expressions.functions import Scope
from windtunnel.expressions.text import text_of
from windtunnel.model.http import Body, FileBody, PartsBody

Head = bytes | Callable[[Scope], bytes]
"""The head of a part: constant, or rendered for each request."""

Piece = bytes | FileBody | Callable[[Scope], bytes]
"""A part of the body: constant, a file, or rendered for each request."""

_KINDS = ("file", "text", "json")
_PART_KEYS = (*_KINDS, "filename", "content_type")
_MEDIA_TYPE = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+/[!#$%&'*+.^_`|~0-9A-Za-z-]+( *; *[^\r\n\0]+)?")
# As browsers write names: html.spec.whatwg.org, "multipart/form-data encoding algorithm".
_IN_NAMES = {'"': "%22", "\r": "%0D", "\n": "%0A"}


def compile_file(field: Field, name: str) -> tuple[FileBody, str]:
    """A file that is read while it is sent, and the content type that its name suggests."""
    return FileBody(str(field.file(name) or name)), mimetypes.guess_type(name)[0] or "application/octet-stream"


def compile_multipart(field: Field, value: Any) -> tuple[Body | Callable[[Scope], Body], str]:
    """The body and its content type; problems are noted."""
    boundary = step_boundary(field)
    pieces: list[Piece] = []
    for name, spec in field.mapping(value).items():
        for here, entry in _entries(field / name, spec):
            pieces += _part(here, str(name), entry, boundary)
    pieces.append(f"--{boundary}--\r\n".encode())
    return _assemble(_merged(pieces)), f"multipart/form-data; boundary={boundary}"


def step_boundary(field: Field) -> str:
    """A boundary that no file holds by chance, and that is the same in every run."""
    where = (field.source.file.rpartition("/")[2], *map(str, field.path))
    return f"windtunnel-{hashlib.sha256('/'.join(where).encode()).hexdigest()[:32]}"


def multipart_of(fields: Mapping[str, Any], boundary: str, written: Callable[[str], str]) -> bytes:
    """The body of plain fields; a list repeats its name, null leaves it out. Raises ExpressionError."""
    parts = []
    for name, value in fields.items():
        for each in value if isinstance(value, list | tuple) else [value]:
            if each is not None:
                head = f'--{boundary}\r\nContent-Disposition: form-data; name="{_in_name(name)}"\r\n\r\n'
                content = _safe(written(text_of(each)).encode("utf-8", "replace"), boundary)
                parts.append(b"%b%b\r\n" % (head.encode("utf-8", "replace"), content))
    return b"".join([*parts, f"--{boundary}--\r\n".encode()])


def _entries(field: Field, spec: Any) -> Iterator[tuple[Field, Any]]:
    if isinstance(spec, list | tuple):
        yield from ((field / index, entry) for index, entry in enumerate(spec))
    elif spec is not None:  # null leaves a field out, as in `form` and `query`
        yield field, spec


def _part(field: Field, name: str, spec: Any, boundary: str) -> list[Piece]:
    """The header and the content of one part."""
    if not isinstance(spec, Mapping):
        return [_fields(field, _head(field, name, boundary, None, None), spec, boundary)]
    field.only_keys(spec, _PART_KEYS)
    kinds = [kind for kind in _KINDS if kind in spec]
    if len(kinds) != 1:
        field.problem(f"a part needs exactly one of {', '.join(_KINDS)}", hint="photo: { file: photo.png }")
        return []
    kind = kinds[0]
    here, filename, content_type = field / kind, spec.get("filename"), _content_type(field, spec)
    content: Piece
    if kind == "file":
        content, guessed = compile_file(here, str(spec["file"]))
        filename = re.split(r"[/\\]", str(spec["file"]))[-1] if filename is None else filename
        return [_head(field, name, boundary, filename, content_type or guessed), content, b"\r\n"]
    if kind == "json":
        document = here.json(spec["json"])
        head = _head(field, name, boundary, filename, content_type or "application/json")
        content = _constant_or_not(here, document.constant, lambda scope: _safe(document(scope) or b"", boundary))
        return [head, content, b"\r\n"]
    return [_fields(here, _head(field, name, boundary, filename, content_type), spec["text"], boundary)]


def _content_type(field: Field, spec: Mapping[str, Any]) -> str | None:
    content_type = spec.get("content_type")
    if content_type is None:
        return None
    if not isinstance(content_type, str) or not _MEDIA_TYPE.fullmatch(content_type):
        (field / "content_type").problem(f"{content_type!r} is not a content type", hint="content_type: image/png")
        return None
    return content_type


def _head(field: Field, name: str, boundary: str, filename: Any, content_type: str | None) -> Head:
    start = f'--{boundary}\r\nContent-Disposition: form-data; name="{_in_name(name)}"'
    end = f"\r\nContent-Type: {content_type}\r\n\r\n" if content_type else "\r\n\r\n"
    if filename is None:
        return f"{start}{end}".encode("utf-8", "replace")
    here = field / "filename"
    template = here.text(filename)

    def render(scope: Scope) -> bytes:
        return f'{start}; filename="{_in_name(template(scope) or "")}"{end}'.encode("utf-8", "replace")

    return here.attempt(lambda: render({}), b"") if template.constant else render


def _in_name(text: str) -> str:
    return "".join([_IN_NAMES.get(character, character) for character in text])


def _fields(field: Field, head: Head, value: Any, boundary: str) -> Piece:
    """The part of a value: none for null, one for each item of a list."""
    template = field.template(value)

    def parts(scope: Scope) -> bytes:
        value = template(scope)
        values = value if isinstance(value, list | tuple) else [value]
        texts = [text_of(each).encode("utf-8", "replace") for each in values if each is not None]
        start = head(scope) if callable(head) else head
        return b"".join([b"%b%b\r\n" % (start, _safe(text, boundary)) for text in texts])

    return _constant_or_not(field, template.constant and not callable(head), parts)


def _constant_or_not(field: Field, constant: bool, render: Callable[[Scope], bytes]) -> Piece:
    return field.attempt(lambda: render({}), b"") if constant else render


def _safe(content: bytes, boundary: str) -> bytes:
    if boundary.encode() in content:
        raise ExpressionError("the value contains the boundary of the multipart body")
    return content


def _merged(pieces: list[Piece]) -> list[Piece]:
    """The pieces, with adjacent constant bytes joined."""
    merged: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, bytes) and merged and isinstance(last := merged[-1], bytes):
            merged[-1] = last + piece
        else:
            merged.append(piece)
    return merged


def _assemble(pieces: list[Piece]) -> Body | Callable[[Scope], Body]:
    constant = [piece for piece in pieces if not callable(piece)]
    if any(isinstance(piece, FileBody) for piece in pieces):
        if len(constant) == len(pieces):
            return PartsBody(tuple(constant))
        return lambda scope: PartsBody(tuple(piece(scope) if callable(piece) else piece for piece in pieces))
    texts = [piece for piece in pieces if not isinstance(piece, FileBody)]
    if len(constant) == len(pieces):
        return b"".join(piece for piece in texts if isinstance(piece, bytes))
    return lambda scope: b"".join(piece(scope) if callable(piece) else piece for piece in texts)
