"""Conditions of `when` and `condition`: an expression, with or without `{{ }}`, that is true or false."""

from __future__ import annotations

from dataclasses import dataclass

from windtunnel.errors import ExpressionError
from windtunnel.expressions.forms import cheap_form, lone_expression
from windtunnel.expressions.functions import Scope
from windtunnel.expressions.sandbox import Evaluate, Member, kind_of, parse, render_value, shown

_HINT = "compare it with something, as in qty > 1, name == 'a' or token is defined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A compiled condition. Calling it raises ExpressionError when its value is neither true nor false."""

    text: str
    names: frozenset[str]
    evaluate: Evaluate
    members: frozenset[Member] = frozenset()

    def __call__(self, scope: Scope) -> bool:
        """Whether it holds in `scope`."""
        value = self.evaluate(scope)
        if value is True or value is False:
            return value
        raise ExpressionError(f"{shown(self.text)} is {kind_of(value)}, neither true nor false", hint=_HINT)


def compile_condition(value: str | bool) -> Condition:
    """The compiled form of a condition. Raises ExpressionError for what is not one expression."""
    if isinstance(value, bool):
        return Condition(text=str(value).lower(), names=frozenset(), evaluate=lambda _: value)
    text = value.strip() if isinstance(value, str) else ""
    if not text:
        raise ExpressionError(f"{value!r} is not a condition", hint=_HINT)
    parsed = parse(text if text.startswith("{{") and text.endswith("}}") else f"{{{{ {text} }}}}", written=text)
    expression = lone_expression(parsed)
    if expression is None:
        raise ExpressionError(f"{shown(text)} is not one expression", hint=_HINT)
    evaluate = cheap_form(expression, text) or render_value(parsed, expression)
    return Condition(text=text, names=parsed.names, evaluate=evaluate, members=parsed.members)
