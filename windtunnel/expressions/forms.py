"""The cheap forms of templates: those that are evaluated without Jinja2.

Each gives exactly what `sandbox.py` would give, errors included; tests compare them.
"""

from __future__ import annotations

from typing import Any

from jinja2 import TemplateSyntaxError, nodes

from windtunnel.errors import ExpressionError
from windtunnel.expressions.functions import COUNTED, FUNCTIONS, Scope
from windtunnel.expressions.jsonpath import indexing
from windtunnel.expressions.limits import MAX_STEPS, MAX_TEXT, METER
from windtunnel.expressions.sandbox import (
    Encode,
    Evaluate,
    Parsed,
    bounded,
    defined,
    environment,
    guarded,
)
from windtunnel.expressions.text import null_in_text, spelled, text_of
from windtunnel.model.http import wire_text


def _parts(parsed: Parsed) -> list[str | nodes.Expr] | None:
    """The texts and expressions of a template in order; None if it holds statements."""
    parts: list[str | nodes.Expr] = []
    for statement in parsed.tree.body:
        if not isinstance(statement, nodes.Output):
            return None
        parts += [node.data if isinstance(node, nodes.TemplateData) else node for node in statement.nodes]
    return parts


def tokens(text: str) -> list[tuple[str, str]]:
    """The kind and the text of every token of a template in order; none of what is no template."""
    try:
        return [(kind, written) for _, kind, written in environment().lex(text)]
    except TemplateSyntaxError:
        return []


Hole = tuple[Evaluate, str]
"""The cheap form of an expression inside a text, and its name in messages."""


def cheap_parts(parsed: Parsed) -> list[str | Hole] | None:
    """The texts and the cheap forms of the expressions of a template; None if it needs Jinja2."""
    parts = _parts(parsed)
    if parts is None:
        return None
    cheap: list[str | Hole] = []
    for part in parts:
        if isinstance(part, str):
            cheap.append(part)
        elif (form := cheap_form(part, parsed.text)) is None or _is_null(part):
            return None
        else:
            cheap.append((form, spelled(part)))
    return cheap


def _is_null(expression: nodes.Expr) -> bool:
    return isinstance(expression, nodes.Const) and expression.value is None


def lone_expression(parsed: Parsed) -> nodes.Expr | None:
    """The only expression of a template; None if it holds anything else."""
    parts = _parts(parsed)
    return parts[0] if parts and len(parts) == 1 and isinstance(parts[0], nodes.Expr) else None


def cheap_form(expression: nodes.Expr, text: str) -> Evaluate | None:
    """A constant, a dotted path or a call with constant arguments, without Jinja2; None for anything else."""
    if isinstance(expression, nodes.Const):
        value = expression.value
        return lambda _: value
    if isinstance(expression, nodes.Call):
        return _call(expression, text)
    steps: list[tuple[str | int, bool]] = []
    while not isinstance(expression, nodes.Name):
        if isinstance(expression, nodes.Getattr):
            steps.append((expression.attr, True))
        elif (
            isinstance(expression, nodes.Getitem)
            and isinstance(expression.arg, nodes.Const)
            and expression.arg.value.__class__ in (str, int)
        ):
            steps.append((expression.arg.value, False))
        else:
            return None
        expression = expression.node
    if expression.name in FUNCTIONS or expression.name in environment().globals:
        return None
    return _path(expression.name, tuple(reversed(steps)), text)


def join(parts: list[str | Hole], *, encode: Encode | None) -> Evaluate:
    """Texts and expressions in order, as one str."""
    encode_plain = None if encode is wire_text else encode  # it leaves every text of other origin as it is
    texts = [part if isinstance(part, str) else "" for part in parts]
    holes = [(index, *part) for index, part in enumerate(parts) if not isinstance(part, str)]

    def evaluate(scope: Scope) -> str:
        pieces = texts.copy()
        for index, hole, name in holes:
            value = hole(scope)
            if value.__class__ is str:
                pieces[index] = value if encode_plain is None else encode_plain(value)
            else:
                text = _text_of(value, name)
                pieces[index] = text if encode is None else encode(text)
        text = "".join(pieces)
        return text if len(text) <= MAX_TEXT else bounded(text)

    return evaluate


def _text_of(value: Any, name: str) -> str:
    if value is None:
        raise null_in_text(name)
    METER.left = MAX_STEPS  # each value has all steps: nothing else here takes any
    return text_of(value)


def _path(root: str, steps: tuple[tuple[str | int, bool], ...], text: str) -> Evaluate:
    """`root` and the way down from it: plain indexing where that succeeds, else the sandbox's own rules.

    Indexing alone is right whenever it works: a key wins over an attribute, and neither lists nor texts take
    names. `response` and `steps` lead to objects with attributes, for which there is no use in trying.
    """
    get_attribute, get_item = environment().getattr, environment().getitem

    def walk(scope: Scope) -> Any:
        try:
            value = scope[root]
        except KeyError:
            raise ExpressionError(f'"{root}" is not defined') from None
        for key, is_attribute in steps:
            if value.__class__ is dict and key in value:
                value = value[key]
            else:
                value = get_attribute(value, str(key)) if is_attribute else get_item(value, key)
        return defined(value)

    slow_walk = guarded(text, walk)
    if root in ("response", "steps"):
        return slow_walk
    look_up = indexing((root, *(key for key, _ in steps)))

    def evaluate(scope: Scope) -> Any:
        try:
            return look_up(scope)
        except (LookupError, TypeError):
            return slow_walk(scope)

    return evaluate


def _call(expression: nodes.Call, text: str) -> Evaluate | None:
    """A call of one of our functions with plain constants."""
    function = expression.node
    if not isinstance(function, nodes.Name) or function.name not in FUNCTIONS.keys() - COUNTED:
        return None
    if expression.kwargs or expression.dyn_args or expression.dyn_kwargs:
        return None
    try:
        arguments = tuple(argument.as_const() for argument in expression.args)
    except nodes.Impossible:
        return None
    flat = [item for value in arguments for item in (value if isinstance(value, list) else [value])]
    if not all(isinstance(item, str | int | float | None) for item in flat):
        return None
    bind = FUNCTIONS[function.name]
    return guarded(text, lambda scope: bind(scope)(*arguments))
