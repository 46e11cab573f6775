"""What is told of a response that was read all the same: the service does not do as the standards say."""

from __future__ import annotations

from typing import NamedTuple

from windtunnel.figures import plural
from windtunnel.model.vocabulary import NoteKind


class Note(NamedTuple):
    """The words for one kind: what is counted, as one and as several, and what was the matter with it."""

    noun: str
    nouns: str
    matter: str


def _cookies(matter: str) -> Note:
    return Note("cookie refused", "cookies refused", matter)


def _responses(matter: str) -> Note:
    return Note("response", "responses", matter)


NOTES: dict[NoteKind, Note] = {
    "cookie_domain": _cookies("Domain is not that of the server"),
    "cookie_secure": _cookies("Secure, over plain HTTP"),
    "cookie_prefix": _cookies("not what __Host- or __Secure- in its name says"),
    "cookie_size": _cookies("name and value have more than 4,096 bytes"),
    "cookie_syntax": _cookies("no name, no =, or a control character"),
    "cookie_number": _cookies("there were 200 already"),
    "bare_line_feed": _responses("lines end in a bare line feed"),
    "folded_header": _responses("a header goes on in a second line"),
    "space_before_colon": _responses("a blank before the colon of a header"),
    "control_character": _responses("a control character in a header"),
    "blank_line_first": _responses("a blank line before the status line"),
    "status_line": _responses("the status line is not like `HTTP/1.1 200 OK`"),
    "header_name": _responses("a header name is empty or has characters that no name can have"),
    "chunk_extension": _responses("the extension of a chunk is not like `;name=value`"),
    "chunk_size_blanks": _responses("blanks around the size of a chunk"),
    "length_twice": _responses("Content-Length twice, with the same value"),
    "length_and_chunks": _responses("Content-Length beside Transfer-Encoding"),
    "after_response": _responses("something behind the end of the response"),
    "location_characters": _responses("a Location header with characters that no URL can hold"),
    "location_twice": _responses("Location twice, with the same value"),
    "after_compressed": _responses("data after the end of the compressed body"),
    "unknown_charset": _responses("the charset of Content-Type is unknown"),
    "charset_contradicted": _responses("the byte order mark of the body contradicts Content-Type"),
    "unknown_coding": _responses("the Content-Encoding or Transfer-Encoding is unknown"),
}
"""Every kind of note, in words."""


def sentence(kind: NoteKind, count: int) -> str:
    """`3 cookies refused: Domain is not that of the server`."""
    note = NOTES[kind]
    return f"{plural(count, note.noun, note.nouns)}: {note.matter}"
