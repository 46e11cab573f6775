"""Locations that begin with a template and go on: `path: "{{ loc }}/b"`, `url: "http://host{{ to }}"`.

Such a value goes in as a path when it begins with one `/`; it never changes the host. A template that stands in
the place of the host is a part of its name and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import quote

from windtunnel.actions.compile.context import Field
from windtunnel.actions.response.text import show
from windtunnel.errors import ExpressionError
from windtunnel.expressions.forms import tokens
from windtunnel.expressions.functions import Scope
from windtunnel.expressions.template import compile_template, compile_text
from windtunnel.expressions.text import Encoded, encode_component, null_in_text, text_of
from windtunnel.model.http import wire_text
from windtunnel.model.origin import legal

_HOST_THEN_TEMPLATE = re.compile(r"https?://[^/?#{\s]*[^/?#{\s:.@-](?=\{\{)", re.IGNORECASE)
_WITH_A_HOST = re.compile(r"//|[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_BLANKS = " \t\r\n"


class Joined(NamedTuple):
    """A location in parts: `host` is the beginning of a URL, empty for a path, `first` one template."""

    host: str
    first: str
    rest: str


def joined(text: str) -> Joined | None:
    """The parts of a location in which a template stands at the beginning, or right behind the host."""
    literal = _HOST_THEN_TEMPLATE.match(text)
    host = literal.group() if literal else ""
    if not text.startswith("{{") and literal is None:
        return None
    length = 0
    for kind, written in tokens(text[len(host) :]):
        length += len(written)
        if kind == "variable_end":
            break
    first, rest = text[len(host) : len(host) + length], text[len(host) + length :]
    return None if host and rest and rest[0] not in "/?#&{" else Joined(host, first, rest)


def compile_joined(field: Field, text: str, parts: Joined) -> Callable[[Scope], str]:
    """The renderer of such a location; problems are noted."""
    problems = field.context.problems
    before = len(problems)
    field.text(text, encode=encode_component)
    if len(problems) > before:
        return lambda _: "/"
    first = compile_template(parts.first).evaluate
    rest = compile_text(parts.rest, encode=encode_component).evaluate
    name = parts.first.strip("{}-+ ")
    beginning = _path_behind if parts.host else _path_of

    def render(scope: Scope) -> str:
        value = first(scope)
        if value is None:
            raise null_in_text(name)
        path, mark, query = beginning(value, name, parts).partition("?")
        more = rest(scope).partition("#")[0]
        if query and more.startswith("&"):
            return legal(f"{parts.host}{path}?{query}{more}")
        more_path, more_mark, more_query = more.partition("?")
        queries = "&".join(filter(None, (query, more_query)))
        return legal(f"{parts.host}{path}{more_path}{'?' if mark or more_mark else ''}{queries}")

    return render


def compile_host_template(field: Field, text: str) -> Callable[[Scope], str]:
    """The renderer of a URL with templates in its host, where no value is encoded already; problems are noted."""
    before = len(field.context.problems)
    whole = field.text(text, encode=_in_host).evaluate
    if len(field.context.problems) > before:
        return lambda _: "/"
    at = _end_of_host(text)
    if at is None:
        return lambda scope: legal(whole(scope))
    host = compile_text(text[:at], encode=_in_host).evaluate
    rest = compile_text(text[at:], encode=encode_component).evaluate
    return lambda scope: legal(host(scope) + rest(scope))


def _in_host(text: str) -> str:
    return quote(text, safe="", errors="replace")


def _end_of_host(text: str) -> int | None:
    """Where the path of a URL begins; None where it has none, or {% %} could end inside it."""
    parts = tokens(text)
    if any(kind == "block_begin" for kind, _ in parts):
        return None
    at = 0
    for kind, written in parts:
        begin = 0 if at else text.index("//") + 2
        found = re.search("[/?#]", written[begin:]) if kind == "data" else None
        if found is not None:
            return at + begin + found.start()
        at += len(written)
    return None


def _path_of(value: Any, name: str, parts: Joined) -> str:
    """The path, with its query, that a value at the beginning of `path` stands for."""
    text, is_encoded = _text(value)
    _refuse_host(text, name)
    if text.strip(_BLANKS).startswith("/"):
        return text.strip(_BLANKS).partition("#")[0]
    if not text and parts.rest.startswith("/"):
        return ""
    return "/" + (text.partition("#")[0] if is_encoded else _in_host(text))


def _path_behind(value: Any, name: str, parts: Joined) -> str:
    """The same of a value right behind the host of a URL, where it must not become a part of the host."""
    text = _text(value)[0].strip(_BLANKS)
    _refuse_host(text, name)
    if text and text[0] not in "/?#":
        raise ExpressionError(
            f"the value right after {parts.host} must begin with /, not {show(text, 60)}",
            hint=f'url: "{parts.host}/{parts.first}{parts.rest}"',
        )
    return text.partition("#")[0]


def _text(value: Any) -> tuple[str, bool]:
    text = text_of(value)
    return wire_text(text), isinstance(text, Encoded)


def _refuse_host(text: str, name: str) -> None:
    if _WITH_A_HOST.match(text.strip(_BLANKS)):
        raise ExpressionError(
            f"{name} is {show(text, 60)}, which names a host: it can't be a part of a path",
            hint=f"a whole URL is one template: url: \"{{{{ {name} ~ '…' }}}}\"",
        )
