"""JSON paths that jsonpath-ng searches: filters, arithmetic, sorting, with a bound on how much it searches.

Each part of its compiled path counts what it is asked and what it finds. What it would hand to `re` or multiply is
measured first: the SUT chooses the texts.
"""

from __future__ import annotations

import itertools
import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from jsonpath_ng import Index, JSONPath
from jsonpath_ng.ext.parser import parse

from windtunnel.errors import ExpressionError
from windtunnel.expressions.json_walk import HINT, Budget, Find

_ASKED, _FOUND = 40, 20
"""What a part of a path costs in values of `json_walk`: it takes as much longer."""

_REPETITIONS = re.compile(r"[*+?{|]")
"""With one of them at most, nothing nests: the time of `re` is at worst quadratic in the text."""


def search_of(text: str) -> Find:
    """What finds the values of a path. Raises ExpressionError for an invalid one."""
    segments = _segments(text)
    for position, (name, following) in enumerate(itertools.pairwise(segments)):
        # Names of OData hold a dot, those of JSON-LD and of converted XML do not: `@odata.count`, `@graph.id`.
        if "@" in name and name[0] != "[" and following[0] != "[":
            one, two = _written(segments, joined=position), _written(segments)
            raise ExpressionError(
                f'"{name.lstrip(".")}{following}" in "{text}" can be one name or two',
                hint=f"write {one} for one name with a dot, {two} for two",
            )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of operators that a later major version drops
            expression = parse(text)
    except Exception as error:  # its lexer, its parser and `re` raise various errors: the path is invalid
        written = _written(segments)
        hint = f"write {written}" if segments and written and written != text else HINT
        raise ExpressionError(f'"{text}" is not a JSON path: {error}', hint=hint) from error
    spent = _Spent(text)
    for part in list(_parts(expression, set())):
        _bound(part, spent)

    def find(document: Any) -> list[Any]:
        spent.begin()
        try:
            # Older versions take `[0]` of a text for its first letter, which is no value of the document.
            return [
                match.value
                for match in expression.find(document)
                if not (isinstance(match.path, Index) and match.context and isinstance(match.context.value, str))
            ]
        except ExpressionError:
            raise
        except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError):
            return []  # raised, depending on the version, for a document of another shape
        except NotImplementedError as error:
            raise ExpressionError(f'JSON path not supported: "{text}"') from error
        except RecursionError as error:
            raise ExpressionError(f'the document is nested too deep for "{text}"') from error

    return find


_PLAIN = re.compile(r"\.{0,2}([A-Za-z_][A-Za-z0-9_-]*|\*)|\[.*\]")
_QUOTED = r"""'[^']*' | "[^"]*" """
_OTHER = r"""[^'"\[\]]"""
_SEGMENT = re.compile(
    rf"\[ (?: {_OTHER} | {_QUOTED} | \[ (?: {_OTHER} | {_QUOTED} )* \] )* \] | \.{{1,2}}[^.\[]* | [^.\[]+",
    re.VERBOSE,
)


def _segments(text: str) -> list[str]:
    """The names and brackets of a path, each with the dots before it; none of a path that is not made of these."""
    path = text.removeprefix("$")
    segments = [match[0] for match in _SEGMENT.finditer(path)]
    return segments if "".join(segments) == path else []


def _written(segments: list[str], *, joined: int | None = None) -> str | None:
    """A path with each name that needs it in quotes and brackets; `joined` and the one after it are one name."""
    path = "$"
    if joined is not None:
        segments = [*segments[:joined], "".join(segments[joined : joined + 2]), *segments[joined + 2 :]]
    for segment in segments:
        name = segment.lstrip(".")
        if _PLAIN.fullmatch(segment):
            path += segment if segment[0] in ".[" else f".{segment}"
        elif not name or "\\" in name or ("'" in name and '"' in name):
            return None
        else:
            quote = '"' if "'" in name else "'"
            path += f"{'..' if segment.startswith('..') else ''}[{quote}{name}{quote}]"
    return path


class _Spent:
    """The budget of the search that is under way; a search ends before another one begins."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.budget = Budget(path)

    def begin(self) -> None:
        self.budget = Budget(self.path)


def _parts(value: Any, seen: set[int]) -> Iterator[Any]:
    """Every part of a compiled path."""
    if isinstance(value, list | tuple):
        for item in value:
            yield from _parts(item, seen)
    elif isinstance(value, JSONPath) and id(value) not in seen:
        seen.add(id(value))
        yield value
        yield from _parts(list(vars(value).values()), seen)


def _bound(part: Any, spent: _Spent) -> None:
    """Make a part of a path count, and refuse what it can't do within a bound. Raises ExpressionError."""
    kind = type(part).__name__
    pattern = part.value if getattr(part, "op", None) == "=~" else getattr(part, "expr", None)
    if isinstance(pattern, str) and len(_REPETITIONS.findall(pattern)) > 1:
        raise ExpressionError(
            f'the pattern "{pattern}" in a JSON path has more than one repetition',
            hint="take the values with the path, and check them with `matches`",
        )
    if kind.lstrip("_") == "Intersect":  # the library parses `&` but cannot evaluate it
        raise ExpressionError(f'JSON path not supported: "{spent.path}"')
    if kind == "Operation":
        part.op = _calculating(part.op)
    ask: Callable[[Any], Any] = part.find
    reads_text = isinstance(pattern, str)

    def find(datum: Any) -> Any:
        budget = spent.budget
        budget.take(_ASKED)
        value = getattr(datum, "value", datum)
        if kind in ("Str", "SortedThis"):
            _read_all(value, budget)
        elif isinstance(value, str) and kind in ("Sub", "Split"):
            budget.take(len(value) + (len(value) ** 2 // 100 if reads_text else 0))
        elif reads_text:
            for match in part.target.find(datum):
                if isinstance(match.value, str):
                    budget.take(len(match.value) ** 2 // 100)
        found = ask(datum)
        if isinstance(found, list):
            budget.take(_FOUND * len(found))
        return found

    part.find = find


def _calculating(operation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Arithmetic on numbers: a text times a number has no bound."""

    def calculate(left: Any, right: Any) -> Any:
        if isinstance(left, str | list) and not isinstance(right, str | list):
            raise TypeError
        if isinstance(right, str | list) and not isinstance(left, str | list):
            raise TypeError
        return operation(left, right)

    return calculate


def _read_all(value: Any, budget: Budget) -> None:
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, list | dict):
            budget.take(1 + len(item))
            pending += item.values() if isinstance(item, dict) else item
        elif isinstance(item, str):
            budget.take(1 + len(item) // 100)
