"""`Link` headers (RFC 8288): where a response leads by the relation that a link has to it.

Read are several headers, several links in one, and quoted parameters with any sign in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urljoin

from windtunnel.model.http import Exchange, wire_text
from windtunnel.model.origin import legal

_BLANKS = re.compile(r"[\s,]*")
_PARAMETER = re.compile(r"\s*;\s*(?:([^\s=;,]+)\s*)?(?:=\s*(\"(?:[^\"\\]|\\.)*\"?|[^\s;,]*))?", re.DOTALL)
_TO_NEXT_LINK = re.compile(r"(?:\"(?:[^\"\\]|\\.)*\"?|[^\",])*,?", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def linked(exchange: Exchange, rel: str) -> list[str]:
    """The absolute URL of each link of that relation, in order. A link of another page (`anchor`) is none."""
    wanted = rel.lower()
    return [
        url
        for value in exchange.headers.all("link")
        for target, parameters in _links(wire_text(value))
        if wanted in parameters.get("rel", "").lower().split()
        and _is_of(exchange.url, parameters.get("anchor"))
        and (url := resolved(exchange.url, target)) is not None
    ]


def resolved(base: str, reference: str) -> str | None:
    """A reference as an absolute URL that can be sent; None where it is none."""
    try:
        url = urljoin(base, reference.strip(" \t\r\n"))
    except ValueError:
        return None
    return legal(url) if url.lower().startswith(("http://", "https://")) else None


def _is_of(url: str, anchor: str | None) -> bool:
    return anchor is None or resolved(url, anchor) == legal(url)


def _links(value: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Each target with its parameters by lower-case name; of a parameter that comes twice, the first counts."""
    at = _after(_BLANKS, value, 0)
    while (end := value.find(">", at)) >= 0:
        if value[at] == "<":
            target, at = value[at + 1 : end], end + 1
            parameters: dict[str, str] = {}
            while (parameter := _PARAMETER.match(value, at)) is not None:
                at = parameter.end()
                parameters.setdefault((parameter[1] or "").lower(), _unquoted(parameter[2] or ""))
            yield target, parameters
        at = _after(_BLANKS, value, _after(_TO_NEXT_LINK, value, at))


def _after(pattern: re.Pattern[str], value: str, at: int) -> int:
    """Where what matches there ends; each pattern also matches nothing."""
    found = pattern.match(value, at)
    return found.end() if found else at


def _unquoted(text: str) -> str:
    return _ESCAPED.sub(r"\1", text[1:].removesuffix('"')) if text.startswith('"') else text
