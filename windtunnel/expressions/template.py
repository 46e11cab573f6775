"""Templates, compiled once to the cheapest form with the same result as Jinja2.

    "plain text"                     the text itself
    "{{ qty }}"  "{{ a.b[0].c }}"    look-ups; the value keeps its type
    "{{ uuid() }}"                   a call
    "id-{{ a }}/{{ b.c }}"           look-ups, joined
    anything else                    Jinja2, in `sandbox.py`

The same text is compiled once, however often files include each other. A JSON body is bytes with such templates in
the holes. What comes out of a template is never rendered again.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from jinja2 import nodes

from windtunnel.errors import ExpressionError
from windtunnel.expressions.forms import cheap_form, cheap_parts, join, lone_expression
from windtunnel.expressions.functions import Scope
from windtunnel.expressions.sandbox import (
    Encode,
    Evaluate,
    Member,
    bounded,
    guarded,
    parse,
    render_text,
    render_value,
)
from windtunnel.expressions.text import kind_of, text_of
from windtunnel.figures import given
from windtunnel.model.http import wire_text, without_bytes
from windtunnel.model.scenario import Expanded, Verbatim

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A compiled template: call it with a scope, get its value.

    `names` are the variables it reads, functions left out; `members` what it reads of `data` and `env`. `constant`
    says that the scope does not matter.
    `evaluate` is the function behind a call; hot code may keep it. Raises ExpressionError.
    """

    evaluate: Evaluate
    names: frozenset[str] = frozenset()
    constant: bool = False
    members: frozenset[Member] = frozenset()

    def __call__(self, scope: Scope) -> Any:
        """The value for `scope`."""
        return self.evaluate(scope)


_Piece = tuple[bytes, Template | None, Path]
"""A piece of a JSON document: constant bytes, then a template or None, with the path to it."""

_write = msgspec.json.Encoder(enc_hook=without_bytes).encode


def compile_template(value: Any) -> Template:
    """The template of any value: texts are templates, lists and mappings nest (keys are kept as they are).

    A text that is one `{{ expression }}` yields the expression's value with its type. Lists and mappings are new
    on every call. Raises ExpressionError with the path to the text that can't be compiled.
    """
    if isinstance(value, str):
        return _of_text(value)
    if isinstance(value, Mapping):
        parts = [(key, _inside(key, item)) for key, item in value.items()]
        return _container(parts, _build_mapping([(key, part.evaluate) for key, part in parts]))
    if isinstance(value, list | tuple):
        parts = [(index, _inside(index, item)) for index, item in enumerate(value)]
        return _container(parts, _build_list([part.evaluate for _, part in parts]))
    return _constant(value.value if isinstance(value, Verbatim) else value)


def compile_text(text: str | float, *, encode: Encode | None = None) -> Template:
    """The template of a text: always yields str. `encode` is applied to the values of expressions only.

    Numbers and booleans are written by `text_of`. Raises ExpressionError.
    """
    if isinstance(text, int | float):
        return _constant(text_of(text))
    if not isinstance(text, str):
        raise ExpressionError(f"expected a text, not {kind_of(text)}")
    text = as_template(text)
    return _compiled_text(text, encode) if _may_have_holes(text) else _constant(text)


def compile_optional_text(value: Any, *, in_header: bool = False) -> Template:
    """As `compile_text`, but null yields None: as it is written, or as the value of one `{{ expression }}`.

    `in_header`: it yields the text to send of values that came in a header (`model.http.wire_text`).
    """
    if value is None:
        return _constant(None)
    encode = wire_text if in_header else None
    template = _of_text(value, encode) if isinstance(value, str) else compile_text(value)
    if template.constant:
        constant = template({})
        return _constant(None if constant is None else text_of(constant))
    evaluate = template.evaluate

    def optional_text(scope: Scope) -> str | None:
        value = evaluate(scope)
        if value.__class__ is str or value is None:
            return value
        return text_of(value) if encode is None else encode(text_of(value))

    return Template(evaluate=optional_text, names=template.names, members=template.members)


def compile_json(value: Any) -> Template:
    """The template of a JSON document: yields its bytes. Texts in it are templates, keys are kept as they are.

    A text that is one `{{ expression }}` yields a value of any type: number, object, null. Raises
    ExpressionError, with the path to the place, for what can't be compiled or written as JSON.
    """
    pieces = _merged(_json_pieces(value, ()))
    holes = [hole for _, hole, _ in pieces if hole is not None]
    if not holes:
        constant = b"".join(text for text, _, _ in pieces)
        return Template(evaluate=lambda _: constant, constant=True)
    return Template(
        evaluate=_join_json([(text, hole and hole.evaluate, path) for text, hole, path in pieces]),
        names=frozenset[str]().union(*(hole.names for hole in holes)),
        members=frozenset[Member]().union(*(hole.members for hole in holes)),
    )


def as_template(text: str) -> str:
    """A text as a template: what came from the environment is none, even if it looks like one."""
    return text.template if isinstance(text, Expanded) else text


def _of_text(text: str, encode: Encode | None = None) -> Template:
    text = as_template(text)
    return _compiled_value(text, encode) if _may_have_holes(text) else _constant(text)


@functools.lru_cache(maxsize=1024)
def _compiled_value(text: str, encode: Encode | None) -> Template:
    parsed = parse(text)
    expression = lone_expression(parsed)
    if expression is None:
        return compile_text(text, encode=encode)
    if isinstance(expression, nodes.Const):
        return _constant(expression.value)
    evaluate = cheap_form(expression, text)
    if evaluate is None:
        general = render_value(parsed, expression)
        return Template(evaluate=lambda scope: bounded(general(scope)), names=parsed.names, members=parsed.members)
    return Template(evaluate=evaluate, names=parsed.names, members=parsed.members)


@functools.lru_cache(maxsize=1024)
def _compiled_text(text: str, encode: Encode | None) -> Template:
    parsed = parse(text)
    cheap = cheap_parts(parsed)
    if cheap is None:
        return Template(evaluate=render_text(parsed, encode=encode), names=parsed.names, members=parsed.members)
    constants = [part for part in cheap if isinstance(part, str)]
    if len(constants) == len(cheap):
        return _constant("".join(constants))
    return Template(evaluate=guarded(text, join(cheap, encode=encode)), names=parsed.names, members=parsed.members)


def _may_have_holes(text: str) -> bool:
    return "{{" in text or "{%" in text or "{#" in text


def _constant(value: Any) -> Template:
    return Template(evaluate=lambda _: value, constant=True)


def _inside(key: str | int, value: Any) -> Template:
    try:
        return compile_template(value)
    except ExpressionError as error:
        error.path = (key, *error.path)
        raise


def _container(parts: list[tuple[Any, Template]], build: Evaluate) -> Template:
    return Template(
        evaluate=build,
        names=frozenset[str]().union(*(part.names for _, part in parts)),
        members=frozenset[Member]().union(*(part.members for _, part in parts)),
        constant=all(part.constant for _, part in parts),
    )


def _build_mapping(parts: list[tuple[Any, Evaluate]]) -> Evaluate:
    def build(scope: Scope) -> dict[Any, Any]:
        built = {}
        for key, evaluate in parts:
            try:
                built[key] = evaluate(scope)
            except ExpressionError as error:
                error.path = (key, *error.path)
                raise
        return built

    return build


def _build_list(parts: list[Evaluate]) -> Evaluate:
    def build(scope: Scope) -> list[Any]:
        built: list[Any] = []
        for evaluate in parts:
            try:
                built.append(evaluate(scope))
            except ExpressionError as error:
                error.path = (len(built), *error.path)
                raise
        return built

    return build


def _join_json(pieces: list[tuple[bytes, Evaluate | None, Path]]) -> Evaluate:
    def evaluate(scope: Scope) -> bytes:
        document = []
        for text, hole, path in pieces:
            document.append(text)
            if hole is not None:
                try:
                    document.append(_encode(hole(scope)))
                except ExpressionError as error:
                    error.path = path + error.path
                    raise
        return b"".join(document)

    return evaluate


def _json_pieces(value: Any, path: Path) -> Iterator[_Piece]:
    if isinstance(value, Mapping):
        separator = b"{"
        for key, item in value.items():
            yield separator + _key(key, path) + b":", None, path
            yield from _json_pieces(item, (*path, key))
            separator = b","
        yield (b"}" if value else b"{}"), None, path
    elif isinstance(value, list | tuple):
        separator = b"["
        for index, item in enumerate(value):
            yield separator, None, path
            yield from _json_pieces(item, (*path, index))
            separator = b","
        yield (b"]" if value else b"[]"), None, path
    else:
        try:
            template = compile_template(value)
            if template.constant:
                yield _encode(template({})), None, path
                return
        except ExpressionError as error:
            error.path = path + error.path
            raise
        yield b"", template, path


def _merged(pieces: Iterator[_Piece]) -> list[_Piece]:
    """The document with adjacent constant bytes joined."""
    merged: list[_Piece] = []
    pending = b""
    for text, hole, path in pieces:
        pending += text
        if hole is not None:
            merged.append((pending, hole, path))
            pending = b""
    return [*merged, (pending, None, ())] if pending else merged


def _key(key: Any, path: Path) -> bytes:
    if not isinstance(key, str):
        raise ExpressionError(f"the key {given(key)} is not a text", hint="put it in quotes", path=path)
    return _encode(key)


def _encode(value: Any) -> bytes:
    try:
        return _write(value)
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError) as error:
        raise ExpressionError(f"{type(value).__name__} can't be written as JSON: {error}") from error
