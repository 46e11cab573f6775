"""The steps in the source of a Python scenario, read before it runs.

A step whose name is a literal gets its row in reports, with its line, and a mistyped service is found at load.
Other steps get their rows while the scenario runs. Functions of the same file that receive the user are read too.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_VERBS = ("get", "post", "put", "patch", "delete", "head", "options", "request", "poll")
_ID = re.compile(r"(?=.*[0-9])(?!v[0-9]+$).+")


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenStep:
    """A step in the source. `service` is None if it is not a literal, `method` "" if nothing is sent."""

    name: str
    action: str
    line: int
    column: int
    width: int
    method: str = ""
    service: str | None = None
    assertion: bool = False


def default_name(method: str, path: str) -> str:
    """The default name of a request: its method and path, with `*` for segments that look like an id.

    A path with an id would be a new row for each order: `GET /api/orders/*`.
    """
    plain = path.partition("?")[0].partition("#")[0]
    return f"{method} {'/'.join('*' if _ID.match(segment) else segment for segment in plain.split('/'))}"


def written_steps(source: str, function: str) -> list[WrittenStep]:
    """The steps of the function of that name in a module's source, in their order, each name once."""
    tree = ast.parse(source)
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    found: dict[str, WrittenStep] = {}
    for step in _steps(functions, function, place=0, seen=frozenset()):
        found.setdefault(step.name, step)
    return list(found.values())


_Functions = Mapping[str, "ast.FunctionDef | ast.AsyncFunctionDef"]


def _steps(functions: _Functions, name: str, *, place: int, seen: frozenset[str]) -> Iterator[WrittenStep]:
    """The steps of a function whose parameter at `place` is the user."""
    node = functions.get(name)
    if node is None or name in seen or place >= len(node.args.args):
        return
    user = node.args.args[place].arg
    calls = [each for each in ast.walk(node) if isinstance(each, ast.Call)]
    for call in sorted(calls, key=lambda each: (each.lineno, each.col_offset)):
        if isinstance(call.func, ast.Attribute):
            step = _step(call, call.func, user)
            if step is not None:
                yield step
        elif isinstance(call.func, ast.Name):
            handed = [i for i, arg in enumerate(call.args) if isinstance(arg, ast.Name) and arg.id == user]
            if handed:
                yield from _steps(functions, call.func.id, place=handed[0], seen=seen | {name})


def _step(call: ast.Call, called: ast.Attribute, user: str) -> WrittenStep | None:
    owner, word = called.value, called.attr
    if isinstance(owner, ast.Attribute) and owner.attr == "http" and _is(owner.value, user) and word in _VERBS:
        return _request(call, word)
    if not _is(owner, user):
        return None
    if word == "pause":
        name = _literal(_keyword(call, "name"))
        return None if name is None else _at(call, name=name, action="wait")
    if word in {"check", "expect"}:
        name = _literal(_argument(call, 0, "name"))
        return None if name is None else _at(call, name=name, action="assert", assertion=True)
    if word in {"step", "group"}:
        name = _literal(_argument(call, 0, "name"))
        return None if name is None else _at(call, name=name, action="python" if word == "step" else "group")
    return None


def _request(call: ast.Call, verb: str) -> WrittenStep | None:
    shift = 1 if verb == "request" else 0
    method = _literal(_argument(call, 0, "method")) if shift else "GET" if verb == "poll" else verb
    service = _literal(_argument(call, shift, "service"))
    path = _path(_argument(call, shift + 1, "path"))
    if method is None:
        return None
    given = _keyword(call, "name")
    name = _literal(given) if given is not None else path and default_name(method.upper(), path)
    if name is None:
        return None
    action = "wait" if verb == "poll" else "http"
    return _at(call, name=name, action=action, method=method.upper(), service=service)


def _at(call: ast.Call, **fields: object) -> WrittenStep:
    end = call.func.end_col_offset or call.func.col_offset
    width = end - call.func.col_offset if call.func.end_lineno == call.func.lineno else 1
    place: dict[str, object] = {"line": call.func.lineno, "column": call.func.col_offset + 1, "width": width}
    return WrittenStep(**{**place, **fields})  # type: ignore[arg-type]  # the callers name the fields


def _is(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _argument(call: ast.Call, place: int, name: str) -> ast.expr | None:
    return call.args[place] if place < len(call.args) else _keyword(call, name)


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def _literal(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _path(node: ast.expr | None) -> str | None:
    """A literal path. A value in an f-string becomes a digit, which makes its segment an id."""
    if isinstance(node, ast.JoinedStr):
        parts = [_literal(part) if isinstance(part, ast.Constant) else "0" for part in node.values]
        return None if None in parts else "".join(part for part in parts if part is not None)
    return _literal(node)
