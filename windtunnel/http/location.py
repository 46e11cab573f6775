"""Where a Location header leads: resolved as RFC 3986, 5.2 says, from bytes. Pure.

What came is followed byte for byte; what can't stand in a URL is percent-encoded. The rest has a defect, in words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from windtunnel.errors import ExpressionError, visible
from windtunnel.http.endpoint import encode_target
from windtunnel.model.http import header_text
from windtunnel.model.origin import Origin, read_authority, split_url
from windtunnel.model.vocabulary import NoteKind

_LONGEST_QUOTE = 100
_LONGEST_AUTHORITY = 300

# RFC 3986, appendix B: scheme, authority, path, query; the fragment is never sent.
_parts = re.compile(
    rb"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):)?(?://(?P<authority>[^/?#]*))?(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?",
    re.DOTALL,
).match
_begins_with_backslash = re.compile(rb"(?:[A-Za-z][A-Za-z0-9+.-]*:)?/?/?\\").match


class Location(NamedTuple):
    """Where a redirect leads, and what was odd about how it said so."""

    origin: Origin
    target: str
    oddities: tuple[NoteKind, ...]


def resolve_location(fields: Sequence[bytes], url: str) -> Location:
    """Where the Location headers of the response to a request for `url` lead: one, or the same one several times.

    Raises ExpressionError, with what came, for what can't be followed.
    """
    different = list(dict.fromkeys(fields))
    if len(different) > 1:
        shown = " and ".join(map(_quoted, different[:2]))
        raise ExpressionError(f"{len(different)} different Location headers: {shown}")
    came = different[0]
    origin, target = _resolve(came, url)
    clean = encode_target(target)
    odd: list[NoteKind] = ["location_twice"] if len(fields) > 1 else []
    if clean != target:
        odd.append("location_characters")
    return Location(origin, clean, tuple(odd))


def _resolve(came: bytes, url: str) -> tuple[Origin, str]:
    shown = f"the Location header {_quoted(came)}"
    if not came:
        raise ExpressionError("the Location header is empty")
    if _begins_with_backslash(came):
        raise ExpressionError(f"{shown} begins with a backslash in place of /")
    parts = _parts(came)
    assert parts is not None, "every part may be empty"
    scheme, authority, path, query = parts.group("scheme", "authority", "path", "query")
    base, base_target = split_url(url)
    if scheme is None and authority is None:
        origin = base
    else:
        origin = _origin(base.scheme if scheme is None else scheme.decode().lower(), authority, shown)
    base_path, _, base_query = base_target.partition("?")
    if authority is None and not path:
        target = base_path
        query = base_query.encode() if query is None and "?" in base_target else query
    elif authority is None and not path.startswith(b"/"):
        target = _without_dots(base_path[: base_path.rfind("/") + 1] + _wire(path))
    else:
        target = _without_dots(_wire(path)) if path else "/"
    return origin, target if query is None else f"{target}?{_wire(query)}"


def _origin(scheme: str, authority: bytes | None, shown: str) -> Origin:
    if scheme not in {"http", "https"}:
        raise ExpressionError(f"{shown} is a {scheme}: URL; only http and https can be followed")
    if not authority:
        raise ExpressionError(f"{shown} has no host")
    if len(authority) > _LONGEST_AUTHORITY:
        raise ExpressionError(f"{shown} has a host of more than 253 characters")
    if b"\\" in authority:
        raise ExpressionError(f"{shown} has a backslash behind its host in place of /")
    if b"@" in authority:
        raise ExpressionError(f"{shown} has a user name or password in it, which is never sent")
    return read_authority(scheme, header_text(authority), shown)


def _wire(part: bytes) -> str:
    return part.decode("utf-8", "surrogateescape")


def _without_dots(path: str) -> str:
    """The path without `.` and `..` (RFC 3986, 5.2.4); it begins with `/`."""
    kept: list[str] = []
    *folders, last = path[1:].split("/")
    for segment in folders:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if last == "..":
        del kept[-1:]
    return "/".join(["", *kept, "" if last in {".", ".."} else last])


def _quoted(came: bytes) -> str:
    """What came, in quotes: readable, not too long, and without the user and password of a URL."""
    text = re.sub(r"(?<=//)[^/?#]*@", "…@", header_text(came))
    text = visible(text.replace("\n", "\0").replace("\t", "\0"))
    return f'"{text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + "…"}"'
