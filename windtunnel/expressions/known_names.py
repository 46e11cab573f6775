"""The functions, filters and tests that a template names exist, and take the arguments that they are given.

Checked when a template is compiled, also in the parts of it that may never be rendered.
"""

from __future__ import annotations

from typing import Any

from jinja2 import nodes

from windtunnel.errors import ExpressionError
from windtunnel.expressions.filters import ADDED, FILTERS, TESTS
from windtunnel.expressions.functions import FUNCTIONS
from windtunnel.expressions.text import encoded

GLOBALS = ("namespace", "range")
"""The functions of Jinja2 that templates have."""

_ARGUMENTS = {"choice": 1, "hmac": 3, "jwt_sign": 2, "now": 0, "random_int": 2, "random_string": 1, "uuid": 0}
"""How many arguments a call has in its usual form, which needs no look at the function."""

_OF_DATES = ("date", "iso")
_SIGNING = ("hmac", "jwt_sign")
"""Filters and functions that are tried at load with what is written: a time zone, a format, a digest."""

_KNOWN = {"filter": FILTERS, "test": TESTS}

_APPLIED = {
    "map": ("filter", 0),
    "select": ("test", 0),
    "reject": ("test", 0),
    "selectattr": ("test", 1),
    "rejectattr": ("test", 1),
}
"""Filters that are given the name of what they apply: its kind, and which argument it is."""


def require_known(node: nodes.Filter | nodes.Test) -> None:
    """Raise ExpressionError for a filter or test that does not exist, also where `map` or `select` applies it."""
    is_filter = isinstance(node, nodes.Filter)
    if node.name not in (FILTERS if is_filter else TESTS):
        raise unknown("filter" if is_filter else "test", node.name)
    if is_filter and node.name in ADDED and (node.args or node.kwargs):
        from windtunnel.expressions.unknown_names import require_arguments

        function = getattr(ADDED[node.name], "find", lambda: encoded)()
        require_arguments(node.name, function, node, value=1)
        if node.name in _OF_DATES:
            named = {str(pair.key): pair.value for pair in node.kwargs if _is_constant(pair.value)}
            function(0, *_values(node.args), **dict(zip(named, _values([*named.values()]), strict=True)))
    kind, place = _APPLIED.get(node.name, ("", 0))
    applied = node.args[place] if is_filter and kind and len(node.args) > place else None
    if isinstance(applied, nodes.Const) and applied.value not in _KNOWN[kind]:
        raise unknown(kind, str(applied.value))


def require_call(name: str, call: nodes.Call) -> None:
    """Raise ExpressionError for a call of a name that is no function, or with arguments that it does not take."""
    if name not in FUNCTIONS and name not in GLOBALS:
        raise unknown("function", name)
    if name in _SIGNING and len(call.args) > 2:
        FUNCTIONS[name]({})({}, "", *_values(call.args[2:3]))
    if name in _ARGUMENTS and (call.kwargs or len(call.args) != _ARGUMENTS[name]):
        from windtunnel.expressions.unknown_names import require_arguments

        require_arguments(name, FUNCTIONS[name]({}), call)


def _is_constant(node: nodes.Expr) -> bool:
    return isinstance(node, nodes.Const) or (isinstance(node, nodes.Neg) and isinstance(node.node, nodes.Const))


def _values(written: list[nodes.Expr]) -> list[Any]:
    """The values of those that are written in the template."""
    return [each.as_const() for each in written if _is_constant(each)]


def unknown(kind: str, name: str) -> ExpressionError:
    """The error for a function, filter or test (`kind`) that does not exist."""
    from windtunnel.expressions.unknown_names import unknown_name

    return unknown_name(kind, name)


def of_other_tool(name: str) -> str | None:
    """The hint for a name that another tool has, such as `__VU` or `newUuid`; None for any other."""
    from windtunnel.expressions.unknown_names import elsewhere

    ours = elsewhere(name)
    return f"write {ours}" if ours else None
