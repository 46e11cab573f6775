"""A template's syntax tree with the steps in it that the sandbox does not see by itself.

{% for %}, macros, blocks    each round or call takes the steps of its body
a ~ b                        the texts together have a bound
a in b, a == b               reading both takes steps, unless one of them is written in the template
a < b                        texts that are numbers are not compared letter by letter
a[1:]                        copying takes steps
{{ a.b }}                    null has no text: the error names `a.b`
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import nodes
from jinja2.nodes import EvalContext
from jinja2.runtime import Context, markup_join
from jinja2.utils import pass_context, pass_eval_context
from jinja2.visitor import NodeTransformer

from windtunnel.errors import ExpressionError
from windtunnel.expressions.filters import ADDED
from windtunnel.expressions.limits import charge, joined, weigh
from windtunnel.expressions.text import null_in_text, spelled, text_of
from windtunnel.expressions.text_filters import OF_TEXT
from windtunnel.figures import given

_CHARGED, _CONCATENATED, _PRINTED = "_charged", "_concatenated", "_printed"
_SLICED, _WEIGHED, _ORDERED = "_sliced", "_weighed", "_ordered"

_NODES_A_STEP = 2
"""Nodes of a syntax tree that take about the time of a step."""


def metered(tree: nodes.Template) -> nodes.Template:
    """The tree, changed in place."""
    _Metering().visit(tree)
    return tree


class _Metering(NodeTransformer):
    def get_visitor(self, node: nodes.Node) -> Callable[[Any], nodes.Node] | None:
        change = _CHANGES.get(type(node))
        if change is None:
            return None

        def visit(found: Any) -> nodes.Node:
            self.generic_visit(found)
            return change(found)

        return visit


def _with_charged_body(node: Any) -> nodes.Node:
    size = sum(1 for inner in node.body for _ in inner.find_all(nodes.Node))
    steps = _filter(nodes.Const(1 + size // _NODES_A_STEP, lineno=node.lineno), _CHARGED)
    steps.set_environment(node.environment)
    node.body.insert(0, nodes.ExprStmt(steps, lineno=node.lineno))
    if isinstance(node, nodes.For) and node.test is not None:
        node.test = nodes.And(steps, node.test, lineno=node.lineno)
    return node  # type: ignore[no-any-return]


def _concat(node: nodes.Concat) -> nodes.Node:
    return _filter(nodes.List([_printed(part) for part in node.nodes], lineno=node.lineno), _CONCATENATED)


def _output(node: nodes.Output) -> nodes.Node:
    node.nodes = [_printed(part) for part in node.nodes]
    return node


def _printed(node: nodes.Expr) -> nodes.Expr:
    """An expression that becomes text, with its name for the case that it is null."""
    if isinstance(node, nodes.TemplateData | nodes.Const | nodes.Concat):
        return node
    return _filter(node, _PRINTED, nodes.Const(spelled(node), lineno=node.lineno))


def _of_text(node: nodes.Filter) -> nodes.Node:
    if (node.name in OF_TEXT or node.name in ADDED) and node.node is not None:
        node.node = _printed(node.node)
    return node


def _getitem(node: nodes.Getitem) -> nodes.Node:
    return _filter(node, _SLICED) if isinstance(node.arg, nodes.Slice) else node


def _compare(node: nodes.Compare) -> nodes.Node:
    left = node.expr
    for operand in node.ops:
        right = operand.expr
        inside = operand.op in ("in", "notin")
        if not (_is_written(right) or (_is_written(left) and not inside)):
            operand.expr = _filter(right, _WEIGHED)
            if left is node.expr and not inside:
                node.expr = _filter(left, _WEIGHED)
        left = right
    if len(node.ops) > 1 or node.ops[0].op not in _ORDERS or _is_number(node.expr) or _is_number(node.ops[0].expr):
        return node
    return _filter(node.expr, _ORDERED, nodes.Const(node.ops[0].op, lineno=node.lineno), node.ops[0].expr)


def _is_number(node: nodes.Expr) -> bool:
    return isinstance(node, nodes.Const) and not isinstance(node.value, str)


_CHANGES: Mapping[type[nodes.Node], Callable[[Any], nodes.Node]] = {
    **dict.fromkeys((nodes.For, nodes.Macro, nodes.CallBlock, nodes.Block), _with_charged_body),
    nodes.Concat: _concat,
    nodes.Filter: _of_text,
    nodes.Getitem: _getitem,
    nodes.Output: _output,
    nodes.Compare: _compare,
}


def _is_written(node: nodes.Expr) -> bool:
    """Whether a value is a plain one in the template itself."""
    if isinstance(node, nodes.List | nodes.Tuple):
        return all(isinstance(item, nodes.Const) for item in node.items)
    return isinstance(node, nodes.Const)


def _filter(node: nodes.Expr, name: str, *arguments: nodes.Expr) -> nodes.Expr:
    given = list(arguments)
    return nodes.Filter(node, name, given, [], None, None, lineno=node.lineno, environment=node.environment)


_ORDERS: Mapping[str, Callable[[Any, Any], Any]] = {
    "gt": operator.gt,
    "gteq": operator.ge,
    "lt": operator.lt,
    "lteq": operator.le,
}
_DIGITS = re.compile(r"\s*[+-]?[0-9]{1,100}(\.[0-9]{1,100})?\s*")


def _ordered(left: Any, order: str, right: Any) -> Any:
    """A comparison; it raises where two texts are numbers in another order than as texts: "9" is above "10"."""
    compare = _ORDERS[order]
    result = compare(left, right)
    texts = isinstance(left, str) and isinstance(right, str)
    numbers = texts and _DIGITS.fullmatch(left) and _DIGITS.fullmatch(right)
    if numbers and compare(float(left), float(right)) is not result:
        raise ExpressionError(
            f"{given(left)} and {given(right)} are texts, which are compared letter by letter",
            hint="make both numbers, as in (a | float) > (b | float)",
        )
    return result


@pass_context  # so that it is not folded when the template is compiled
def _charged(_context: Context, steps: int) -> bool:
    charge(steps)
    return True


@pass_eval_context
def _concatenated(context: EvalContext, values: list[Any]) -> str:
    text = joined(value if isinstance(value, str) else text_of(value) for value in values)
    return markup_join(values) if context.autoescape else text


def _named(value: Any, name: str) -> Any:
    if value is None:
        raise null_in_text(name)
    return value


def _sliced(value: Any) -> Any:
    if hasattr(value, "__len__"):
        charge(len(value) // 16 if not isinstance(value, str | bytes) else len(value) // 256)
    return value


OPERATIONS = {
    _CHARGED: _charged,
    _CONCATENATED: _concatenated,
    _PRINTED: _named,
    _SLICED: _sliced,
    _WEIGHED: weigh,
    _ORDERED: _ordered,
}
"""The filters that a metered tree holds, by name."""
