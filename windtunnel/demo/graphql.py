"""As much of GraphQL as a shop needs: two fields to ask for, arguments, variables, several operations.

{ product(id: "p-1") { id name } }
query Shelf($n: Int) { products(limit: $n, category: "home") { id price } }
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from windtunnel.demo.catalog import PRODUCTS_BY_ID, Product, in_category

_TOKEN = re.compile(r'\s*(?:#[^\n]*\s*)*([A-Za-z_]\w*|\$[A-Za-z_]\w*|-?\d+|"[^"\\\n]*"|[{}():!\[\],=])')
_MOST_TOKENS = 1_000
_FIELDS = tuple(Product.__dataclass_fields__)


class GraphQLRequest(msgspec.Struct, frozen=True):
    """The body of a request."""

    query: str
    variables: dict[str, Any] | None = None
    operationName: str | None = None  # noqa: N815  the name that GraphQL gives it


class _Refused(Exception):  # noqa: N818  what becomes an entry of `errors`
    """Why a query has no answer."""


@dataclass(slots=True)
class _Field:
    """A field that is asked for: with its arguments and the fields inside of it."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    inner: list[_Field] = field(default_factory=list)


def answer_query(request: GraphQLRequest) -> dict[str, Any]:
    """The answer: `data`, or `errors` with a message."""
    try:
        fields = _Reader(request).fields()
        return {"data": {wanted.name: _resolve(wanted) for wanted in fields}}
    except _Refused as refused:
        return {"errors": [{"message": str(refused)}]}


class _Reader:
    """Reads the operation that is wanted out of a query."""

    def __init__(self, request: GraphQLRequest) -> None:
        self._variables = request.variables or {}
        self._wanted = request.operationName
        self._tokens = _tokens(request.query)
        self._at = 0

    def fields(self) -> list[_Field]:
        operations: dict[str, list[_Field]] = {}
        while self._at < len(self._tokens):
            name = ""
            if self._next_is("query"):
                name = "" if self._peek() in "{(" else self._take()
                if self._next_is("("):
                    while self._take() != ")":
                        pass
            operations[name] = self._selection()
        if self._wanted is None and len(operations) != 1:
            raise _Refused("operationName must say which operation is meant")
        wanted = next(iter(operations)) if self._wanted is None else self._wanted
        if wanted not in operations:
            raise _Refused(f'there is no operation "{wanted}"')
        return operations[wanted]

    def _selection(self) -> list[_Field]:
        self._expect("{")
        fields = []
        while not self._next_is("}"):
            found = _Field(self._name())
            if self._next_is("("):
                while not self._next_is(")"):
                    name = self._name()
                    self._expect(":")
                    found.arguments[name] = self._value()
                    self._next_is(",")
            if self._peek() == "{":
                if found.name not in _ROOT:
                    raise _Refused(f'"{found.name}" has no fields')
                found.inner = self._selection()
            fields.append(found)
            self._next_is(",")
        return fields

    def _value(self) -> Any:
        token = self._take()
        if token.startswith("$"):
            return self._variables.get(token[1:])
        if token.startswith('"'):
            return token[1:-1]
        if token.lstrip("-").isdigit():
            return int(token[:9])
        raise _Refused(f'"{token}" is not a value')

    def _name(self) -> str:
        token = self._take()
        if not token.isidentifier():
            raise _Refused(f'"{token}" is not a name')
        return token

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        if not token:
            raise _Refused("the query ends too early")
        self._at += 1
        return token

    def _next_is(self, token: str) -> bool:
        found = self._peek() == token
        self._at += found
        return found

    def _expect(self, token: str) -> None:
        found = self._take()
        if found != token:
            raise _Refused(f'expected "{token}", not "{found}"')


def _tokens(query: str) -> list[str]:
    tokens: list[str] = []
    position = 0
    text = query.rstrip()
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None or len(tokens) == _MOST_TOKENS:
            raise _Refused(f"the query can't be read at character {position + 1}")
        tokens.append(found[1])
        position = found.end()
    return tokens


def _resolve(wanted: _Field) -> Any:
    resolve = _ROOT.get(wanted.name)
    if resolve is None:
        raise _Refused(f'there is no field "{wanted.name}"')
    if not wanted.inner:
        raise _Refused(f'say which fields of "{wanted.name}" are wanted')
    unknown = [inner.name for inner in wanted.inner if inner.name not in _FIELDS]
    if unknown:
        raise _Refused(f'a product has no field "{unknown[0]}"')
    return resolve(wanted)


def _product(wanted: _Field) -> dict[str, Any] | None:
    product = PRODUCTS_BY_ID.get(str(wanted.arguments.get("id")))
    return None if product is None else _shown(product, wanted)


def _products(wanted: _Field) -> list[dict[str, Any]]:
    limit, category = wanted.arguments.get("limit", 20), wanted.arguments.get("category")
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise _Refused("limit must be a whole number above zero")
    return [
        _shown(product, wanted) for product in in_category(None if category is None else str(category))[:limit]
    ]


def _shown(product: Product, wanted: _Field) -> dict[str, Any]:
    return {inner.name: getattr(product, inner.name) for inner in wanted.inner}


_ROOT: Mapping[str, Callable[[_Field], Any]] = {"product": _product, "products": _products}
"""What can be asked for."""
