"""`multipart`: fields and files as multipart/form-data (RFC 7578), files read while they are sent.

    title: "{{ title }}"                                              a field; a list repeats it
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
from windtunnel.actions.request.target import plain_text
from windtunnel.errors import ExpressionError
from windtunnel.expressions.functions import Scope
from windtunnel.expressions.template import Template
from windtunnel.model.http import Body, FileBody, PartsBody

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
    boundary = _boundary(field)
    pieces: list[Piece] = []
    for name, spec in field.mapping(value).items():
        for here, entry in _entries(field / name, spec):
            pieces += _part(here, str(name), entry, boundary)
    pieces.append(f"--{boundary}--\r\n".encode())
    return _assemble(_merged(pieces)), f"multipart/form-data; boundary={boundary}"


def _boundary(field: Field) -> str:
    """A boundary that no file holds by chance, and that is the same in every run."""
    where = (field.source.file.rpartition("/")[2], *map(str, field.path))
    return f"windtunnel-{hashlib.sha256('/'.join(where).encode()).hexdigest()[:32]}"


def _entries(field: Field, spec: Any) -> Iterator[tuple[Field, Any]]:
    if isinstance(spec, list | tuple):
        yield from ((field / index, entry) for index, entry in enumerate(spec))
    elif spec is not None:  # null leaves a field out, as in `form` and `query`
        yield field, spec


def _part(field: Field, name: str, spec: Any, boundary: str) -> list[Piece]:
    """The header and the content of one part."""
    if not isinstance(spec, Mapping):
        return [_head(field, name, boundary, None, None), _field(field, spec, boundary), b"\r\n"]
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
        content_type = content_type or guessed
    elif kind == "json":
        document = here.json(spec["json"])
        content = _content(here, document, lambda scope: document(scope) or b"", boundary)
        content_type = content_type or "application/json"
    else:
        content = _field(here, spec["text"], boundary)
    return [_head(field, name, boundary, filename, content_type), content, b"\r\n"]


def _content_type(field: Field, spec: Mapping[str, Any]) -> str | None:
    content_type = spec.get("content_type")
    if content_type is None:
        return None
    if not isinstance(content_type, str) or not _MEDIA_TYPE.fullmatch(content_type):
        (field / "content_type").problem(f"{content_type!r} is not a content type", hint="content_type: image/png")
        return None
    return content_type


def _head(field: Field, name: str, boundary: str, filename: Any, content_type: str | None) -> Piece:
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


def _field(field: Field, value: Any, boundary: str) -> Piece:
    template = field.template(value)

    def text(scope: Scope) -> bytes:
        value = template(scope)
        return b"" if value is None else plain_text(value).encode("utf-8", "replace")

    return _content(field, template, text, boundary)


def _content(field: Field, template: Template, render: Callable[[Scope], bytes], boundary: str) -> Piece:
    """The content of a part, or its renderer."""
    mark = boundary.encode()

    def guarded(scope: Scope) -> bytes:
        content = render(scope)
        if mark in content:
            raise ExpressionError("the value contains the boundary of the multipart body")
        return content

    return field.attempt(lambda: guarded({}), b"") if template.constant else guarded


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
