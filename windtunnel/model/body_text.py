"""The body of a response as text: in which charset it is, for every reader of it alike.

The charset of Content-Type counts, then a byte order mark, then UTF-8. A mark that contradicts Content-Type counts
if the whole body is in its charset. What an XML or HTML body says of itself counts where none of these says
anything and the body is not UTF-8.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from typing import NamedTuple

from windtunnel.model.charset import codec_of, decode
from windtunnel.model.vocabulary import NoteKind

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Byte order marks; UTF-32 before UTF-16, whose mark its own begins with."""

_PARAMETER = re.compile(r';([^=;"]*)(?:=[ \t]*("(?:[^"\\]|\\.)*"?|[^;,]*))?')
_OWN = re.compile(
    rb"""<\?xml[^>]*?\bencoding\s*=\s*["']([^"'>]+) | <meta\b[^>]*?\bcharset\s*=\s*["']?\s*([^"'\s/>;]+)""",
    re.IGNORECASE | re.VERBOSE,
)
_OWN_WITHIN = 1024


class Charset(NamedTuple):
    """In which codec a body is, behind a mark of how many bytes, and what is odd about that.

    `label` is what the response calls it; empty where it does not say.
    """

    codec: str
    mark: int = 0
    note: NoteKind | None = None
    label: str = ""


def charset_of(body: bytes, content_types: Sequence[str]) -> Charset:
    """The charset of a body, or of the beginning of one."""
    label = _label(content_types)
    named = codec_of(label) if label else None
    note: NoteKind | None = "unknown_charset" if label and named is None else None
    mark, marked = _mark(body, named)
    if marked and (named is None or _family(named) == _family(marked)):
        return Charset(marked, len(mark), note)
    if marked and _is_in(body[len(mark) :], marked):
        return Charset(marked, len(mark), "charset_contradicted")
    if named is not None:
        return Charset(named, len(mark) if marked == "utf-8" else 0, note, label)
    if body.lstrip()[:1] == b"<" and (own := _own(body)) and not _is_in(body, "utf-8"):
        return Charset(own, 0, note)
    return Charset("utf-8", 0, note)


def read(body: bytes, content_types: Sequence[str]) -> tuple[str, NoteKind | None]:
    """The body as text, what can't be decoded replaced, and what is to be noted. Raises UnreadableBodyError."""
    charset = charset_of(body, content_types)
    return decode(body[charset.mark :], charset.codec), charset.note


def beginning(body: bytes, content_types: Sequence[str], most: int) -> str:
    """The first `most` bytes of the body as text."""
    piece = body[:most]
    charset = charset_of(piece, content_types)
    return decode(piece[charset.mark :], charset.codec, final=len(piece) == len(body))


def in_utf8(body: bytes, content_types: Sequence[str], most: int) -> bytes:
    """Of a body in another charset its first `most` bytes, in UTF-8; any other as it came."""
    if charset_of(body[:most], content_types).codec == "utf-8":
        return body
    return beginning(body, content_types, most).encode("utf-8", "replace")


def _label(content_types: Sequence[str]) -> str:
    """The charset that Content-Type names; empty without one. The last field counts that names one."""
    for content_type in reversed(content_types):
        for name, value in _PARAMETER.findall(content_type):
            if name.strip().lower() == "charset":
                label = re.sub(r"\\(.)", r"\1", value) if value.startswith('"') else value
                return str(label).strip(" \t\"'")
    return ""


def _mark(body: bytes, named: str | None) -> tuple[bytes, str]:
    """The byte order mark of a body, and its codec; nothing and no codec without one."""
    for mark, codec in _MARKS:
        if body.startswith(mark) and not (named and _family(named) == "utf-16" and _family(codec) == "utf-32"):
            return mark, codec
    return b"", ""


def _family(codec: str) -> str:
    """UTF-16 and UTF-32 without the order of their bytes, which a mark says better."""
    return codec.removesuffix("-le").removesuffix("-be")


def _is_in(body: bytes, codec: str) -> bool:
    """Whether a body, or the beginning of one, is valid in a codec."""
    try:
        decode(body, codec, strict=True, final=False)
    except UnicodeDecodeError:
        return False
    return True


def _own(body: bytes) -> str | None:
    """The charset that an XML or HTML body names in its beginning, if it can be the one of these bytes."""
    found = _OWN.search(body, 0, _OWN_WITHIN)
    own = codec_of((found[1] or found[2]).decode("latin-1")) if found else None
    return None if own is None or _family(own) in {"utf-16", "utf-32"} else own
