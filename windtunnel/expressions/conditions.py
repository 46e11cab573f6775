"""Conditions: bare expressions, or ones in `{{ }}`, that are true or false.

One that can't be, whatever is read, is refused when it is compiled: `1 + 1` is a number, `a ~ b` a text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import nodes

from windtunnel.errors import ExpressionError
from windtunnel.expressions.forms import cheap_form, lone_expression
from windtunnel.expressions.functions import Scope
from windtunnel.expressions.sandbox import Evaluate, Member, member_of, parse, render_value, shown
from windtunnel.expressions.text import kind_of
from windtunnel.figures import given

KnownKind = Callable[[Member], str | None]
"""The kind of a variable or member in words, such as of ("qty",) or ("data", "user", "age"); None if unknown."""

_HINT = "compare it with something, as in qty > 1, name == 'a' or token is defined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A compiled condition. Calling it raises ExpressionError if its value is not true or false."""

    text: str
    names: frozenset[str]
    evaluate: Evaluate
    members: frozenset[Member] = frozenset()

    def __call__(self, scope: Scope) -> bool:
        """Whether it holds in `scope`."""
        value = self.evaluate(scope)
        if value is True or value is False:
            return value
        raise _no_boolean(self.text, kind_of(value))


def _no_boolean(text: str, kind: str) -> ExpressionError:
    return ExpressionError(f"{shown(text)} is {kind}, not true or false", hint=_HINT)


def compile_condition(value: str | bool, known: KnownKind = lambda _member: None) -> Condition:
    """The compiled form of a condition, where the kinds of some variables are `known`.

    Raises ExpressionError for anything but one expression, and for one that can't be true or false.
    """
    if isinstance(value, bool):
        return Condition(text=str(value).lower(), names=frozenset(), evaluate=lambda _: value)
    text = value.strip() if isinstance(value, str) else ""
    if not text:
        raise ExpressionError(f"{given(value)} is not a condition", hint=_HINT)
    parsed = parse(text if text.startswith("{{") and text.endswith("}}") else f"{{{{ {text} }}}}", written=text)
    expression = lone_expression(parsed)
    if expression is None:
        raise ExpressionError(f"{shown(text)} is not one expression", hint=_HINT)
    if kind := never_boolean(expression, known):
        raise _no_boolean(text, kind)
    evaluate = cheap_form(expression, text) or render_value(parsed, expression)
    return Condition(text=text, names=parsed.names, evaluate=evaluate, members=parsed.members)


# ── what can't be true or false ────────────────────────────────────────────────────────────────────────────────

_BOOLEAN, _NUMBER, _TEXT, _LIST, _MAPPING = "a boolean", "a number", "a text", "a list", "a mapping"

_ALWAYS: Mapping[type[nodes.Node], str] = {
    nodes.Compare: _BOOLEAN,
    nodes.Not: _BOOLEAN,
    nodes.Test: _BOOLEAN,
    nodes.Concat: _TEXT,
    nodes.Sub: _NUMBER,
    nodes.Div: _NUMBER,
    nodes.FloorDiv: _NUMBER,
    nodes.Neg: _NUMBER,
    nodes.Pos: _NUMBER,
    nodes.List: _LIST,
    nodes.Tuple: _LIST,
    nodes.Dict: _MAPPING,
}

KINDS_OF_FILTERS: Mapping[str, str] = {
    **dict.fromkeys(("abs", "count", "float", "int", "length", "round", "timestamp", "wordcount"), _NUMBER),
    **dict.fromkeys(("batch", "dictsort", "groupby", "list", "slice", "sort"), _LIST),
    **dict.fromkeys(
        (
            *("capitalize", "center", "e", "escape", "filesizeformat", "forceescape", "format", "indent", "join"),
            *("lower", "pprint", "replace", "string", "striptags", "title", "tojson", "trim", "truncate", "upper"),
            *(
                "urlencode",
                "urlize",
                "wordwrap",
                "xmlattr",
                "base64",
                "base64url",
                "date",
                "hex",
                "iso",
                "md5",
                "raw",
            ),
            *("sha1", "sha256", "sha384", "sha512", "unbase64", "unhex", "urldecode"),
        ),
        _TEXT,
    ),
    "jwt": _MAPPING,
}
"""The filters that give one kind whatever they are given."""

_FUNCTIONS: Mapping[str, str] = {
    **dict.fromkeys(("now", "random_int"), _NUMBER),
    **dict.fromkeys(("hmac", "jwt_sign", "random_string", "uuid"), _TEXT),
    "range": _LIST,
}

_GIVEN: Mapping[Member, str] = {
    **{(name,): _TEXT for name in ("correlation_id", "instance_id", "run_id")},
    **{(name,): _NUMBER for name in ("instance_index", "user_index")},
    ("steps",): _MAPPING,
    ("response",): "the response",
    ("response", "status"): _NUMBER,
    ("response", "text"): _TEXT,
}


def never_boolean(expression: nodes.Expr, known: KnownKind) -> str | None:
    """What an expression is, in words, when it can't be true or false; None when it can.

    Each side of `and`, `or` and `if … else` can be the value of the whole.
    """
    if isinstance(expression, nodes.And | nodes.Or):
        word = "and" if isinstance(expression, nodes.And) else "or"
        return _side(expression.left, expression.right, word, known)
    if isinstance(expression, nodes.CondExpr) and expression.expr2 is not None:
        return _side(expression.expr1, expression.expr2, "else", known)
    kind = _kind(expression, known)
    return None if kind in (None, _BOOLEAN) else kind


def _side(left: nodes.Expr, right: nodes.Expr, word: str, known: KnownKind) -> str | None:
    first, second = never_boolean(left, known), never_boolean(right, known)
    if first is not None and first == second:
        return first
    for side, kind in (("before", first), ("after", second)):
        if kind is not None:
            return kind if "`" in kind else f"{kind} {side} `{word}`"
    return None


def _kind(expression: nodes.Expr, known: KnownKind) -> str | None:
    if isinstance(expression, nodes.Const):
        return kind_of(expression.value)
    if isinstance(expression, nodes.Filter):
        return KINDS_OF_FILTERS.get(expression.name)
    if isinstance(expression, nodes.Call):
        called: Any = expression.node
        return _FUNCTIONS.get(called.name) if isinstance(called, nodes.Name) else None
    if member := member_of(expression):
        return _GIVEN.get(member) or known(member)
    return _ALWAYS.get(type(expression))
